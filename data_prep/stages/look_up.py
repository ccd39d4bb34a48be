# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 8, a reduce to one: the look-up index of all documents, from the key files of the parts.

Leaves ``lookup.parquet``; see `data_prep.provenance.lookup_index`, whose merge holds one range of
keys at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from data_prep.ledger import Outcome, Task, code_of, digest, size_of
from data_prep.provenance import lookup_index
from foundry_plugins.contract.files import atomic_path

STAGE = "look_up"
PART = "lookup"


def plan(packed: Sequence[Outcome], folder: Path) -> list[Task]:
    """A single task.

    Args:
        packed: Outcomes of the ``shards`` stage.
        folder: Its folder.
    """
    keys = {}
    for outcome in packed:
        (name,) = (name for name in outcome.files if name.endswith(lookup_index.KEYS_SUFFIX))
        keys[outcome.files[0]] = folder / name
    inputs = digest(code_of(__name__, lookup_index), [o.figures["provenance"] for o in packed])
    weight = sum(size_of(path) or 0 for path in keys.values())
    return [Task(STAGE, PART, inputs, weight, merge, {"keys": keys})]


def merge(folder: Path, part: str, *, keys: dict[str, Path]) -> Outcome:
    """Merges all key files."""
    name = f"{part}.parquet"
    with atomic_path(folder / name) as partial:
        lookup_index.merge(keys, partial)
        with partial.open("rb") as handle:
            content = hashlib.file_digest(handle, "sha256").hexdigest()
    return Outcome((name,), content, {})
