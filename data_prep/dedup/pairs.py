# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""From buckets to pairs of documents that may be near-duplicates.

In a bucket of m documents all m (m - 1) / 2 pairs share the band. Up to `_NEIGHBOURS` +
`_ANCHORS` + 1 documents all are compared; in a larger bucket each with the `_ANCHORS` first and the
`_NEIGHBOURS` before it, so that the work grows with m and not with its square. Near-duplicates
share many bands, and their cluster holds together if any chain of such pairs does.
"""

from __future__ import annotations

import numpy as np

from data_prep.dedup.compiled import Kernel

_ANCHORS = 4
_NEIGHBOURS = 8

# A pair of documents, the smaller id first.
EDGE = np.dtype([("low", "<i8"), ("high", "<i8")])


def candidates(keys: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The pairs to compare, each once, sorted.

    Args:
        keys: Buckets, equal ones next to each other.
        ids: Their documents, ascending in each bucket.

    Returns:
        An array of `EDGE`.

    >>> candidates(np.array([5, 5, 5, 7]), np.array([0, 1, 2, 1])).tolist()
    [(0, 1), (0, 2), (1, 2)]
    """
    pairs = np.empty(_count_pairs(keys, _ANCHORS, _NEIGHBOURS), dtype=EDGE)
    _list_pairs(keys, ids, _ANCHORS, _NEIGHBOURS, pairs["low"], pairs["high"])
    return distinct(pairs)


def stars(keys: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """As `candidates`, but each document with the first of its bucket only: enough to unite all."""
    pairs = np.empty(_count_pairs(keys, 1, 0), dtype=EDGE)
    _list_pairs(keys, ids, 1, 0, pairs["low"], pairs["high"])
    return distinct(pairs)


def distinct(pairs: np.ndarray) -> np.ndarray:
    """An array of `EDGE`, sorted, every pair once and no document with itself."""
    pairs = pairs[pairs["low"] != pairs["high"]]
    pairs = pairs[np.lexsort((pairs["high"], pairs["low"]))]
    first = np.ones(len(pairs), dtype=bool)
    first[1:] = pairs[1:] != pairs[:-1]
    return pairs[first]


@Kernel
def _count_pairs(keys: np.ndarray, anchors: int, neighbours: int) -> int:
    count = 0
    start = 0
    for position in range(len(keys)):
        if keys[position] != keys[start]:
            start = position
        count += min(position - start, anchors + neighbours)
    return count


@Kernel
def _list_pairs(
    keys: np.ndarray,
    ids: np.ndarray,
    anchors: int,
    neighbours: int,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    count = 0
    start = 0
    for position in range(len(keys)):
        if keys[position] != keys[start]:
            start = position
        nearest = max(start, position - neighbours)
        for other in range(start, min(nearest, start + anchors)):
            low[count], high[count] = ids[other], ids[position]
            count += 1
        for other in range(nearest, position):
            low[count], high[count] = ids[other], ids[position]
            count += 1
