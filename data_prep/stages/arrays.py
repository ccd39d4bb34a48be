# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays of fixed-size records between stages: raw files, and columns of a shuffle's tables.

Files are written and read `BATCH_BYTES` at a time, so that what a group's rows grow into is never
in memory as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.ledger import Outcome
from foundry_plugins.contract.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

# What a group's rows take; its memory is a few times this.
GROUP_BYTES = 32_000_000
BATCH_BYTES = 16_000_000
# 2^64 divided by the golden ratio: neighbouring ids go to unrelated groups.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def num_groups(num_bytes: int) -> int:
    """Groups for so many bytes of rows."""
    return 1 + num_bytes // GROUP_BYTES


def group_names(count: int) -> list[str]:
    """Names for the groups of a shuffle."""
    return [f"{group:05}" for group in range(count)]


def ranges(keys: np.ndarray, count: int) -> np.ndarray:
    """The group, out of ``count``, of uniform int64 keys: equal ranges of them."""
    high = np.ascontiguousarray(keys).view(np.uint64) >> _HALF
    return ((high * np.uint64(count)) >> _HALF).view(np.int64)


def spread(ids: np.ndarray, count: int) -> np.ndarray:
    """The group, out of ``count``, of int64 ids, whatever their pattern."""
    return ranges((np.ascontiguousarray(ids).view(np.uint64) * _GOLDEN).view(np.int64), count)


def write(folder: Path, name: str, array: np.ndarray, figures: dict[str, Any]) -> Outcome:
    """Saves an array as it is in memory."""
    return write_batches(folder, name, [array], figures)


def write_batches(
    folder: Path,
    name: str,
    batches: Iterable[np.ndarray],
    figures: dict[str, Any],
    count: str | None = None,
) -> Outcome:
    """Saves arrays one after the other; ``count`` names the figure for their records."""
    content, records = hashlib.sha256(), 0
    with atomic_path(folder / name) as partial, partial.open("wb") as handle:
        for array in batches:
            data = array.tobytes()
            handle.write(data)
            content.update(data)
            records += len(array)
    counted = {} if count is None else {count: records}
    return Outcome((name,), content.hexdigest(), {**figures, **counted})


def read_batches(
    file: Path, dtype: np.dtype[Any], num_bytes: int = BATCH_BYTES
) -> Iterator[np.ndarray]:
    """The records of a file, so many bytes at a time."""
    with file.open("rb") as handle:
        while len(array := np.fromfile(handle, dtype, max(1, num_bytes // dtype.itemsize))):
            yield array


def binary_column(values: np.ndarray) -> pa.Array:
    """The rows of a contiguous array, which is a batch, as binary values of equal length."""
    import pyarrow as pa

    width = values.nbytes // len(values) if len(values) else 0
    offsets = np.arange(len(values) + 1, dtype=np.int32) * np.int32(width)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers)


def binary_rows(column: pa.Array | pa.ChunkedArray, dtype: np.dtype[Any], width: int) -> np.ndarray:
    """What `binary_column` was made of: an array of ``width`` columns."""
    values = np.frombuffer(b"".join(column.to_pylist()), dtype=dtype)
    return values.reshape(-1, width)
