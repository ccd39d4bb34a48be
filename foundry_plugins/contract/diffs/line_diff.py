# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which lines differ between two versions of a file: the shortest answer, in bounded time.

Lines that both versions begin and end with are cut off, then those that the other version lacks
are set aside (they can match nothing). What is left is compared by Myers' greedy algorithm (1986,
"An O(ND) Difference Algorithm and Its Variations", section 4), which finds the fewest deletions and
insertions. If they are more than `MOST_EDITS`, the versions are cut at lines that occur once in
each: the longest sequence of such lines that is in the same order in both (Bram Cohen's patience
diff), and the runs between are compared by themselves. A run that offers no such line, or that is
left when `MOST_STEPS` are used up, is one change: so the time is linear in the size of the files
beyond a constant, whatever they hold.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections import Counter
from collections.abc import Hashable, Sequence

MOST_EDITS = 512
MOST_STEPS = 2_000_000

# First and end of the lines before, first and end of those after.
Edit = tuple[int, int, int, int]
Match = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """Edits and lines around them.

    Attributes:
        first: First line before.
        end: One past the last line before.
        new_first: The same after.
        new_end: The same after.
        edits: What differs within.
    """

    first: int
    end: int
    new_first: int
    new_end: int
    edits: tuple[Edit, ...]


def changes(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Edit]:
    """The runs of lines that differ, in order.

    >>> changes(["a", "b", "c"], ["a", "x", "c", "d"])
    [(1, 2, 1, 2), (3, 3, 3, 4)]
    """
    edits: list[Edit] = []
    i, j = 0, 0
    for x, y in [*_Comparison(before, after).matches(), (len(before), len(after))]:
        if x > i or y > j:
            edits.append((i, x, j, y))
        i, j = x + 1, y + 1
    return edits


def blocks(edits: Sequence[Edit], spans: Sequence[tuple[int, int]], *, gap: int = 0) -> list[Block]:
    """Edits with lines around them.

    Args:
        edits: In order.
        spans: For each edit, the first and end of the lines before to show; at least its own.
        gap: Blocks with at most so many lines between them are one.
    """
    groups: list[tuple[int, int, list[Edit]]] = []
    for edit, (first, end) in zip(edits, spans, strict=True):
        within = [edit]
        # A wide span may reach back over several blocks.
        while groups and first <= groups[-1][1] + gap:
            start, stop, others = groups.pop()
            first, end, within = min(first, start), max(end, stop), [*others, *within]
        groups.append((first, end, within))
    return [
        Block(
            first,
            end,
            within[0][2] - (within[0][0] - first),
            within[-1][3] + (end - within[-1][1]),
            tuple(within),
        )
        for first, end, within in groups
    ]


class _Comparison:
    """One comparison, with what is left of its steps."""

    def __init__(self, before: Sequence[Hashable], after: Sequence[Hashable]) -> None:
        numbers: dict[Hashable, int] = {}
        self._a = [numbers.setdefault(line, len(numbers)) for line in before]
        self._b = [numbers.setdefault(line, len(numbers)) for line in after]
        self._steps = MOST_STEPS

    def matches(self) -> list[Match]:
        """Pairs of equal lines, in order."""
        found: list[Match] = []
        runs = [(0, len(self._a), 0, len(self._b))]
        while runs:
            runs += self._compare(*runs.pop(), found)
        return sorted(found)

    def _compare(self, i: int, i_end: int, j: int, j_end: int, found: list[Match]) -> list[Edit]:
        """Adds the matches of one run to ``found``; returns the runs still to be compared."""
        a, b = self._a, self._b
        while i < i_end and j < j_end and a[i] == b[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        while i < i_end and j < j_end and a[i_end - 1] == b[j_end - 1]:
            i_end, j_end = i_end - 1, j_end - 1
            found.append((i_end, j_end))
        shared = set(a[i:i_end]) & set(b[j:j_end])
        rows = [n for n in range(i, i_end) if a[n] in shared]
        columns = [n for n in range(j, j_end) if b[n] in shared]
        self._steps -= i_end - i + j_end - j
        if not shared or self._steps < 0:
            return []
        lines, others = [a[n] for n in rows], [b[n] for n in columns]
        shortest = self._shortest(lines, others)
        if shortest is not None:
            found += [(rows[x], columns[y]) for x, y in shortest]
            return []
        anchors = [(rows[x], columns[y]) for x, y in _anchors(lines, others)]
        found += anchors
        starts = [(i, j), *((x + 1, y + 1) for x, y in anchors)]
        ends = [*anchors, (i_end, j_end)]
        runs = [(s[0], e[0], s[1], e[1]) for s, e in zip(starts, ends, strict=True)]
        # Without an anchor this would be the same run again.
        return runs if anchors else []

    def _shortest(self, a: Sequence[int], b: Sequence[int]) -> list[Match] | None:
        """The matches of a shortest edit script, None if it is too long or steps run out."""
        furthest = {1: 0}
        history: list[dict[int, int]] = []
        for edits in range(min(MOST_EDITS, len(a) + len(b)) + 1):
            history.append(dict(furthest))
            # Diagonals (x - y) outside of the two sequences lead nowhere.
            low = -edits if edits <= len(b) else edits - 2 * len(b)
            high = edits if edits <= len(a) else 2 * len(a) - edits
            for diagonal in range(low, high + 1, 2):
                x = start = _arrival(furthest, diagonal)[0]
                y = x - diagonal
                while x < len(a) and y < len(b) and a[x] == b[y]:
                    x, y = x + 1, y + 1
                furthest[diagonal] = x
                self._steps -= 1 + x - start
                if x == len(a) and y == len(b):
                    return _walk_back(history, len(a), len(b))
            if self._steps < 0:
                return None
        return None


def _arrival(furthest: dict[int, int], diagonal: int) -> tuple[int, bool]:
    """The x at which one more edit reaches ``diagonal``, and whether it is an insertion."""
    left, right = furthest.get(diagonal - 1, -1), furthest.get(diagonal + 1, -1)
    return (right, True) if left < right else (left + 1, False)


def _walk_back(history: Sequence[dict[int, int]], x: int, y: int) -> list[Match]:
    found: list[Match] = []
    for furthest in reversed(history):
        start, is_insertion = _arrival(furthest, x - y)
        while x > start:
            x, y = x - 1, y - 1
            found.append((x, y))
        x, y = (x, y - 1) if is_insertion else (x - 1, y)
    return found[::-1]


def _anchors(a: Sequence[int], b: Sequence[int]) -> list[Match]:
    """Lines that occur once in each, the most that stand in the same order in both."""
    in_a, in_b = Counter(a), Counter(b)
    places = {line: y for y, line in enumerate(b) if in_b[line] == 1}
    pairs = [(x, places[line]) for x, line in enumerate(a) if in_a[line] == 1 and line in places]
    # Patience sorting: the longest increasing run of y, with links to what comes before.
    tops: list[int] = []
    last: list[int] = []
    links: list[int] = []
    for n, (_, y) in enumerate(pairs):
        pile = bisect.bisect_left(tops, y)
        links.append(last[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [y]
        last[pile : pile + 1] = [n]
    found: list[Match] = []
    n = last[-1] if last else -1
    while n >= 0:
        found.append(pairs[n])
        n = links[n]
    return found[::-1]
