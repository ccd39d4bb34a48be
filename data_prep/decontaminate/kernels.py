# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The compiled loops of decontamination.

A gram is `GRAM_CHARS` bytes of normalised text. Its hash is a polynomial over the 64-bit integers,
rolled byte by byte (Karp and Rabin 1987), then mixed by the finaliser of MurmurHash3. Grams that
stand for a text are chosen by winnowing (Schleimer, Wilkerson and Aiken 2003): of every ``window``
consecutive ones the smallest hash, so that any run of ``GRAM_CHARS + window - 1`` bytes that two
texts share holds a chosen gram.
"""

from __future__ import annotations

import numpy as np

from data_prep.decontaminate.settings import GRAM_CHARS
from data_prep.kernel import kernel

_BASE = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(pow(int(_BASE), GRAM_CHARS, 1 << 64))
_MIX_A, _MIX_B = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)
_GRAM = GRAM_CHARS
_BACKSLASH = 92


def _letters() -> np.ndarray:
    """Byte -> what it is compared as; 0 for what is passed over."""
    table = np.zeros(256, dtype=np.uint8)
    for byte in range(256):
        character = chr(byte)
        if byte >= 0x80 or (byte < 0x80 and character.isalnum()):
            table[byte] = byte if byte >= 0x80 else ord(character.lower())
    return table


_LETTERS = _letters()


@kernel()
def normalize(data: np.ndarray, out: np.ndarray) -> int:
    """Writes the letters and digits of ``data`` to ``out`` in lower case; how many there are.

    Bytes of other alphabets stay as they are. White space, punctuation and so every mark of a
    comment is passed over, and so is the letter of an escaped line end or tab: text inside of a
    JSON or source string equals the text outside of it.
    """
    length = 0
    escaped = False
    for position in range(data.size):
        byte = data[position]
        if escaped and byte != _BACKSLASH:
            escaped = False
            if byte == 110 or byte == 114 or byte == 116:  # n, r, t
                continue
        letter = _LETTERS[byte]
        if letter:
            out[length] = letter
            length += 1
        else:
            escaped = byte == _BACKSLASH
    return length


@kernel()
def offsets(data: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where in ``data`` the letters with the ``wanted`` numbers (ascending) are."""
    found = np.zeros(wanted.size, dtype=np.int64)
    length, place = 0, 0
    escaped = False
    for position in range(data.size):
        byte = data[position]
        if escaped and byte != _BACKSLASH:
            escaped = False
            if byte == 110 or byte == 114 or byte == 116:
                continue
        if _LETTERS[byte]:
            while place < wanted.size and wanted[place] == length:
                found[place] = position
                place += 1
            length += 1
        else:
            escaped = byte == _BACKSLASH
    return found


@kernel(inline=True)
def _mixed(state: np.uint64) -> np.uint64:
    state = (state ^ (state >> _SHIFT)) * _MIX_A
    state = (state ^ (state >> _SHIFT)) * _MIX_B
    return state ^ (state >> _SHIFT)


@kernel()
def grams(text: np.ndarray) -> np.ndarray:
    """The hash of every gram of a normalised text of at least one."""
    hashes = np.empty(text.size - _GRAM + 1, dtype=np.uint64)
    state = np.uint64(0)
    for position in range(text.size):
        state = state * _BASE + np.uint64(text[position])
        if position >= _GRAM:
            state -= _FIRST * np.uint64(text[position - _GRAM])
        if position >= _GRAM - 1:
            hashes[position - _GRAM + 1] = _mixed(state)
    return hashes


@kernel()
def winnow(hashes: np.ndarray, window: int) -> np.ndarray:
    """Positions of the smallest hash in every window; the last of equal ones."""
    window = min(window, hashes.size)
    chosen = np.zeros(hashes.size, dtype=np.bool_)
    smallest = -1
    for end in range(window - 1, hashes.size):
        start = end - window + 1
        if smallest < start:
            smallest = start
            for position in range(start, end + 1):
                if hashes[position] <= hashes[smallest]:
                    smallest = position
        elif hashes[end] <= hashes[smallest]:
            smallest = end
        chosen[smallest] = True
    return np.flatnonzero(chosen)


@kernel()
def fill(hashes: np.ndarray, table: np.ndarray, filter_bits: np.ndarray) -> None:
    """Enters chosen grams into the empty table (number + 1) and the filter, both of size 2**n."""
    mask = np.uint64(table.size - 1)
    bits = np.uint64(filter_bits.size * 8 - 1)
    for number in range(hashes.size):
        bit = hashes[number] & bits
        filter_bits[bit >> np.uint64(3)] |= np.uint8(1 << (bit & np.uint64(7)))
        slot = (hashes[number] >> np.uint64(20)) & mask
        while table[slot]:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = number + 1


@kernel()
def find(
    text: np.ndarray,
    length: int,
    known: tuple[np.ndarray, ...],
    found: np.ndarray,
) -> int:
    """Runs that a normalised text shares with the known items.

    Args:
        text: Normalised bytes; the first ``length`` count.
        length: How many.
        known: filter bits, table, gram hashes, gram places in all items' text, gram items, that
            text, item starts (one more than items), runs needed by item.
        found: Rows of (item, start, end) to be filled; the search ends when it is full. Runs that
            start before the end of an earlier one are passed over.

    Returns:
        How many rows were filled.
    """
    filter_bits, table, hashes, places, items, texts, starts, needed = known
    mask = np.uint64(table.size - 1)
    bits = np.uint64(filter_bits.size * 8 - 1)
    state = np.uint64(0)
    count, quiet = 0, 0
    for position in range(length):
        state = state * _BASE + np.uint64(text[position])
        if position >= _GRAM:
            state -= _FIRST * np.uint64(text[position - _GRAM])
        if position < quiet + _GRAM - 1:
            continue
        gram = _mixed(state)
        bit = gram & bits
        if not filter_bits[bit >> np.uint64(3)] >> (bit & np.uint64(7)) & np.uint8(1):
            continue
        slot = (gram >> np.uint64(20)) & mask
        while table[slot]:
            number = int(table[slot]) - 1
            slot = (slot + np.uint64(1)) & mask
            if hashes[number] != gram:
                continue
            item = int(items[number])
            start, end = _run(
                text, length, position - _GRAM + 1, texts, int(places[number]), starts, item
            )
            if end - start >= needed[item]:
                found[count, 0], found[count, 1], found[count, 2] = item, start, end
                count += 1
                quiet = end
                if count == len(found):
                    return count
                break
    return count


@kernel()
def _run(
    text: np.ndarray,
    length: int,
    here: int,
    texts: np.ndarray,
    there: int,
    starts: np.ndarray,
    item: int,
) -> tuple[int, int]:
    """The longest run around a gram that the text and an item have in common."""
    back = 0
    first = starts[item]
    while (
        here - back > 0
        and there - back > first
        and (text[here - back - 1] == texts[there - back - 1])
    ):
        back += 1
    ahead = 0
    last = starts[item + 1]
    while (
        here + ahead < length
        and there + ahead < last
        and (text[here + ahead] == texts[there + ahead])
    ):
        ahead += 1
    return here - back, here + ahead
