# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The shared counts against counting character by character."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep import text_statistics
from data_prep.document import Document
from data_prep.text_statistics import Statistics, statistics

# Every kind of line end, classes at their borders, and characters of one to four bytes.
ALPHABET = "aZ09fFgG _\t\n\r\v\f\x1c\x1e\x85\u2028\u2029é²½Ⅷ漢字\u0301😀\u00a0\ufeff"


def oracle(text: str) -> Statistics:
    lengths = [len(line) for line in text.splitlines()]
    return Statistics(
        num_bytes=len(text.encode()),
        num_chars=len(text),
        num_lines=len(lengths),
        line_chars=sum(lengths),
        max_line_chars=max(lengths, default=0),
        alphabetic=sum(c.isalpha() for c in text),
        alphanumeric=sum(c.isalnum() for c in text),
        whitespace=sum(c.isspace() for c in text),
        digits=sum(c in "0123456789" for c in text),
        hex_digits=sum(c in "0123456789abcdefABCDEF" for c in text),
    )


@given(st.one_of(st.text(ALPHABET), st.text(), st.text("ab\r\n", max_size=12)))
def test_counts_are_those_of_plain_python(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    assert statistics(text.encode()) == oracle(text)


@given(st.lists(st.text("xyé", max_size=5)), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_lines(lines: list[str], end: str, last: bool) -> None:
    text = end.join(lines) + end * last
    assert statistics(text.encode()) == oracle(text)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 200_000])
def test_long_texts_are_counted_in_blocks(size: int) -> None:
    text = ("ab1 \n" * size)[: size - 1] + "é"
    assert statistics(text.encode()) == oracle(text)


def test_golden_values() -> None:
    counts = Document.of("def f():\n\treturn 0xAb  # é\n").statistics
    assert counts == Statistics(
        num_bytes=28,
        num_chars=27,
        num_lines=2,
        line_chars=25,
        max_line_chars=17,
        alphabetic=14,
        alphanumeric=15,
        whitespace=8,
        digits=1,
        hex_digits=8,
    )
    assert counts.mean_line_chars == 12.5
    assert statistics(b"").mean_line_chars == 0.0


def test_examples() -> None:
    assert doctest.testmod(text_statistics).failed == 0
