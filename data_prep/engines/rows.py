# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rows on their way from one input to many groups, on disk.

One Arrow file an input, however many groups there are (as Spark's sort-based shuffle does), so
that the number of files does not grow with the product of both counts. Every record batch holds
rows of one group; ``<name>.groups`` lists the group of each. Rows are written out whenever
`_BUFFER_BYTES` of them have come together: memory does not grow with the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from data_prep.engines import GROUP
from foundry_plugins.contract.files import atomic_path

_BUFFER_BYTES = 32_000_000


def write(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    """Writes tables to ``path``, a folder with the rows and the list of groups."""
    # Quick, because rows are read once; documents come compressed.
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with atomic_path(path) as partial:
        partial.mkdir()
        with pa.ipc.new_file(str(partial / "rows.arrow"), schema, options=options) as writer:
            buffered = _buffered(tables, schema)
            groups = [_write_by_group(writer, table) for table in buffered]
        np.concatenate([np.zeros(0, np.int64), *groups]).tofile(partial / "rows.groups")


def read(paths: Iterable[Path], group: int, schema: pa.Schema) -> pa.Table:
    """The rows of one group from several files, in the order of the files."""
    batches = []
    for path in paths:
        numbers = np.flatnonzero(np.fromfile(path / "rows.groups", dtype=np.int64) == group)
        if len(numbers):
            with pa.memory_map(str(path / "rows.arrow")) as mapped:
                reader = pa.ipc.open_file(mapped)
                batches.extend(reader.get_batch(int(number)) for number in numbers)
    return pa.Table.from_batches(batches, schema=schema)


def sort(table: pa.Table, order: tuple[str, ...]) -> pa.Table:
    """The rows in ascending order of columns."""
    return table.sort_by([(name, "ascending") for name in order]) if table.num_rows else table


def _buffered(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    size = 0
    for table in tables:
        if not table.num_rows:
            continue
        waiting.append(table.select(schema.names).cast(schema))
        size += table.nbytes
        if size >= _BUFFER_BYTES:
            yield pa.concat_tables(waiting)
            waiting, size = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def _write_by_group(writer: pa.ipc.RecordBatchFileWriter, table: pa.Table) -> np.ndarray:
    """One record batch a group; the groups in the order of writing."""
    groups = table[GROUP].to_numpy()
    order = np.argsort(groups, kind="stable")
    table = table.take(order).combine_chunks()
    present, starts = np.unique(groups[order], return_index=True)
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        for batch in table.slice(start, stop - start).to_batches():
            writer.write_batch(batch)
    return present
