# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The map itself: one parquet file a part, one row a document, in the order of the part.

A part's documents follow one another in its stream of tokens, so a document's samples are the
consecutive ones that begin at ``first_sample_id``, where it starts at ``first_token``. About 90
bytes a document.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foundry_plugins.contract import sample
from foundry_plugins.contract.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX = ".parquet"
_METADATA_KEY = b"foundry_plugins.provenance"
_DICTIONARIES = ["repositories.list.element", "language", "source", "licenses.list.element"]
_PLACED = ("first_sample_id", "first_token", "num_tokens", "num_bytes", "fragment_bytes")


def schema(metadata: dict[str, Any]) -> pa.Schema:
    """Columns of a part's file."""
    import pyarrow as pa

    return pa.schema(
        [
            # Its number among the part's documents as they were written. Removal leaves gaps.
            ("document", pa.uint32()),
            ("path", pa.string()),
            # All that are known to hold it; the first is the one that its licences are of.
            ("repositories", pa.list_(pa.string())),
            ("language", pa.string()),
            ("source", pa.string()),
            ("licenses", pa.list_(pa.string())),
            # Git object id of the bytes as they were read: the hex part of the SWHID.
            ("origin", pa.binary(20)),
            # Of the final text in UTF-8, after every edit.
            ("sha256", pa.binary(32)),
            ("normalized", pa.binary(16)),
            ("first_sample_id", pa.uint64()),
            ("first_token", pa.uint32()),
            ("num_tokens", pa.uint64()),
            ("num_bytes", pa.uint64()),
            # Bytes of the text in each of its samples.
            ("fragment_bytes", pa.list_(pa.uint32())),
        ],
        metadata={_METADATA_KEY: json.dumps(metadata, sort_keys=True).encode()},
    )


def placements(fragments: Sequence[np.ndarray], *, part: int) -> dict[str, Any]:
    """Where each document lies, from the fragments of the part's samples.

    Args:
        fragments: One array of `foundry_plugins.contract.sample.FRAGMENT` a sample.
        part: Number of the part, for sample ids.

    Returns:
        The columns of `schema` from ``first_sample_id`` on.
    """
    import pyarrow as pa

    if not fragments:
        return {name: [] for name in _PLACED}
    # Joined as bytes: numpy compares the fields of every array that it concatenates.
    flat = np.frombuffer(b"".join([array.tobytes() for array in fragments]), sample.FRAGMENT)
    samples = np.repeat(np.arange(len(fragments)), [len(array) for array in fragments])
    starts = np.where(np.diff(samples, prepend=-1) == 1, 0, np.roll(flat["end"], 1))
    real = (flat["flags"] & sample.PADDING) == 0
    flat, samples, starts = flat[real], samples[real], starts[real]
    first = np.flatnonzero(flat["flags"] & sample.STARTS_DOCUMENT)
    num_bytes = np.ascontiguousarray(flat["num_bytes"])
    bounds = pa.array(np.append(first, len(flat)), pa.int32())
    return {
        "first_sample_id": np.uint64(sample.sample_id(part, 0)) + samples[first].astype(np.uint64),
        "first_token": starts[first].astype(np.uint32),
        "num_tokens": np.add.reduceat(flat["end"] - starts, first).astype(np.uint64),
        "num_bytes": np.add.reduceat(num_bytes.astype(np.uint64), first),
        "fragment_bytes": pa.ListArray.from_arrays(bounds, pa.array(num_bytes)),
    }


def write(path: Path, table: pa.Table) -> None:
    """Writes a part's file; equal tables give equal bytes."""
    import pyarrow.parquet as pq

    with atomic_path(path) as partial:
        # Any: the stubs allow no list of columns.
        dictionaries: Any = _DICTIONARIES
        pq.write_table(table, partial, compression="zstd", use_dictionary=dictionaries)


def read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A part's rows."""
    import pyarrow.parquet as pq

    return pq.read_table(path, columns=None if columns is None else list(columns))


def metadata_of(table: pa.Table) -> dict[str, Any]:
    """What `schema` was given: ``part`` and ``sequence_length``."""
    return json.loads(table.schema.metadata[_METADATA_KEY])


def licence_of(licenses: Sequence[str] | None) -> str:
    """Licences as one name, as `report.json` has it; ``unknown`` where there is none."""
    return " OR ".join(licenses or ()) or "unknown"
