# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Lines, and spans of them that are found again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundry_plugins.contract.diffs.lines import (
    UniqueSpans,
    position,
    replace_unique,
    split_lines,
)
from tests.foundry_plugins.contract.diffs.commits import texts


@settings(deadline=None)
@given(text=texts())
def test_lines_are_the_text(text: str) -> None:
    lines = split_lines(text)
    assert "".join(lines) == text
    assert all(line.index("\n") == len(line) - 1 for line in lines[:-1])
    assert text.count("\n") + (not text.endswith("\n")) - (not text) == len(lines)


def occurrences(text: str, part: str) -> int:
    return sum(text.startswith(part, start) for start in range(len(text)))


@settings(deadline=None)
@given(text=texts(), data=st.data())
def test_the_smallest_span_that_is_unique(text: str, data: st.DataObject) -> None:
    lines = split_lines(text)
    first = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(first, len(lines)))
    # By the definition: one line more at each end until it occurs once.
    start, stop = first, end
    while lines and occurrences(text, "".join(lines[start:stop]) or "\0") != 1:
        start, stop = max(start - 1, 0), min(stop + 1, len(lines))
    assert UniqueSpans(lines).around(first, end) == (start, stop)


def test_where_a_text_is() -> None:
    assert position("abab", "abab", "f") == position("", "", "f") == 0
    assert replace_unique("a-b", "-", "+", "f") == "a+b"
    for text, part, message in (
        ("abab", "ab", "occurs more than once in 'f': 'ab'"),
        ("aaa", "aa", "occurs more than once"),
        ("abab", "x", "is not in 'f': 'x'"),
        ("abab", "", "is not in 'f': ''"),
    ):
        with pytest.raises(ValueError, match=message):
            position(text, part, "f")
