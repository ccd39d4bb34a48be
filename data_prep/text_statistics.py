# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""The counts that filters share, from one pass over a document.

A histogram of the bytes answers every question about classes of characters; line lengths are the
distances between line ends. All counts are in characters, with the meaning of ``str.isalpha``,
``str.isalnum``, ``str.isspace`` and ``str.splitlines``: what is not ASCII is looked up character
by character. numpy does this at several hundred MB/s, which makes a compiled kernel's start-up
(about a second in every worker) a poor bargain.
"""

from __future__ import annotations

import collections
import dataclasses
import re

import numpy as np
import numpy.typing as npt

# numpy counts bytes in 64-bit copies: blocks keep those small, and in the cache.
_BLOCK_BYTES = 1 << 16

# Where str.splitlines ends a line, beside \n and \r.
_RARE_BREAKS = frozenset("\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_CLASSES = (
    str.isalpha,
    str.isalnum,
    str.isspace,
    "0123456789".__contains__,
    "0123456789abcdefABCDEF".__contains__,
    _RARE_BREAKS.__contains__,
)
# _WEIGHTS[c, k]: whether the ASCII character c is of the k-th class.
_WEIGHTS = np.array(
    [[c < 128 and bool(belongs(chr(c))) for belongs in _CLASSES] for c in range(256)], np.int64
)
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")

_NEWLINE, _RETURN = 10, 13


@dataclasses.dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of one text.

    Attributes:
        num_bytes: Length in UTF-8.
        num_chars: Length in characters.
        num_lines: Lines, as ``str.splitlines`` divides.
        line_chars: Characters in lines, without their ends.
        max_line_chars: The longest line.
        alphabetic: Letters of any script.
        alphanumeric: Letters, and digits and numbers of any script.
        whitespace: Spaces, tabs, line ends and the like.
        digits: ``0`` to ``9``.
        hex_digits: ``0`` to ``9``, ``a`` to ``f`` and ``A`` to ``F``.
    """

    num_bytes: int
    num_chars: int
    num_lines: int
    line_chars: int
    max_line_chars: int
    alphabetic: int
    alphanumeric: int
    whitespace: int
    digits: int
    hex_digits: int

    @property
    def mean_line_chars(self) -> float:
        """Mean line length; 0 for a text without lines."""
        return self.line_chars / max(self.num_lines, 1)


def statistics(data: bytes) -> Statistics:
    r"""Counts a text given in UTF-8.

    >>> counts = statistics("é = 0xff\n\nb\n".encode())
    >>> counts.num_bytes, counts.num_chars, counts.num_lines, counts.max_line_chars
    (13, 12, 3, 8)
    >>> counts.alphabetic, counts.alphanumeric, counts.digits, counts.hex_digits
    (5, 6, 1, 4)
    """
    array = np.frombuffer(data, np.uint8)
    histogram = _histogram(array)
    classes = histogram @ _WEIGHTS
    num_chars = len(data)
    if not data.isascii():
        text = data.decode()
        num_chars = len(text)
        others = collections.Counter("".join(_NON_ASCII.findall(text)))
        for character, count in others.items():
            classes += [count * bool(belongs(character)) for belongs in _CLASSES]
        # One byte a character, which is all that line lengths need.
        array = array[(array & 0xC0) != 0x80]
    alphabetic, alphanumeric, whitespace, digits, hex_digits, rare_breaks = classes.tolist()
    returns = int(histogram[_RETURN])
    if rare_breaks or (returns and returns != data.count(b"\r\n")):
        lengths = list(map(len, data.decode().splitlines()))
        num_lines, longest, line_chars = len(lengths), max(lengths, default=0), sum(lengths)
    else:
        num_lines, longest = _lines(array, bool(returns))
        line_chars = num_chars - int(histogram[_NEWLINE]) - returns
    return Statistics(
        num_bytes=len(data),
        num_chars=num_chars,
        num_lines=num_lines,
        line_chars=line_chars,
        max_line_chars=longest,
        alphabetic=alphabetic,
        alphanumeric=alphanumeric,
        whitespace=whitespace,
        digits=digits,
        hex_digits=hex_digits,
    )


def _histogram(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    if len(array) <= _BLOCK_BYTES:
        return np.bincount(array, minlength=256)
    blocks = range(0, len(array), _BLOCK_BYTES)
    counts = [np.bincount(array[start : start + _BLOCK_BYTES], minlength=256) for start in blocks]
    return np.sum(counts, axis=0)


def _lines(array: npt.NDArray[np.uint8], returns: bool) -> tuple[int, int]:
    r"""Number of lines and the longest; they end with \n, or with \r\n where ``returns``."""
    ends = np.flatnonzero(array == _NEWLINE)
    if not len(ends):
        return bool(len(array)), len(array)
    rest = len(array) - int(ends[-1]) - 1
    if returns:
        lengths = np.diff(ends, prepend=-1) - 1 - (array[ends - 1] == _RETURN)
        longest = int(lengths.max())
    else:
        between = int((ends[1:] - ends[:-1]).max(initial=1)) - 1
        longest = max(int(ends[0]), between)
    return len(ends) + bool(rest), max(longest, rest)
