# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Compiled splitting: where the pieces of a text end, for the patterns that are known by name.

Each function does by hand what a regular expression of `data_prep.tokenizers.patterns` says, on
classes of characters that `data_prep.tokenizers.tables` reads off the regular expression engine
itself, so that both agree on every character of whatever version of Unicode.
"""

from __future__ import annotations

import numpy as np

from data_prep.kernel import kernel
from data_prep.tokenizers.patterns import CL100K, GPT2, JOINED, SPACED

# Classes of characters; each has one. ALONE is a digit that ends the text before it.
OTHER, LETTER, NUMBER, SPACE, NEWLINE, ALONE = 0, 1, 2, 3, 4, 5

_BLANK = ord(" ")
_APOSTROPHE = ord("'")
_LONG_S = 0x17F  # the only letter outside ASCII whose case folds to one of the contractions'


@kernel()
def character(data: np.ndarray, start: int) -> tuple[np.int64, int]:
    """The code point at ``start`` of valid UTF-8, and where the next one begins."""
    first = np.int64(data[start])
    if first < 0x80:
        return first, start + 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | (data[start + 1] & 0x3F), start + 2
    if first < 0xF0:
        code = (first & 0x0F) << 12 | (data[start + 1] & 0x3F) << 6 | (data[start + 2] & 0x3F)
        return code, start + 3
    code = (first & 0x07) << 18 | (data[start + 1] & 0x3F) << 12
    return code | (data[start + 2] & 0x3F) << 6 | (data[start + 3] & 0x3F), start + 4


@kernel()
def split(
    data: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    scanner: int,
    digits: int,
    classes: np.ndarray,
    piece_ends: np.ndarray,
    piece_counts: np.ndarray,
) -> int:
    """Splits ``data[start:end]`` for each of the ranges.

    Args:
        data: Valid UTF-8, uint8.
        starts: Of the ranges.
        ends: Of the ranges.
        scanner: Which pattern.
        digits: Of `data_prep.tokenizers.patterns.Splitter`.
        classes: uint8 by code point; for `JOINED`, by pair of ASCII characters.
        piece_ends: Receives where each piece ends; as long as ``data``.
        piece_counts: Receives the number of pieces of each range.

    Returns:
        The bytes of the longest piece.
    """
    total, longest = 0, 0
    for number in range(len(starts)):
        position, end, first = starts[number], ends[number], total
        while position < end:
            start = position
            # The scanner is the same in each turn; the processor foresees the branch.
            if scanner == CL100K:
                position = _cl100k(data, start, end, digits, classes)
            elif scanner == GPT2:
                position = _gpt2(data, start, end, classes)
            elif scanner == SPACED:
                position = _spaced(data, start, end)
            elif scanner == JOINED:
                position = _joined(data, start, end, classes)
            else:
                position = end
            longest = max(longest, position - start)
            piece_ends[total] = position
            total += 1
        piece_counts[number] = total - first
    return longest


@kernel(inline=True)
def _class(data: np.ndarray, position: int, end: int, classes: np.ndarray) -> np.int64:
    """The class of the character at ``position``; -1 at the end."""
    if position >= end:
        return np.int64(-1)
    first = data[position]
    return np.int64(classes[first] if first < 0x80 else classes[character(data, position)[0]])


@kernel(inline=True)
def _run(data: np.ndarray, position: int, end: int, kind: int, classes: np.ndarray) -> int:
    """Where a run of one class ends."""
    while position < end:
        first = data[position]
        if first < 0x80:
            if classes[first] != kind:
                break
            position += 1
        else:
            code, following = character(data, position)
            if classes[code] != kind:
                break
            position = following
    return position


@kernel()
def _contraction(data: np.ndarray, position: int, end: int, any_case: bool) -> int:
    """Bytes of ``s t m d re ve ll`` after an apostrophe; 0 where there is none."""
    if position >= end:
        return 0
    code, following = character(data, position)
    if any_case and code == _LONG_S:
        return following - position
    fold = 0x20 if any_case else 0
    first = code | fold
    if first in (ord("s"), ord("t"), ord("m"), ord("d")):
        return 1
    if position + 1 >= end:
        return 0
    second = data[position + 1] | fold
    if second == ord("e") and (first == ord("r") or first == ord("v")):
        return 2
    return 2 if first == ord("l") and second == ord("l") else 0


@kernel()
def _white_space(
    data: np.ndarray, start: int, end: int, newlines: bool, classes: np.ndarray
) -> int:
    r"""``\s*[\r\n]+`` (if ``newlines``), else ``\s+(?!\S)``, else ``\s+``."""
    position, last, after_newline = start, start, 0
    while position < end:
        code, following = character(data, position)
        if classes[code] != SPACE and classes[code] != NEWLINE:
            break
        if classes[code] == NEWLINE:
            after_newline = following
        last, position = position, following
    if newlines and after_newline:
        return after_newline
    next_kind = _class(data, position, end, classes)
    if next_kind == -1 or next_kind == ALONE or last == start:
        return position
    return last


@kernel(inline=True)
def _cl100k(data: np.ndarray, start: int, end: int, digits: int, classes: np.ndarray) -> int:
    code, following = character(data, start)
    kind = classes[code]
    if code == _APOSTROPHE:
        length = _contraction(data, following, end, True)
        if length:
            return following + length
    if kind == LETTER:
        return _run(data, following, end, LETTER, classes)
    if kind == NUMBER:
        for _ in range(digits - 1):
            if _class(data, following, end, classes) != NUMBER:
                break
            following = character(data, following)[1]
        return following
    next_kind = _class(data, following, end, classes)
    if kind != NEWLINE and next_kind == LETTER:
        return _run(data, following, end, LETTER, classes)
    if kind == OTHER or (code == _BLANK and next_kind == OTHER):
        following = _run(data, following, end, OTHER, classes)
        return _run(data, following, end, NEWLINE, classes)
    return _white_space(data, start, end, True, classes)


@kernel(inline=True)
def _gpt2(data: np.ndarray, start: int, end: int, classes: np.ndarray) -> int:
    code, following = character(data, start)
    kind = classes[code]
    if kind == ALONE:
        return following
    if code == _APOSTROPHE:
        length = _contraction(data, following, end, False)
        if length:
            return following + length
    if code == _BLANK:
        next_kind = _class(data, following, end, classes)
        if next_kind in (LETTER, NUMBER, OTHER):
            kind = next_kind
    if kind in (LETTER, NUMBER, OTHER):
        return _run(data, following, end, kind, classes)
    return _white_space(data, start, end, False, classes)


@kernel()
def _spaced(data: np.ndarray, start: int, end: int) -> int:
    """Spaces and what follows them up to the next."""
    while start < end and data[start] == _BLANK:
        start += 1
    while start < end and data[start] != _BLANK:
        start += 1
    return start


@kernel(inline=True)
def _joined(data: np.ndarray, start: int, end: int, joined: np.ndarray) -> int:
    """As `_spaced`, and cut between two ASCII characters that no entry holds side by side.

    No merge and no entry ever crosses such a place, so the pieces are cut as the whole would be.
    """
    before = np.int64(data[start])
    position = start + 1
    while position < end:
        byte = np.int64(data[position])
        if before < 0x80 and byte < 0x80:
            if joined[before << 7 | byte] == 0:
                break
        elif byte == _BLANK:
            break
        before = byte
        position += 1
    return position
