# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Compiled Unigram segmentation of one piece.

The likeliest way to cut a piece into entries whose scores are log probabilities (Kudo 2018, arXiv
1804.10959): best[end] = max over entries that end there of best[start] + score. Sums are taken
from the left in double precision and a later candidate must be better, not equal, as in the
tokenizers library, so ties and rounding fall the same way. A character that is no entry costs more
than any and becomes its bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_prep.kernel import kernel
from data_prep.tokenizers.merging import mix
from data_prep.tokenizers.scanners import character

_UNKNOWN = -1
_UNREACHED = -2


class Entries(NamedTuple):
    """Entries as a trie, whose edges are in a hash table with open addressing."""

    byte_ids: np.ndarray  # int32 by byte
    edges: np.ndarray  # uint64 (N,): node << 8 | byte, + 1; 0 for an empty slot
    children: np.ndarray  # int32 (N,)
    node_ids: np.ndarray  # int32 by node: the entry that ends there, or -1
    node_scores: np.ndarray  # float64 by node
    unknown_score: float


@kernel(inline=True)
def _slot(node: int, byte: int, edges: np.ndarray) -> np.int64:
    """Where an edge is, or would be."""
    key = (np.uint64(node) << np.uint64(8) | np.uint64(byte)) + np.uint64(1)
    mask = np.uint64(len(edges) - 1)
    slot = mix(key) & mask
    while edges[slot] != 0 and edges[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@kernel()
def fill(
    blob: np.ndarray,
    ends: np.ndarray,
    scores: np.ndarray,
    edges: np.ndarray,
    children: np.ndarray,
    node_ids: np.ndarray,
    node_scores: np.ndarray,
) -> None:
    """Enters the entries ``blob[ends[i - 1]:ends[i]]``; an empty one is left out."""
    num_nodes = 1
    start = 0
    for index in range(len(ends)):
        node = 0
        for position in range(start, ends[index]):
            slot = _slot(node, blob[position], edges)
            if edges[slot] == 0:
                edges[slot] = (np.uint64(node) << np.uint64(8) | np.uint64(blob[position])) + (
                    np.uint64(1)
                )
                children[slot] = num_nodes
                num_nodes += 1
            node = children[slot]
        if node:
            node_ids[node] = index
            node_scores[node] = scores[index]
        start = ends[index]


@kernel()
def segment(
    data: np.ndarray,
    start: int,
    end: int,
    entries: Entries,
    best: np.ndarray,
    origin: np.ndarray,
    chosen: np.ndarray,
    symbols: np.ndarray,
) -> int:
    """Writes the ids of ``data[start:end]`` to ``symbols``; how many.

    ``best``, ``origin`` and ``chosen`` hold one entry more than the piece has bytes.
    """
    length = end - start
    chosen[1 : length + 1] = _UNREACHED
    best[0] = 0.0
    position = 0
    while position < length:
        following = character(data, start + position)[1] - start
        alone = _extend(data, start, position, length, following, entries, best, origin, chosen)
        if not alone:
            score = entries.unknown_score + best[position]
            if chosen[following] == _UNREACHED or score > best[following]:
                best[following], origin[following] = score, position
                chosen[following] = _UNKNOWN
        position = following
    return _trace(data, start, length, entries.byte_ids, origin, chosen, symbols)


@kernel()
def _extend(
    data: np.ndarray,
    start: int,
    position: int,
    length: int,
    following: int,
    entries: Entries,
    best: np.ndarray,
    origin: np.ndarray,
    chosen: np.ndarray,
) -> bool:
    """Tries all entries that begin at ``position``; whether one is the single character."""
    node, alone = 0, False
    for stop in range(position + 1, length + 1):
        slot = _slot(node, data[start + stop - 1], entries.edges)
        if entries.edges[slot] == 0:
            break
        node = entries.children[slot]
        if entries.node_ids[node] < 0:
            continue
        alone = alone or stop == following
        score = entries.node_scores[node] + best[position]
        if chosen[stop] == _UNREACHED or score > best[stop]:
            best[stop], origin[stop], chosen[stop] = score, position, entries.node_ids[node]
    return alone


@kernel()
def _trace(
    data: np.ndarray,
    start: int,
    length: int,
    byte_ids: np.ndarray,
    origin: np.ndarray,
    chosen: np.ndarray,
    symbols: np.ndarray,
) -> int:
    """Follows the best path back from the end; the ids in reading order."""
    count, position = 0, length
    while position > 0:
        if chosen[position] == _UNKNOWN:
            for byte in range(position - 1, origin[position] - 1, -1):
                symbols[count] = byte_ids[data[start + byte]]
                count += 1
        else:
            symbols[count] = chosen[position]
            count += 1
        position = origin[position]
    for index in range(count // 2):
        other = count - 1 - index
        symbols[index], symbols[other] = symbols[other], symbols[index]
    return count
