# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which file went where: a map from samples to files, and what can be asked of it.

Written with the shards, published beside them in ``provenance/``:

``<part>.parquet``       one row a document: its name, repository, licences, origin (git blob id),
                         digests, and the samples and tokens that hold it (`recorder`, `table`)
``<part>.winnow.arrow``  fingerprints of the part's documents, for `attribution` (`fingerprints`)
``lookup.parquet``       digests, repositories and owners of all documents, sorted (`lookup_index`)
``removed.parquet``      what was taken out afterwards, and why (`removal`); only if anything was

Questions: `lookup` (is this file in the data?), `attribution` (where does this snippet come
from?), `removal` (take these out), `data_card` (what is in the data?), `stats` (how much?).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_WRITERS = ("fingerprints", "lookup_index", "recorder", "settings", "table", "winnow")


def code() -> list[str]:
    """Digests of the files that decide what a part leaves, without importing them."""
    files = [Path(__file__).with_name(f"{name}.py") for name in _WRITERS]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
