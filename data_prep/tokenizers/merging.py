# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Compiled byte pair encoding of one piece.

A piece is a list of symbols (bytes, or characters with bytes where the vocabulary lacks one). As
long as two neighbours have a merge, the merge of the lowest rank is done, the leftmost of equals
(Sennrich et al. 2016, arXiv 1508.07909). Candidates wait in a binary heap, keyed by rank and then
position, so a piece of n symbols takes n log n steps, be it a line of a million letters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_prep.kernel import kernel
from data_prep.tokenizers.scanners import character

NO_TOKEN = -1


class Merges(NamedTuple):
    """Merges as a hash table with open addressing."""

    byte_ids: np.ndarray  # int32 by byte
    character_ids: np.ndarray  # int32 by code point; empty where the symbols are bytes
    pairs: np.ndarray  # uint64 (N,): left << 32 | right, + 1; 0 for an empty slot
    ranks: np.ndarray  # int32 (N,)
    results: np.ndarray  # int32 (N,)


@kernel(inline=True)
def mix(key: np.uint64) -> np.uint64:
    """The finalizer of splitmix64 (Steele et al. 2014): every bit depends on every other."""
    key ^= key >> np.uint64(30)
    key *= np.uint64(0xBF58476D1CE4E5B9)
    key ^= key >> np.uint64(27)
    key *= np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))


@kernel()
def fill(merges: np.ndarray, pairs: np.ndarray, ranks: np.ndarray, results: np.ndarray) -> None:
    """Enters merges, rows (left, right, result) in the order of their ranks."""
    for rank in range(len(merges)):
        slot = _slot(merges[rank, 0], merges[rank, 1], pairs)
        pairs[slot] = _pair(merges[rank, 0], merges[rank, 1])
        # As in the library, the later of two equal pairs counts.
        ranks[slot] = rank
        results[slot] = merges[rank, 2]


@kernel(inline=True)
def _pair(left: int, right: int) -> np.uint64:
    return (np.uint64(left) << np.uint64(32) | np.uint64(right)) + np.uint64(1)


@kernel(inline=True)
def _slot(left: int, right: int, pairs: np.ndarray) -> np.int64:
    """Where a pair is, or would be."""
    key = _pair(left, right)
    mask = np.uint64(len(pairs) - 1)
    slot = mix(key) & mask
    while pairs[slot] != 0 and pairs[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@kernel()
def symbols_of(data: np.ndarray, start: int, end: int, merges: Merges, symbols: np.ndarray) -> int:
    """Writes the piece's symbols; how many."""
    count = 0
    if len(merges.character_ids) == 0:
        for position in range(start, end):
            symbols[count] = merges.byte_ids[data[position]]
            count += 1
        return count
    while start < end:
        code, following = character(data, start)
        if merges.character_ids[code] != NO_TOKEN:
            symbols[count] = merges.character_ids[code]
            count += 1
        else:
            for position in range(start, following):
                symbols[count] = merges.byte_ids[data[position]]
                count += 1
        start = following
    return count


@kernel()
def merge_short(symbols: np.ndarray, count: int, merges: Merges, slots: np.ndarray) -> int:
    """Merges ``symbols[:count]`` in place by looking for the best pair each time; how many stay.

    Quicker than a heap for the few symbols of a word.
    """
    for position in range(count - 1):
        slots[position] = _slot(symbols[position], symbols[position + 1], merges.pairs)
    while count > 1:
        best, at = np.int64(1) << 62, -1
        for position in range(count - 1):
            slot = slots[position]
            if merges.pairs[slot] != 0 and merges.ranks[slot] < best:
                best, at = np.int64(merges.ranks[slot]), position
        if at < 0:
            break
        symbols[at] = merges.results[slots[at]]
        count -= 1
        for position in range(at + 1, count):
            symbols[position] = symbols[position + 1]
            slots[position - 1] = slots[position]
        if at > 0:
            slots[at - 1] = _slot(symbols[at - 1], symbols[at], merges.pairs)
        if at + 1 < count:
            slots[at] = _slot(symbols[at], symbols[at + 1], merges.pairs)
    return count


@kernel()
def merge(
    symbols: np.ndarray,
    count: int,
    merges: Merges,
    after: np.ndarray,
    before: np.ndarray,
    heap: np.ndarray,
) -> None:
    """Merges ``symbols[:count]`` in place; those merged away become `NO_TOKEN`.

    ``after`` and ``before`` hold as many entries as there are symbols, ``heap`` three times as
    many: a symbol enters once at the start, and each merge adds at most two.
    """
    size = 0
    for position in range(count):
        after[position] = position + 1
        before[position] = position - 1
        if position + 1 < count:
            size = _offer(symbols, position, position + 1, merges, heap, size)
    while size > 0:
        rank, left = heap[0] >> 32, heap[0] & 0xFFFFFFFF
        size = _pop(heap, size)
        right = after[left]
        if symbols[left] == NO_TOKEN or right == count:
            continue
        slot = _slot(symbols[left], symbols[right], merges.pairs)
        if merges.pairs[slot] == 0 or merges.ranks[slot] != rank:
            continue  # one of the two has been merged with another neighbour since
        symbols[left] = merges.results[slot]
        symbols[right] = NO_TOKEN
        after[left] = after[right]
        if after[left] < count:
            before[after[left]] = left
            size = _offer(symbols, left, after[left], merges, heap, size)
        if before[left] >= 0:
            size = _offer(symbols, before[left], left, merges, heap, size)


@kernel()
def _offer(
    symbols: np.ndarray, left: int, right: int, merges: Merges, heap: np.ndarray, size: int
) -> int:
    """Puts a pair on the heap, if it has a merge."""
    slot = _slot(symbols[left], symbols[right], merges.pairs)
    if merges.pairs[slot] == 0:
        return size
    value = np.int64(merges.ranks[slot]) << 32 | left
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if heap[parent] <= value:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child] = value
    return size + 1


@kernel()
def _pop(heap: np.ndarray, size: int) -> int:
    """Takes ``heap[0]``, which the caller has read, off."""
    size -= 1
    value = heap[size]
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[hole] = heap[child]
        hole = child
    heap[hole] = value
    return size
