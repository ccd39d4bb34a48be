# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Exact duplicates against a set of those seen."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data_prep.dedup.exact import KEY, digest, first_of_each


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60))
def test_first_of_each_group_stays(numbers: list[int]) -> None:
    digests = [digest(str(number).encode()) for number in numbers]
    seen: set[bytes] = set()
    expected = [not (d in seen or seen.add(d)) for d in digests]
    assert first_of_each(np.array(digests, dtype="V32")).tolist() == expected


def test_digests_with_zero_bytes_at_the_end_differ() -> None:
    keys = np.array([b"a" + b"\0" * 31, b"a" + b"\0" * 30 + b"\1"], dtype="V32")
    assert first_of_each(keys).tolist() == [True, True]


def test_key_record() -> None:
    assert KEY.itemsize == 48
    assert digest(b"x") == hashlib.sha256(b"x").digest()
