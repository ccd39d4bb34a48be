# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""From buckets to pairs of documents that may be near-duplicates.

In a bucket of m documents all m (m - 1) / 2 pairs share the band. Up to `_NEIGHBOURS` +
`_ANCHORS` + 1 documents all are compared; in a larger bucket each with the `_ANCHORS` first and the
`_NEIGHBOURS` before it, so that the work grows with m and not with its square. Near-duplicates
share many bands, and their cluster holds together if any chain of such pairs does.

Buckets of more than `_SLICE` documents are cut into slices of so many. A slice has anchors of its
own, which are compared with those of the first slice, the centre of all. So a document is the
first of at most `_SLICE` + `_ANCHORS` m / `_SLICE` pairs a bucket and the second of 16: what a
shuffle gathers at one document stays small however many are alike.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data_prep.kernel import kernel

_ANCHORS = 4
_NEIGHBOURS = 8
_SLICE = 1000
# Rows whose pairs are listed at once: 12 pairs of 16 bytes each, at most.
_ROWS_AT_ONCE = 1 << 17

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
    return distinct(np.concatenate([*batches(keys, ids, verify=True)]))


def stars(keys: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """As `candidates`, but each document with the first of its slice only: enough to unite all."""
    return distinct(np.concatenate([*batches(keys, ids, verify=False)]))


def batches(keys: np.ndarray, ids: np.ndarray, *, verify: bool) -> Iterator[np.ndarray]:
    """The pairs of `candidates`, or of `stars` where nothing is verified, some rows at a time.

    Pairs are distinct and sorted in each batch. There is at least one batch.
    """
    anchors, neighbours = (_ANCHORS, _NEIGHBOURS) if verify else (1, 0)
    starts = _starts(keys)
    for first in range(0, max(len(keys), 1), _ROWS_AT_ONCE):
        rows = (starts, first, min(first + _ROWS_AT_ONCE, len(keys)))
        size = _count_pairs(*rows, anchors, neighbours, _SLICE)
        pairs = np.empty(size, dtype=EDGE)
        _list_pairs(ids, *rows, anchors, neighbours, _SLICE, pairs["low"], pairs["high"])
        yield distinct(pairs)


def distinct(pairs: np.ndarray) -> np.ndarray:
    """An array of `EDGE`, sorted, every pair once and no document with itself."""
    pairs = pairs[pairs["low"] != pairs["high"]]
    pairs = pairs[np.lexsort((pairs["high"], pairs["low"]))]
    first = np.ones(len(pairs), dtype=bool)
    first[1:] = pairs[1:] != pairs[:-1]
    return pairs[first]


def _starts(keys: np.ndarray) -> np.ndarray:
    """For each row where its bucket begins."""
    starts = np.zeros(len(keys), dtype=np.int64)
    begins = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    starts[begins] = begins
    return np.maximum.accumulate(starts)


@kernel()
def _count_pairs(
    starts: np.ndarray, first: int, stop: int, anchors: int, neighbours: int, size: int
) -> int:
    count = 0
    for position in range(first, stop):
        begin = position - (position - starts[position]) % size
        nearest = max(starts[position], position - neighbours)
        count += position - nearest + max(0, min(nearest - begin, anchors))
        if position - begin < anchors and begin > starts[position]:
            count += anchors
    return count


@kernel()
def _list_pairs(
    ids: np.ndarray,
    starts: np.ndarray,
    first: int,
    stop: int,
    anchors: int,
    neighbours: int,
    size: int,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    count = 0
    for position in range(first, stop):
        start = starts[position]
        # Of the slice that the document is in.
        begin = position - (position - start) % size
        nearest = max(start, position - neighbours)
        for other in range(begin, min(nearest, begin + anchors)):
            low[count], high[count] = ids[other], ids[position]
            count += 1
        for other in range(nearest, position):
            low[count], high[count] = ids[other], ids[position]
            count += 1
        if position - begin < anchors and begin > start:
            for other in range(start, start + anchors):
                low[count], high[count] = ids[other], ids[position]
                count += 1
