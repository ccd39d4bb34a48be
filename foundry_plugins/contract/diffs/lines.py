# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Files as lines, and the parts of them that name their own place.

Only ``\n`` ends a line, as in git: a carriage return, a form feed or U+2028 belongs to its line.
Every line keeps its end, so a last line without one differs from one that has it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def split_lines(text: str) -> list[str]:
    r"""Lines with their ends; an empty text has none.

    >>> split_lines("a\r\n\x0c\u2028b\n\nc")
    ['a\r\n', '\x0c\u2028b\n', '\n', 'c']
    """
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


class UniqueSpans:
    r"""Spans of a file's lines whose text says where it is.

    >>> UniqueSpans(["x\n", "a\n", "y\n", "a\n"]).around(1, 2)
    (0, 3)
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._num_lines = len(lines)
        self._text = "".join(lines)
        self._offsets = list(itertools.accumulate(map(len, lines), initial=0))

    def around(self, first: int, end: int) -> tuple[int, int]:
        """The span ``first`` to ``end``, with as many more lines as it takes to be found again.

        It grows by as many lines at its start as at its end, as far as there are any, by the least
        number with which its text is not empty and occurs once in the file, overlaps and parts of
        lines included. The whole file always does, unless it is empty.
        """
        if not self._text or self._is_unique(first, end, 0):
            return first, end
        # More lines never make a text occur more often, so the least number is found by halving.
        low, high = 0, 1
        while not self._is_unique(first, end, high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            is_unique = self._is_unique(first, end, middle)
            low, high = (low, middle) if is_unique else (middle, high)
        return self._grown(first, end, high)

    def _grown(self, first: int, end: int, by: int) -> tuple[int, int]:
        return max(first - by, 0), min(end + by, self._num_lines)

    def _is_unique(self, first: int, end: int, by: int) -> bool:
        start, stop = (self._offsets[n] for n in self._grown(first, end, by))
        part = self._text[start:stop]
        return bool(part) and not (
            self._text.find(part) < start or self._text.find(part, start + 1) >= 0
        )


def replace_unique(text: str, old: str, new: str, path: str) -> str:
    """``text`` with ``new`` for ``old``.

    Raises:
        ValueError: unless ``old`` is ``text`` or occurs in it once.
    """
    start = position(text, old, path)
    return text[:start] + new + text[start + len(old) :]


def position(text: str, part: str, path: str) -> int:
    """Where ``part`` is in the text of a file.

    Raises:
        ValueError: unless it is all of it or occurs once.
    """
    if part == text:
        return 0
    start = text.find(part) if part else -1
    if start < 0 or text.find(part, start + 1) >= 0:
        often = "is not" if start < 0 else "occurs more than once"
        raise ValueError(f"The text to replace {often} in {path!r}: {part[:40]!r}.")
    return start
