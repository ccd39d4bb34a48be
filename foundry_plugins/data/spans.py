# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which characters of a text become the middle, by kind.

``random``       a pair of cuts, uniform over all pairs (Bavarian et al. 2022, arXiv 2207.14255,
                 section 3)
``line``         one whole line, its end included, as single-line infilling asks for (section 2)
``multi_line``   a run of whole lines, its first and last uniform (the same)
``to_line_end``  from a uniform character to the end of its line, as an editor completes
``syntax``       nodes of the syntax tree (`foundry_plugins.data.syntax`)

A blank line is no line to fill in. Where a text has nothing of a kind, or nothing as short as the
limit, the cuts are ``random``. Every draw is a function of its key alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from foundry_plugins.contract.stateless_hash import Key, below, uniform

RANDOM, LINE, MULTI_LINE, TO_LINE_END, SYNTAX = KINDS = (
    "random",
    "line",
    "multi_line",
    "to_line_end",
    "syntax",
)

Span = tuple[int, int]


def choose_kind(weights: Mapping[str, float], *key: Key) -> str:
    """A kind, with the probability of its weight's share."""
    draw = uniform(*key, "span") * sum(weights.values())
    for kind, weight in weights.items():
        if draw < weight:
            return kind
        draw -= weight
    return next(iter(weights))


def draw_random(length: int, max_middle: int | None, *key: Key) -> Span:
    """Start and end of the middle, uniform over all pairs 0 <= start <= end <= length.

    With a limit, uniform over the pairs whose distance is at most ``max_middle``.
    """
    limit = length if max_middle is None else min(max_middle, length)
    # Starts up to `length - limit` leave limit + 1 choices of the end; the last `limit` starts
    # leave limit, limit - 1, ..., 1. One draw indexes the pairs in that order.
    unhindered = (length - limit + 1) * (limit + 1)
    index = below(unhindered + limit * (limit + 1) // 2, *key)
    if index < unhindered:
        start, middle = divmod(index, limit + 1)
        return start, start + middle
    index = unhindered + limit * (limit + 1) // 2 - 1 - index
    # Counted from the end: start = length - k has k + 1 choices, k (k + 1) / 2 come before it.
    k = (math.isqrt(8 * index + 1) - 1) // 2
    return length - k, length - (index - k * (k + 1) // 2)


def draw(kind: str, text: str, language: str, max_middle: int | None, *key: Key) -> Span:
    """Start and end of the middle of a text, by kind."""
    found: Span | None = None
    if kind == SYNTAX:
        from foundry_plugins.data.syntax import draw_nodes  # which draws by `draw_random` too

        found = draw_nodes(text, language, max_middle, *key)
    elif kind != RANDOM:
        limit = len(text) if max_middle is None else max_middle
        found = _LINES[kind](text, limit, *key)
    return draw_random(len(text), max_middle, *key) if found is None else found


def _lines(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts and ends of the lines, each with its newline, and which are not blank."""
    lines = text.split("\n")
    lengths = np.array([len(line) + 1 for line in lines])
    lengths[-1] -= 1  # no newline ends the last
    ends = np.cumsum(lengths)
    return ends - lengths, ends, np.array([bool(line.strip()) for line in lines])


def _draw_line(text: str, limit: int, *key: Key) -> Span | None:
    starts, ends, filled = _lines(text)
    numbers = np.flatnonzero(filled & (ends - starts <= limit))
    if not len(numbers):
        return None
    number = numbers[below(len(numbers), *key)]
    return int(starts[number]), int(ends[number])


def _draw_lines(text: str, limit: int, *key: Key) -> Span | None:
    starts, ends, filled = _lines(text)
    lines = np.flatnonzero(filled)
    # For each first line the choices of the last: those that end within the limit.
    highest = np.searchsorted(ends[lines], starts[lines] + limit, side="right")
    drawn = _choose(np.maximum(highest - np.arange(len(lines)), 0), *key)
    if drawn is None:
        return None
    first, more = drawn
    return int(starts[lines[first]]), int(ends[lines[first + more]])


def _draw_to_line_end(text: str, limit: int, *key: Key) -> Span | None:
    starts, ends, filled = _lines(text)
    stops = ends.copy()
    stops[:-1] -= 1  # the line's end stays behind, be it one character or two
    stops -= np.array([line.endswith("\r") for line in text.split("\n")])
    # In each line, the starts from which its end is near enough.
    first = np.maximum(starts, stops - limit)
    drawn = _choose(np.where(filled, stops - first, 0), *key)
    if drawn is None:
        return None
    line, offset = drawn
    return int(first[line]) + offset, int(stops[line])


def _choose(choices: np.ndarray, *key: Key) -> tuple[int, int] | None:
    """One of so many choices in each place, all equally likely: its place and its number there."""
    ends = np.cumsum(choices)
    total = int(ends[-1]) if len(ends) else 0
    if not total:
        return None
    index = below(total, *key)
    place = int(np.searchsorted(ends, index, side="right"))
    return place, index - int(ends[place] - choices[place])


_LINES = {LINE: _draw_line, MULTI_LINE: _draw_lines, TO_LINE_END: _draw_to_line_end}
