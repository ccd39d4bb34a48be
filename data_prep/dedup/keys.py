# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What the search for duplicates knows of a document: 72 bytes.

One `KEY` a document, in reading order; a document is called by its `document_id`, the part that it
was read in and its row there.
"""

from __future__ import annotations

import hashlib

import numpy as np

from data_prep.dedup import exact, keep_rules
from data_prep.document import Document

KEY = np.dtype(
    [
        ("digest", "V32"),  # SHA-256 of the text
        ("normalized", "V16"),  # data_prep.dedup.exact.normalized_digest
        ("rank", "<f8", 3),  # data_prep.dedup.keep_rules.rank: the smallest of a group stays
    ]
)


def key(document: Document, keep: str) -> tuple[bytes, bytes, tuple[float, float, float]]:
    """The `KEY` of a document under a keep rule."""
    data = document.data
    return (
        hashlib.sha256(data).digest(),
        exact.normalized_digest(data),
        keep_rules.rank(document, keep),
    )


def document_id(part: int, row: int) -> int:
    """Names a document within a run: ``part << 32 | row``."""
    return part << 32 | row
