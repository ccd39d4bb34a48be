# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A part of stage 2: pairs of documents that are near-duplicates.

Three shuffles: documents by bucket, candidate pairs by the block of their first document, and again
by the block of the second; `data_prep.stages.near_duplicates` says why. Each leaves
``<group>.pairs`` or ``<group>.edges``, arrays that begin with `data_prep.dedup.pairs.EDGE`.

A block is `1 << _BLOCK_BITS` neighbouring rows of a part. Groups are blocks drawn by hash: the
records of a block are read in one piece, and a stretch of the input in which everything is alike
spreads over all groups.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.dedup import keys, minhash, near, pairs
from data_prep.dedup.settings import NearDuplicates
from data_prep.engines import GROUP, Emit, Shuffle
from data_prep.ledger import Outcome, digest
from data_prep.stages import arrays, mark

if TYPE_CHECKING:
    import pyarrow as pa

BUCKETS, PAIRS, EDGES = "near_buckets", "near_pairs", "near_edges"
# Records that one task turns into rows: parts are taken together up to this, larger ones read in
# pieces of this.
_EMIT_BYTES = 4_000_000
# 4,096 documents: a megabyte of records.
_BLOCK_BITS = 12
_PAIR_COLUMNS = {"low": "int64", "high": "int64"}


@dataclasses.dataclass(frozen=True)
class Search:
    """What the shuffles of one search share.

    Attributes:
        settings: What is looked for.
        parts: Outcomes of the ``read`` stage.
        folder: Its folder, where groups find records and keys.
        inputs: Digest of the code, the settings and the parts.
    """

    settings: NearDuplicates
    parts: Sequence[Outcome]
    folder: Path
    inputs: str

    def by_block(
        self,
        found: Sequence[Outcome],
        folder: Path,
        *,
        num_bytes: int,
        emit_arguments: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Shuffle:
        """A shuffle of edges whose groups are blocks."""
        num_groups = arrays.num_groups(num_bytes)
        shared = {"num_groups": num_groups, **(emit_arguments or {})}
        emits = [
            Emit(
                inputs=outcome.digest,
                weight=outcome.figures["edges"] * pairs.EDGE.itemsize,
                arguments={"file": folder / outcome.files[0], **shared},
            )
            for outcome in found
        ]
        names = arrays.group_names(num_groups)
        return Shuffle(emits=emits, parts=names, inputs=self.inputs, **fields)

    def batches(self) -> Iterator[list[int]]:
        """Neighbouring parts whose records are worth a task."""
        batch: list[int] = []
        for number in range(len(self.parts)):
            batch.append(number)
            if sum(map(self.part_bytes, batch)) >= _EMIT_BYTES:
                yield batch
                batch = []
        if batch:
            yield batch

    def part_bytes(self, number: int) -> int:
        """What the records of a part take."""
        return self.parts[number].figures["documents"] * self.settings.record_bytes


def plan_buckets(search: Search, marks: Sequence[Sequence[Path]]) -> Shuffle:
    """All documents that are compared and not lost already, by bucket."""
    documents = sum(part.figures["documents"] for part in search.parts)
    num_groups = arrays.num_groups(documents * search.settings.bands * 16)
    return Shuffle(
        stage=BUCKETS,
        emits=[_bucket_emit(search, numbers, marks, num_groups) for numbers in search.batches()],
        emit=emit_buckets,
        columns={"key": "int64", "id": "int64"},
        order=("key", "id"),
        parts=arrays.group_names(num_groups),
        reduce=reduce_buckets,
        arguments={"verify": search.settings.verify},
        inputs=search.inputs,
    )


def _bucket_emit(
    search: Search, numbers: list[int], marks: Sequence[Sequence[Path]], num_groups: int
) -> Emit:
    lost = [file.read_bytes() for number in numbers for file in marks[number]]
    return Emit(
        inputs=digest(numbers, [hashlib.sha256(data).hexdigest() for data in lost]),
        weight=sum(map(search.part_bytes, numbers)),
        arguments={
            "folder": search.folder,
            "parts": [(number, list(marks[number])) for number in numbers],
            "settings": search.settings,
            "num_groups": num_groups,
        },
    )


def plan_pairs(search: Search, found: Sequence[Outcome], folder: Path) -> Shuffle:
    """Candidate pairs, by the block of the first document."""
    rows = sum(outcome.figures["edges"] for outcome in found)
    return search.by_block(
        found,
        folder,
        stage=PAIRS,
        emit=emit_pairs,
        columns=_PAIR_COLUMNS,
        order=("low", "high"),
        reduce=reduce_pairs,
        num_bytes=rows * (16 + search.settings.record_bytes),
        arguments={"records": search.folder, "settings": search.settings},
    )


def plan_edges(search: Search, found: Sequence[Outcome], folder: Path) -> Shuffle:
    """Candidate pairs with the lanes of the first, by the block of the second document."""
    rows = sum(outcome.figures["edges"] for outcome in found)
    return search.by_block(
        found,
        folder,
        stage=EDGES,
        emit=emit_pairs_with_lanes,
        columns={**_PAIR_COLUMNS, "lanes": "binary"},
        order=("high", "low"),
        reduce=reduce_edges,
        num_bytes=rows * (16 + search.settings.record_bytes),
        arguments={"records": search.folder, "settings": search.settings},
        emit_arguments={"settings": search.settings},
    )


def emit_buckets(
    *,
    folder: Path,
    parts: list[tuple[int, list[Path]]],
    settings: NearDuplicates,
    num_groups: int,
) -> Iterator[pa.Table]:
    """Some parts' documents, one row for each band."""
    import pyarrow as pa

    for number, marks in parts:
        lost = np.array(sorted(mark.lost_rows(marks)), dtype=np.int64)
        first, dtype = 0, minhash.record_dtype(settings)
        for records in arrays.read_batches(_near_file(folder, number), dtype, _EMIT_BYTES):
            rows = first + np.arange(len(records))
            first += len(records)
            stay = np.isin(rows, lost, invert=True)
            ids = keys.document_id(number, 0) + rows[stay]
            bucket_keys, ids = near.bucket_rows(records[stay], ids, settings)
            groups = arrays.ranges(bucket_keys, num_groups)
            yield pa.table({GROUP: groups, "key": bucket_keys, "id": ids})


def reduce_buckets(folder: Path, part: str, table: pa.Table, *, verify: bool) -> Outcome:
    """Pairs to compare, or, where sharing a bucket is enough, to unite."""
    found = pairs.batches(table["key"].to_numpy(), table["id"].to_numpy(), verify=verify)
    return arrays.write_batches(folder, f"{part}.pairs", found, {}, "edges")


def emit_pairs(*, file: Path, num_groups: int) -> Iterator[pa.Table]:
    """Pairs, by the block of the first document."""
    import pyarrow as pa

    for found in arrays.read_batches(file, pairs.EDGE):
        columns = {name: found[name].copy() for name in _PAIR_COLUMNS}
        yield pa.table({GROUP: block_group(found["low"], num_groups), **columns})


def reduce_pairs(
    folder: Path, part: str, table: pa.Table, *, records: Path, settings: NearDuplicates
) -> Outcome:
    """Every pair once, with the lanes of the first document."""
    found = pairs.distinct(_edges(table))
    with_lanes = (_with_lanes(batch, records, settings) for batch in _batches(found, settings))
    return arrays.write_batches(folder, f"{part}.pairs", with_lanes, {}, "edges")


def emit_pairs_with_lanes(
    *, file: Path, num_groups: int, settings: NearDuplicates
) -> Iterator[pa.Table]:
    """Pairs and lanes, by the block of the second document."""
    import pyarrow as pa

    for found in arrays.read_batches(file, _pair_dtype(settings)):
        columns: dict[str, Any] = {name: found[name].copy() for name in _PAIR_COLUMNS}
        columns["lanes"] = arrays.binary_column(np.ascontiguousarray(found["lanes"]))
        yield pa.table({GROUP: block_group(found["high"], num_groups), **columns})


def reduce_edges(
    folder: Path, part: str, table: pa.Table, *, records: Path, settings: NearDuplicates
) -> Outcome:
    """The pairs whose estimated similarity reaches the threshold."""
    rows = arrays.BATCH_BYTES // settings.record_bytes
    batches = table.to_batches(max_chunksize=rows)
    near_pairs = (_near_pairs(batch, records, settings) for batch in batches)
    return arrays.write_batches(
        folder, f"{part}.edges", near_pairs, {"compared": table.num_rows}, "edges"
    )


def _near_pairs(batch: pa.RecordBatch, records: Path, settings: NearDuplicates) -> np.ndarray:
    found = _edges(batch)
    dtype = minhash.lane_dtype(settings)
    lanes = arrays.binary_rows(batch["lanes"], dtype, settings.num_lanes)
    others = _lanes_of(found["high"], records, settings)
    same = np.arange(len(found))
    counts = minhash.agreements(lanes, same, others, same)
    return found[counts >= minhash.least_agreements(settings)]


def _edges(table: pa.Table | pa.RecordBatch) -> np.ndarray:
    found = np.empty(table.num_rows, dtype=pairs.EDGE)
    for name in _PAIR_COLUMNS:
        found[name] = table[name].to_numpy()
    return found


def _batches(found: np.ndarray, settings: NearDuplicates) -> Iterator[np.ndarray]:
    """Pairs as many at a time as fit one batch with their lanes."""
    rows = arrays.BATCH_BYTES // settings.record_bytes
    for first in range(0, len(found), rows):
        yield found[first : first + rows]


def _with_lanes(found: np.ndarray, records: Path, settings: NearDuplicates) -> np.ndarray:
    """Pairs as `_pair_dtype` has them."""
    rows = np.empty(len(found), dtype=_pair_dtype(settings))
    for name in _PAIR_COLUMNS:
        rows[name] = found[name]
    rows["lanes"] = _lanes_of(found["low"], records, settings)
    return rows


def block_group(ids: np.ndarray, num_groups: int) -> np.ndarray:
    """The group of each document, where groups are blocks."""
    return arrays.spread(ids >> _BLOCK_BITS, num_groups)


def by_part(ids: np.ndarray) -> Iterator[tuple[int, np.ndarray, slice]]:
    """For ascending ids: part, rows in it, and where in ``ids`` they are."""
    cuts = [0, *(np.flatnonzero(np.diff(ids >> 32)) + 1).tolist(), len(ids)]
    for start, stop in itertools.pairwise(cuts):
        if start < stop:
            yield int(ids[start] >> 32), ids[start:stop] & 0xFFFFFFFF, slice(start, stop)


def _near_file(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.near"


def _pair_dtype(settings: NearDuplicates) -> np.dtype[Any]:
    lanes = ("lanes", minhash.lane_dtype(settings), settings.num_lanes)
    return np.dtype([*pairs.EDGE.descr, lanes])


def _lanes_of(ids: np.ndarray, folder: Path, settings: NearDuplicates) -> np.ndarray:
    """The lanes of documents, by ascending ids; only the pages that hold them are read."""
    lanes = np.empty((len(ids), settings.num_lanes), dtype=minhash.lane_dtype(settings))
    dtype = minhash.record_dtype(settings)
    for number, rows, slots in by_part(ids):
        records = np.memmap(_near_file(folder, number), dtype=dtype, mode="r")
        lanes[slots] = records["lanes"][rows]
    return lanes
