# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Hunks: applied to the lines before they give the lines after."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.conversations import hunks as module
from data_prep.conversations.hunks import changes, hunks

_HEADER = re.compile(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@")


def apply(before: Sequence[str], found: Sequence[str]) -> list[str]:
    """A plain patch: checks every line and count on the way."""
    result: list[str] = []
    position = 0
    for hunk in found:
        header, *lines = hunk.split("\n")
        match = _HEADER.fullmatch(header)
        assert match is not None
        start, length, new_start, new_length = map(int, match.groups())
        first = start - (length > 0)
        result += before[position:first]
        assert len(result) == new_start - (new_length > 0)
        position = first
        added = len(result)
        for line in lines:
            if line[0] in " -":
                assert before[position] == line[1:]
                position += 1
            if line[0] in " +":
                result.append(line[1:])
        assert position - first == length
        assert len(result) - added == new_length
    return result + list(before[position:])


LINES = st.lists(st.sampled_from(["a", "b", "c", "", "}"]), max_size=30)


@given(before=LINES, after=LINES, above=st.integers(0, 4), below=st.integers(0, 4))
def test_a_patch_gives_the_lines_after(
    before: list[str], after: list[str], above: int, below: int
) -> None:
    found = hunks(before, after, lambda n: (above, below + n % 2))
    assert apply(before, found) == after
    assert bool(found) == (before != after)


@given(before=LINES, after=LINES)
def test_too_much_to_compare_is_one_change(before: list[str], after: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LARGEST", 0)
        assert len(changes(before, after)) == (before != after)
        assert apply(before, hunks(before, after, lambda n: (2, 2))) == after


def test_hunks_that_touch_are_one() -> None:
    before = list("abcdefghij")
    after = list("aBcdefghIj")
    assert len(hunks(before, after, lambda n: (1, 1))) == 2
    (one,) = hunks(before, after, lambda n: (3, 4))
    assert one.split("\n")[0] == "@@ -1,10 +1,10 @@"


def test_new_and_deleted_files() -> None:
    assert hunks([], ["a", "b"], lambda n: (3, 3)) == ["@@ -0,0 +1,2 @@\n+a\n+b"]
    assert hunks(["a", "b"], [], lambda n: (3, 3)) == ["@@ -1,2 +0,0 @@\n-a\n-b"]


def test_large_files_with_small_changes_are_quick() -> None:
    before = [f"line {n}" for n in range(50_000)]
    after = [*before[:25_000], "new", *before[25_000:]]
    assert changes(before, after) == [(25_000, 25_000, 25_000, 25_001)]
    # Nothing alike: compared as a whole.
    assert changes(before, [line + "x" for line in before]) == [(0, 50_000, 0, 50_000)]
