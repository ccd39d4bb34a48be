# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""MinHash signatures, and what of them is kept for each document.

A signature holds, for each of K hash functions, the smallest hash of the document's n-grams x:

    min over x of (a_k x + b_k) mod 2^32, a_k odd

Two documents agree in a minimum with the probability of their Jaccard similarity (Broder 1997). Of
each minimum only some mixed bits are kept, a *lane* (b-bit minwise hashing, Li and Koenig 2010,
arXiv 0910.3349): lanes of b bits agree with probability

    J + (1 - J) / 2^b

from which J is estimated, with a standard error of 0.03 at K = 250. Band keys are hashes of the
lanes of a band. They need no longer lanes: with rows >= 5 a band has 40 bits or more, by which a
document meets one of a billion unlike ones in a thousandth of its bands, and verification tells.
Fewer rows get wider lanes.

A record is ``4 + bands * rows * lane bytes`` long: 254 bytes at 50 x 5, the only state that the
search keeps for each document.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from data_prep.dedup.settings import NearDuplicates
from data_prep.dedup.tokens import shingles, token_hashes
from data_prep.kernel import kernel
from foundry_plugins.contract.stateless_hash import hash64

# Decides all constants; another seed is another search.
_SEED = "near-duplicates"


def record_dtype(settings: NearDuplicates) -> np.dtype:
    """What is kept of each document: its number of tokens and its lanes."""
    return np.dtype([("tokens", "<u4"), ("lanes", lane_dtype(settings), settings.num_lanes)])


def lane_dtype(settings: NearDuplicates) -> np.dtype:
    """An unsigned integer of `NearDuplicates.lane_bytes`."""
    return np.dtype(f"<u{settings.lane_bytes}")


def record(data: bytes, settings: NearDuplicates) -> tuple[int, np.ndarray]:
    """A row of `record_dtype` for a text in UTF-8.

    Documents that are too short to be compared keep their number of tokens only.
    """
    num_tokens, minima = signature(data, settings)
    lanes = np.zeros(len(minima), dtype=lane_dtype(settings))
    if is_compared(num_tokens, settings):
        _take_lanes(minima, np.uint32(32 - 8 * lanes.itemsize), lanes)
    return num_tokens, lanes


def signature(data: bytes, settings: NearDuplicates) -> tuple[int, np.ndarray]:
    """The number of tokens of a text in UTF-8, and the minimum of every hash function.

    The minimum over no n-gram is 2^32 - 1.
    """
    tokens = token_hashes(data)
    factors, summands = constants(settings.num_lanes)
    minima = np.empty(settings.num_lanes, dtype=np.uint32)
    _take_minima(shingles(tokens, settings.ngram), factors, summands, minima)
    return len(tokens), minima


def is_compared(num_tokens: int | np.ndarray, settings: NearDuplicates) -> bool | np.ndarray:
    """Whether documents of so many tokens are compared."""
    return num_tokens >= settings.minimum_tokens


@functools.cache
def constants(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The factors and summands of ``size`` hash functions."""
    factors = [hash64(_SEED, "factor", k) & 0xFFFFFFFF | 1 for k in range(size)]
    summands = [hash64(_SEED, "summand", k) & 0xFFFFFFFF for k in range(size)]
    return np.array(factors, dtype=np.uint32), np.array(summands, dtype=np.uint32)


def band_keys(lanes: np.ndarray, settings: NearDuplicates) -> np.ndarray:
    """The key of each document's bucket in each band: documents x bands, as int64.

    Keys of different bands do not meet. They are uniform, so that ranges of them are even groups.
    """
    keys = np.empty((len(lanes), settings.bands), dtype=np.uint64)
    _hash_bands(np.ascontiguousarray(lanes), settings.rows, keys)
    return keys.view(np.int64)


def agreements(
    lanes: np.ndarray, rows: np.ndarray, other_lanes: np.ndarray, other_rows: np.ndarray
) -> np.ndarray:
    """For all i, in how many lanes ``lanes[rows[i]]`` and ``other_lanes[other_rows[i]]`` agree."""
    counts = np.empty(len(rows), dtype=np.int64)
    _count_agreements(lanes, rows, other_lanes, other_rows, counts)
    return counts


def least_agreements(settings: NearDuplicates) -> int:
    """The number of agreeing lanes from which on the estimate reaches the threshold.

    >>> least_agreements(NearDuplicates())
    126
    """
    by_chance = 2.0 ** (-8 * settings.lane_bytes)
    share = by_chance + (1.0 - by_chance) * settings.threshold
    return math.ceil(share * settings.num_lanes)


def estimate(counts: np.ndarray, settings: NearDuplicates) -> np.ndarray:
    """Jaccard similarities from numbers of agreeing lanes."""
    by_chance = 2.0 ** (-8 * settings.lane_bytes)
    return np.maximum(0.0, (counts / settings.num_lanes - by_chance) / (1.0 - by_chance))


@kernel()
def _take_minima(
    hashes: np.ndarray, factors: np.ndarray, summands: np.ndarray, minima: np.ndarray
) -> None:
    for k in range(len(minima)):
        minima[k] = np.uint32(0xFFFFFFFF)
    position = 0
    # Eight n-grams for every load of the minima; the inner loop becomes vector instructions.
    while position + 8 <= len(hashes):
        x0, x1 = hashes[position], hashes[position + 1]
        x2, x3 = hashes[position + 2], hashes[position + 3]
        x4, x5 = hashes[position + 4], hashes[position + 5]
        x6, x7 = hashes[position + 6], hashes[position + 7]
        for k in range(len(minima)):
            a, b = factors[k], summands[k]
            low = min(np.uint32(a * x0 + b), np.uint32(a * x1 + b))
            low = min(low, np.uint32(a * x2 + b))
            low = min(low, np.uint32(a * x3 + b))
            low = min(low, np.uint32(a * x4 + b))
            low = min(low, np.uint32(a * x5 + b))
            low = min(low, np.uint32(a * x6 + b))
            low = min(low, np.uint32(a * x7 + b))
            minima[k] = min(minima[k], low)
        position += 8
    while position < len(hashes):
        x = hashes[position]
        for k in range(len(minima)):
            minima[k] = min(minima[k], np.uint32(factors[k] * x + summands[k]))
        position += 1


@kernel()
def _take_lanes(minima: np.ndarray, shift: np.uint32, lanes: np.ndarray) -> None:
    # Minima of long documents have zeros in front: a multiplication spreads the rest.
    for k in range(len(minima)):
        lanes[k] = np.uint32(minima[k] * np.uint32(0x9E3779B1)) >> shift


@kernel()
def _hash_bands(lanes: np.ndarray, rows: int, keys: np.ndarray) -> None:
    for document in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            key = np.uint64(band + 1) * np.uint64(0x9E3779B97F4A7C15)
            for row in range(rows):
                lane = np.uint64(lanes[document, band * rows + row])
                key = (key ^ lane) * np.uint64(0xBF58476D1CE4E5B9)
                key = key ^ (key >> np.uint64(29))
            key = key * np.uint64(0x94D049BB133111EB)
            keys[document, band] = key ^ (key >> np.uint64(32))


@kernel()
def _count_agreements(
    lanes: np.ndarray,
    rows: np.ndarray,
    other_lanes: np.ndarray,
    other_rows: np.ndarray,
    counts: np.ndarray,
) -> None:
    for pair in range(len(counts)):
        left, right = lanes[rows[pair]], other_lanes[other_rows[pair]]
        count = 0
        for k in range(len(left)):
            count += left[k] == right[k]
        counts[pair] = count
