# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Exact duplicates: equal SHA-256 of the text; the first in reading order stays.

Exact removal before any near-duplicate search is the usual first step (Kocetkov et al. 2022,
arXiv 2211.15533, section 3.4); it runs before the split, so a held-out file has no copy in train.
State is one `KEY` record (48 bytes) a document.
"""

from __future__ import annotations

import hashlib

import numpy as np

KEY = np.dtype(
    [
        ("digest", "V32"),  # SHA-256 of the text
        ("num_bytes", "<u8"),  # of the text in UTF-8
        ("draw", "<f8"),  # data_prep.split.split_draw
    ]
)


def digest(text: bytes) -> bytes:
    """The key that duplicates share."""
    return hashlib.sha256(text).digest()


def first_of_each(digests: np.ndarray) -> np.ndarray:
    """A mask over ``digests``: True for the first of every group of equal ones.

    >>> keys = np.array([b"b", b"a", b"b", b"a", b"c"], dtype="V32")
    >>> first_of_each(keys).tolist()
    [True, True, False, False, True]
    """
    # Void records have no order; four unsigned words do. The sort is stable, so within a group
    # the first row comes first.
    words = np.ascontiguousarray(digests).view("<u8").reshape(-1, 4)
    order = np.lexsort(words.T)
    in_order = words[order]
    starts_group = np.ones(len(order), dtype=bool)
    starts_group[1:] = (in_order[1:] != in_order[:-1]).any(axis=1)
    mask = np.zeros(len(order), dtype=bool)
    mask[order[starts_group]] = True
    return mask
