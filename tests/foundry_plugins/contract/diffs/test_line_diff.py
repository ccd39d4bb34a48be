# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The line diff: shortest where it can be, right and quick everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundry_plugins.contract.diffs import line_diff
from foundry_plugins.contract.diffs.line_diff import Block, Edit, blocks, changes
from foundry_plugins.contract.stateless_hash import hash64

LINES = st.lists(st.sampled_from("abc}"), max_size=24)


def applied(before: Sequence[str], after: Sequence[str], edits: Sequence[Edit]) -> list[str]:
    """The lines after, by the edits; lines between them must be equal."""
    result: list[str] = []
    position = 0
    for first, end, new_first, new_end in edits:
        result += before[position:first]
        assert len(result) == new_first
        result += after[new_first:new_end]
        position = end
    return [*result, *before[position:]]


def length_of_longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """The textbook table."""
    row = [0] * (len(b) + 1)
    for x in a:
        above, row = row, [0]
        for n, y in enumerate(b):
            row.append(above[n] + 1 if x == y else max(above[n + 1], row[n]))
    return row[-1]


@settings(deadline=None)
@given(before=LINES, after=LINES)
def test_fewest_lines_differ(before: list[str], after: list[str]) -> None:
    edits = changes(before, after)
    assert applied(before, after, edits) == after
    size = sum(end - first + new_end - new_first for first, end, new_first, new_end in edits)
    assert size == len(before) + len(after) - 2 * length_of_longest_common(before, after)
    # Edits do not touch, and none is empty.
    for edit, following in pairwise(edits):
        assert edit[1] < following[0]
        assert edit[3] < following[2]


@pytest.mark.parametrize(("most_edits", "most_steps"), [(0, 10_000), (2, 10_000), (512, 5)])
@settings(deadline=None)
@given(before=LINES, after=LINES)
def test_right_without_the_means_to_be_short(
    most_edits: int, most_steps: int, before: list[str], after: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_diff, "MOST_EDITS", most_edits)
        patch.setattr(line_diff, "MOST_STEPS", most_steps)
        assert applied(before, after, changes(before, after)) == after


def test_large_files_take_few_steps() -> None:
    lines = [f"line {n}" for n in range(20_000)]
    few = [str(hash64(n) % 50) for n in range(20_000)]
    many = [str(hash64("b", n) % 50) for n in range(20_000)]
    assert changes(lines, [line + "x" for line in lines]) == [(0, 20_000, 0, 20_000)]
    for before, after in (
        (lines, lines[::-1]),
        (lines, sorted(lines, key=hash64)),
        (few, many),
        (["}"] * 20_000, few),
    ):
        comparison = line_diff._Comparison(before, after)
        comparison.matches()
        assert comparison._steps > -200_000
        assert applied(before, after, changes(before, after)) == after


def test_a_moved_block_is_found_whatever_its_size() -> None:
    lines = [f"line {n}" for n in range(5000)]
    moved = [*lines[2000:], *lines[:2000]]
    assert changes(lines, moved) == [(0, 2000, 0, 0), (5000, 5000, 3000, 5000)]


def test_many_edits_are_found_between_the_lines_that_occur_once() -> None:
    """More than `MOST_EDITS` of them, each of which takes lines that are everywhere."""
    number = 2 * line_diff.MOST_EDITS
    before = [line for n in range(number) for line in (f"line {n}", "}", "", "}")]
    after = [line for n in range(number) for line in (f"line {n}", "}", "", "")]
    edits = changes(before, after)
    assert edits == [(4 * n + 3, 4 * n + 4, 4 * n + 3, 4 * n + 4) for n in range(number)]


def test_blocks_join_where_their_spans_come_near() -> None:
    edits = [(2, 3, 2, 5), (6, 6, 8, 9), (20, 22, 23, 23)]
    spans = [(1, 4), (5, 7), (20, 22)]
    far = Block(20, 22, 23, 23, (edits[2],))
    assert blocks(edits, spans, gap=1) == [Block(1, 7, 1, 10, (edits[0], edits[1])), far]
    first, second = Block(1, 4, 1, 6, (edits[0],)), Block(5, 7, 7, 10, (edits[1],))
    assert blocks(edits, spans) == [first, second, far]
    # One that reaches back over all.
    assert blocks(edits, [(1, 4), (5, 7), (0, 23)]) == [Block(0, 23, 0, 24, tuple(edits))]
