# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What changed between two versions of a file, as hunks of a unified diff.

Every hunk has as many unchanged lines before and after as the caller says; hunks that touch are
one. Lines that both versions begin and end with are cut off first. If what is left is too much to
compare in reasonable time (`LARGEST`), it is one change from the one version to the other.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

# First and end of the lines before, first and end of those after.
Change = tuple[int, int, int, int]
# Lines before times lines after.
LARGEST = 4_000_000


def changes(before: Sequence[str], after: Sequence[str]) -> list[Change]:
    """The runs of lines that differ.

    >>> changes(["a", "b", "c"], ["a", "x", "c", "d"])
    [(1, 2, 1, 2), (3, 3, 3, 4)]
    """
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end_before, end_after = len(before), len(after)
    while min(end_before, end_after) > start and before[end_before - 1] == after[end_after - 1]:
        end_before, end_after = end_before - 1, end_after - 1
    first, second = before[start:end_before], after[start:end_after]
    if not first and not second:
        return []
    if not first or not second or len(first) * len(second) > LARGEST:
        return [(start, end_before, start, end_after)]
    return [
        (start + i1, start + i2, start + j1, start + j2)
        for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, first, second).get_opcodes()
        if tag != "equal"
    ]


def hunks(
    before: Sequence[str], after: Sequence[str], context: Callable[[int], tuple[int, int]]
) -> list[str]:
    """The hunks of a diff.

    Args:
        before: Lines.
        after: Lines.
        context: The lines to show before and after the n-th change.

    >>> print(hunks(["a", "b", "c", "d"], ["a", "b", "x", "d"], lambda n: (1, 0))[0])
    @@ -2,2 +2,2 @@
     b
    -c
    +x
    """
    # Each: first and end line before, shown; the changes within.
    groups: list[tuple[int, int, list[Change]]] = []
    for n, change in enumerate(changes(before, after)):
        above, below = context(n)
        first, end = max(change[0] - above, 0), min(change[1] + below, len(before))
        if groups and first <= groups[-1][1]:
            start, last, within = groups.pop()
            groups.append((start, max(end, last), [*within, change]))
        else:
            groups.append((first, end, [change]))
    return [_hunk(before, after, *group) for group in groups]


def _hunk(
    before: Sequence[str], after: Sequence[str], first: int, end: int, within: list[Change]
) -> str:
    first_after = within[0][2] - (within[0][0] - first)
    lines: list[str] = []
    position = first
    for i1, i2, j1, j2 in within:
        lines += [f" {line}" for line in before[position:i1]]
        lines += [f"-{line}" for line in before[i1:i2]]
        lines += [f"+{line}" for line in after[j1:j2]]
        position = i2
    lines += [f" {line}" for line in before[position:end]]
    end_after = within[-1][3] + (end - within[-1][1])
    old, new = _range(first, end), _range(first_after, end_after)
    return "\n".join([f"@@ -{old} +{new} @@", *lines])


def _range(first: int, end: int) -> str:
    # Lines are counted from 1; an empty range is named by the line before it.
    return f"{first + (end > first)},{end - first}"
