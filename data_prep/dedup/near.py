# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The search for near-duplicates among records in memory.

The same steps that `data_prep.stages.near_duplicates` takes as groups over files: buckets, pairs,
verification. For samples, reports and tests.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from data_prep.dedup import minhash, pairs
from data_prep.dedup.settings import NearDuplicates


def records_of(texts: Iterable[bytes], settings: NearDuplicates) -> np.ndarray:
    """The records of texts in UTF-8."""
    rows = [minhash.record(text, settings) for text in texts]
    return np.array(rows, dtype=minhash.record_dtype(settings))


def find_pairs(records: np.ndarray, settings: NearDuplicates) -> np.ndarray:
    """Near-duplicates among records, as an array of `pairs.EDGE` of their positions.

    Where nothing is verified, what shares a bucket is tied to one of it: enough for clusters.
    """
    keys, ids = bucket_rows(records, np.arange(len(records)), settings)
    order = np.lexsort((ids, keys))
    if not settings.verify:
        return pairs.stars(keys[order], ids[order])
    found = pairs.candidates(keys[order], ids[order])
    lanes = np.ascontiguousarray(records["lanes"])
    counts = minhash.agreements(lanes, found["low"], lanes, found["high"])
    return found[counts >= minhash.least_agreements(settings)]


def bucket_rows(
    records: np.ndarray, ids: np.ndarray, settings: NearDuplicates
) -> tuple[np.ndarray, np.ndarray]:
    """Keys of buckets and the documents in them: one row for each document and band."""
    compared = minhash.is_compared(records["tokens"], settings)
    keys = minhash.band_keys(records["lanes"][compared], settings)
    return keys.ravel(), np.repeat(ids[compared], settings.bands)
