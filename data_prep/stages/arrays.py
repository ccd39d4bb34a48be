# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays of fixed-size records between stages: raw files, and columns of a shuffle's tables."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.ledger import Outcome
from foundry_plugins.contract.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

# What a group's rows take; its memory is a few times this.
GROUP_BYTES = 32_000_000
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
    with atomic_path(folder / name) as partial:
        array.tofile(partial)
    content = hashlib.sha256(array.tobytes()).hexdigest()
    return Outcome((name,), content, figures)


def binary_column(values: np.ndarray) -> pa.Array:
    """The rows of a contiguous array as binary values of equal length."""
    import pyarrow as pa

    if values.nbytes >= 1 << 31:
        raise OverflowError(f"{values.nbytes} bytes of rows do not fit one Arrow column")
    width = values.nbytes // len(values) if len(values) else 0
    offsets = np.arange(len(values) + 1, dtype=np.int32) * np.int32(width)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers)


def binary_rows(column: pa.ChunkedArray, dtype: np.dtype, width: int) -> np.ndarray:
    """What `binary_column` was made of: an array of ``width`` columns."""
    return np.frombuffer(b"".join(column.to_pylist()), dtype=dtype).reshape(-1, width)
