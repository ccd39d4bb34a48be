# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of parquet files: a row group at a time, in batches, and only the columns that are needed.

A file whose footer cannot be read is one bad row; a row group that cannot be decoded gives the rows
before the place and one bad row for the rest of the group, and the other groups are read as ever.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from data_prep import store
from data_prep.document import BadRow
from data_prep.rows import Row
from data_prep.sources import Unit
from foundry_plugins.contract.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

# Text in a batch: enough to be fast, little beside a worker's other memory.
_BATCH_BYTES = 1 << 24
_MOST_ROWS = 1024
# Parquet's physical type of texts.
_TEXT = "BYTE_ARRAY"
# What is fetched at once of a column.
_BUFFER_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Only:
    """Rows to read: those whose value in a column is accepted; the others are passed over.

    Attributes:
        column: Its name.
        accepts: Whether a value is wanted.
    """

    column: str
    accepts: Callable[[Any], bool]


def units(
    url: str, size: int, stamp: int, between: tuple[str, Callable[[Any, Any], bool]] | None = None
) -> tuple[list[Unit], list[str] | None]:
    """The row groups of a file, and the names of its columns (None if its footer is broken).

    Args:
        url: The file.
        size: Its bytes.
        stamp: Its stamp.
        between: A column and whether a row group can hold a wanted value, by the smallest and the
            largest that it has; groups that cannot are left out.
    """
    try:
        with _opened(url) as file:
            names = list(file.schema_arrow.names)
            groups = [
                Unit(url, _stored_bytes(file, group), stamp, group)
                for group in range(file.metadata.num_row_groups)
                if between is None or _may_hold(file, group, names, *between)
            ]
            return groups, names
    except _broken():
        # Read, it will say what is wrong with it.
        return [Unit(url, size, stamp)], None
    except UserError:
        if store.is_remote(url):
            raise
        return [Unit(url, size, stamp)], None


def read(
    unit: Unit, *, columns: Sequence[str], limit_bytes: int, only: Only | None = None
) -> Iterator[Row | BadRow]:
    """The rows of one row group.

    Args:
        unit: The file and the group.
        columns: Those to read, nested ones whole. Those that the file lacks are left out.
        limit_bytes: Most text in one row.
        only: Which rows to read. Its column is read first; if no row is wanted, nothing else is.
    """
    row = 0
    try:
        with _opened(unit.path) as file:
            group = file.metadata.row_group(unit.part)
            row = sum(file.metadata.row_group(n).num_rows for n in range(unit.part))
            wanted = [name for name in file.schema_arrow.names if name in columns]
            if only is not None and only.column in wanted and not _any(file, unit.part, only):
                return
            mean = max(group.total_byte_size // max(group.num_rows, 1), 1)
            batches = file.iter_batches(
                batch_size=max(1, min(_MOST_ROWS, _BATCH_BYTES // mean)),
                row_groups=[unit.part],
                columns=wanted,
                use_threads=False,
            )
            for batch in batches:
                yield from _rows(batch, unit.path, row, limit_bytes, only)
                row += batch.num_rows
    except _broken() as error:
        yield BadRow(unit.path, row, _reason(error), f"row group {unit.part}: {_short(error)}")
    except UserError as error:
        if store.is_remote(unit.path):
            raise
        yield BadRow(unit.path, row, "unreadable", str(error))


def _broken() -> tuple[type[Exception], ...]:
    """What a damaged file raises; with damaged names and counts not only Arrow's own errors."""
    from pyarrow import ArrowException

    return ArrowException, OSError, UnicodeDecodeError, LookupError, OverflowError


@contextlib.contextmanager
def _opened(url: str) -> Iterator[parquet.ParquetFile]:
    from pyarrow import parquet

    with (
        store.open_read(url) as handle,
        parquet.ParquetFile(handle, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file,
    ):
        yield file


def _stored_bytes(file: parquet.ParquetFile, group: int) -> int:
    metadata = file.metadata.row_group(group)
    return sum(metadata.column(n).total_compressed_size for n in range(metadata.num_columns))


def _may_hold(
    file: parquet.ParquetFile,
    group: int,
    names: Sequence[str],
    column: str,
    accepts: Callable[[Any, Any], bool],
) -> bool:
    metadata = file.metadata.row_group(group)
    for n in range(metadata.num_columns):
        chunk = metadata.column(n)
        if chunk.path_in_schema != column or column not in names:
            continue
        # Asked for the statistics of a column with a damaged type, Arrow ends the process.
        types = {chunk.physical_type, file.metadata.schema.column(n).physical_type}
        statistics = chunk.statistics if types == {_TEXT} else None
        return (
            statistics is None
            or not statistics.has_min_max
            or accepts(statistics.min, statistics.max)
        )
    return True


def _any(file: parquet.ParquetFile, group: int, only: Only) -> bool:
    values = file.read_row_group(group, columns=[only.column], use_threads=False)[only.column]
    return any(only.accepts(value) for value in _values(values.unique())[0])


def _rows(
    batch: pa.RecordBatch, file: str, first: int, limit_bytes: int, only: Only | None
) -> Iterator[Row | BadRow]:
    names = batch.schema.names
    numbers: Sequence[int] = range(first, first + batch.num_rows)
    if only is not None and only.column in names:
        kept = [only.accepts(value) for value in _values(batch.column(only.column))[0]]
        numbers = [number for number, keep in zip(numbers, kept, strict=True) if keep]
        batch = batch.filter(_mask(kept))
    sizes = _text_bytes(batch)
    over = {number for number, size in zip(numbers, sizes, strict=True) if size > limit_bytes}
    if over:
        for number, size in zip(numbers, sizes, strict=True):
            if number in over:
                yield BadRow(file, number, "over_limit", f"{size} bytes of text")
        batch = batch.filter(_mask([number not in over for number in numbers]))
        numbers = [number for number in numbers if number not in over]
    columns: list[list[Any]] = []
    broken: dict[int, str] = {}
    for name, column in zip(names, batch.columns, strict=True):
        values, places = _values(column)
        columns.append(values)
        broken |= {place: str(name) for place in places}
    for place, (number, *values) in enumerate(zip(numbers, *columns, strict=True)):
        if place in broken:
            yield BadRow(file, number, "invalid_utf8", f"in column {broken[place]}")
        else:
            yield Row(file, number, dict(zip(names, values, strict=True)))


def _mask(kept: Sequence[bool]) -> pa.BooleanArray:
    import pyarrow as pa

    return pa.array(kept, type=pa.bool_())


def _text_bytes(batch: pa.RecordBatch) -> list[int]:
    """Bytes of the rows' texts, those within lists and structures aside."""
    import numpy as np
    from pyarrow import compute, types

    sizes = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        kind = column.type
        if types.is_string(kind) or types.is_binary(kind) or types.is_large_string(kind):
            lengths = compute.call_function("binary_length", [column])
            sizes += lengths.fill_null(0).to_numpy()
    return sizes.tolist()


def _values(column: Any) -> tuple[list[Any], list[int]]:
    """A column's values, and the places of those that cannot be read, which are None."""
    try:
        return column.to_pylist(), []
    # Text that is no UTF-8, times beyond the calendar: found one by one.
    except (ValueError, OverflowError):
        values: list[Any] = []
        places: list[int] = []
        for place, scalar in enumerate(column):
            try:
                values.append(scalar.as_py())
            except (ValueError, OverflowError):
                values.append(None)
                places.append(place)
        return values, places


def _reason(error: Exception) -> str:
    return "unreadable" if isinstance(error, FileNotFoundError | PermissionError) else "broken_file"


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."
