# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Copies that differ in white space only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from data_prep.dedup.exact import normalized_digest


@given(st.lists(st.sampled_from(["if", "x", ":", " ", "\t", "\r\n", "\f", "\u00e9"])))
def test_equal_exactly_if_the_rest_is(pieces: list[str]) -> None:
    squeezed = "".join("".join(pieces).split())
    assert normalized_digest("".join(pieces).encode()) == normalized_digest(squeezed.encode())
    assert normalized_digest(squeezed.encode()) != normalized_digest(squeezed.encode() + b"y")
    assert len(normalized_digest(b"")) == 16


def test_case_and_no_break_spaces_count() -> None:
    digests = {normalized_digest(t.encode()) for t in ("ab", "aB", "a\u00a0b")}
    assert len(digests) == 3
