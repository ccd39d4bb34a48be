# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Compiled encoding of split text, and the proof that what was encoded comes back.

Code repeats itself: nine pieces out of ten were met before. Pieces of up to 15 bytes are therefore
remembered in a table with one place for each hash, the newer piece replacing the older. The key is
the piece itself, so a hit is never a guess and the memory's size changes no id.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_prep.kernel import kernel
from data_prep.tokenizers.merging import NO_TOKEN, Merges, merge, merge_short, mix, symbols_of
from data_prep.tokenizers.viterbi import Entries, segment

# Zero bytes that must follow the data: keys are read eight bytes at a time.
PADDING = 16
_LONGEST_KEY = 15
_SLOT = 6  # tokens that a place of the memory holds; pieces of more are not remembered
_NUM_SLOTS = 1 << 17
# Up to so many symbols, looking through all pairs is quicker than a heap.
_SHORT = 64
_ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


class Memory(NamedTuple):
    """Pieces met before; each encoder has its own."""

    keys: np.ndarray  # uint64 (_NUM_SLOTS, 2)
    counts: np.ndarray  # int8 (_NUM_SLOTS,)
    tokens: np.ndarray  # int32 (_NUM_SLOTS, _SLOT)


def new_memory() -> Memory:
    """Nothing met yet."""
    return Memory(
        np.zeros((_NUM_SLOTS, 2), dtype=np.uint64),
        np.zeros(_NUM_SLOTS, dtype=np.int8),
        np.zeros((_NUM_SLOTS, _SLOT), dtype=np.int32),
    )


@kernel(inline=True)
def _word(data: np.ndarray, position: int) -> np.uint64:
    """Eight bytes as one number; written out, so that the compiler makes one load of them."""
    at = np.uint64(position)
    word = np.uint64(data[at])
    word |= np.uint64(data[at + np.uint64(1)]) << np.uint64(8)
    word |= np.uint64(data[at + np.uint64(2)]) << np.uint64(16)
    word |= np.uint64(data[at + np.uint64(3)]) << np.uint64(24)
    word |= np.uint64(data[at + np.uint64(4)]) << np.uint64(32)
    word |= np.uint64(data[at + np.uint64(5)]) << np.uint64(40)
    word |= np.uint64(data[at + np.uint64(6)]) << np.uint64(48)
    return word | np.uint64(data[at + np.uint64(7)]) << np.uint64(56)


@kernel(inline=True)
def _key(data: np.ndarray, start: int, length: int) -> tuple[np.uint64, np.uint64]:
    """A piece of 1 to 15 bytes as two numbers, its length in the top byte."""
    low, high = _word(data, start), np.uint64(0)
    if length <= 8:
        low &= _ALL >> np.uint64(64 - 8 * length)
    else:
        high = _word(data, start + 8) & (_ALL >> np.uint64(8 * (16 - length)))
    return low, high | np.uint64(length) << np.uint64(56)


@kernel()
def encode(
    data: np.ndarray,
    starts: np.ndarray,
    piece_ends: np.ndarray,
    piece_counts: np.ndarray,
    longest: int,
    merges: Merges,
    entries: Entries,
    memory: Memory,
    tokens: np.ndarray,
    token_ends: np.ndarray,
) -> None:
    """Encodes the pieces of several texts.

    Args:
        data: The texts' UTF-8, uint8, followed by `PADDING`.
        starts: Where each text starts.
        piece_ends: Where each piece ends.
        piece_counts: Pieces of each text.
        longest: Bytes of the longest piece.
        merges: The vocabulary, if it merges.
        entries: The vocabulary, if it is a Unigram; else without an edge.
        memory: Pieces met before.
        tokens: Receives the ids, int32; as long as ``data``.
        token_ends: Receives, for each text, where its ids end.
    """
    keys, counts, remembered = memory.keys, memory.counts, memory.tokens
    mask = np.uint64(len(counts) - 1)
    symbols = np.empty(longest, dtype=np.int32)
    after = np.empty(longest + 1, dtype=np.int64)
    before = np.empty(longest + 1, dtype=np.int64)
    heap = np.empty(3 * longest + 1, dtype=np.int64)
    best = np.empty(longest + 1, dtype=np.float64)
    total, piece = 0, 0
    for number in range(len(starts)):
        start = starts[number]
        for _ in range(piece_counts[number]):
            stop, slot = piece_ends[piece], np.int64(-1)
            low, high = np.uint64(0), np.uint64(0)
            piece += 1
            if stop - start <= _LONGEST_KEY:
                low, high = _key(data, start, stop - start)
                slot = np.int64(mix(low ^ mix(high)) & mask)
                if keys[slot, 0] == low and keys[slot, 1] == high:
                    for index in range(counts[slot]):
                        tokens[total + index] = remembered[slot, index]
                    total += counts[slot]
                    start = stop
                    continue
            first = total
            if len(entries.edges):
                count = segment(data, start, stop, entries, best, after, before, symbols)
            else:
                count = symbols_of(data, start, stop, merges, symbols)
                if count <= _SHORT:
                    count = merge_short(symbols, count, merges, after)
                else:
                    merge(symbols, count, merges, after, before, heap)
            for index in range(count):
                if symbols[index] != NO_TOKEN:
                    tokens[total] = symbols[index]
                    total += 1
            if slot >= 0 and total - first <= _SLOT:
                keys[slot, 0], keys[slot, 1], counts[slot] = low, high, total - first
                for index in range(total - first):
                    remembered[slot, index] = tokens[first + index]
            start = stop
        token_ends[number] = total


@kernel()
def first_loss(
    tokens: np.ndarray,
    token_ends: np.ndarray,
    data: np.ndarray,
    ends: np.ndarray,
    blob: np.ndarray,
    blob_ends: np.ndarray,
) -> tuple[int, int]:
    """The first text that its tokens do not give back, and from which byte on; -1 if all do.

    Args:
        tokens: Ids of all texts.
        token_ends: Where each text's ids end.
        data: The texts' UTF-8, followed by `PADDING`.
        ends: Where each text ends.
        blob: The bytes of all entries of the vocabulary, one after the other, then `PADDING`.
        blob_ends: Where each ends.
    """
    token, position, start = 0, 0, 0
    for number in range(len(ends)):
        while token < token_ends[number]:
            index = tokens[token]
            byte, stop = int(blob_ends[index - 1]) if index else 0, int(blob_ends[index])
            # Eight bytes at a time; the shift leaves those of the entry.
            while byte < stop:
                length = min(stop - byte, 8)
                differs = (_word(blob, byte) ^ _word(data, position)) << np.uint64(64 - 8 * length)
                if differs != 0 or position + length > ends[number]:
                    while position < ends[number] and blob[byte] == data[position]:
                        byte += 1
                        position += 1
                    return number, position - start
                byte += length
                position += length
            token += 1
        if position != ends[number]:
            return number, position - start
        start = position
    return -1, 0
