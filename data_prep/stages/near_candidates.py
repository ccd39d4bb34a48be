# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A part of stage 2: pairs of documents that are near-duplicates.

Three shuffles: documents by bucket, candidate pairs by the part of their first document, and again
by the part of the second; `data_prep.stages.near_duplicates` says why. Each leaves
``<group>.pairs`` or ``<group>.edges``, arrays that begin with `data_prep.dedup.pairs.EDGE`.
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
# Records that one task turns into rows: parts are taken together up to this.
_EMIT_BYTES = 4_000_000
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

    def by_part(
        self,
        found: Sequence[Outcome],
        folder: Path,
        *,
        num_bytes: int,
        emit_arguments: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Shuffle:
        """A shuffle of edges whose groups are ranges of parts."""
        num_groups = min(len(self.parts), arrays.num_groups(num_bytes))
        shared = {"num_parts": len(self.parts), "num_groups": num_groups, **(emit_arguments or {})}
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
    """Candidate pairs, by the part of the first document."""
    rows = sum(outcome.figures["edges"] for outcome in found)
    return search.by_part(
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
    """Candidate pairs with the lanes of the first, by the part of the second document."""
    rows = sum(outcome.figures["edges"] for outcome in found)
    return search.by_part(
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
        records = np.fromfile(_near_file(folder, number), dtype=minhash.record_dtype(settings))
        stay = np.ones(len(records), dtype=bool)
        stay[list(mark.lost_rows(marks))] = False
        ids = keys.document_id(number, 0) + np.flatnonzero(stay)
        bucket_keys, ids = near.bucket_rows(records[stay], ids, settings)
        yield pa.table(
            {GROUP: arrays.ranges(bucket_keys, num_groups), "key": bucket_keys, "id": ids}
        )


def reduce_buckets(folder: Path, part: str, table: pa.Table, *, verify: bool) -> Outcome:
    """Pairs to compare, or, where sharing a bucket is enough, to unite."""
    columns = (table[name].to_numpy() for name in ("key", "id"))
    found = pairs.candidates(*columns) if verify else pairs.stars(*columns)
    return arrays.write(folder, f"{part}.pairs", found, {"edges": len(found)})


def emit_pairs(*, file: Path, num_parts: int, num_groups: int) -> Iterator[pa.Table]:
    """Pairs, by the part of the first document."""
    import pyarrow as pa

    found = np.fromfile(file, dtype=pairs.EDGE)
    columns = {name: found[name].copy() for name in _PAIR_COLUMNS}
    yield pa.table({GROUP: range_of_parts(found["low"], num_parts, num_groups), **columns})


def reduce_pairs(
    folder: Path, part: str, table: pa.Table, *, records: Path, settings: NearDuplicates
) -> Outcome:
    """Every pair once, with the lanes of the first document."""
    found = np.empty(table.num_rows, dtype=pairs.EDGE)
    for name in _PAIR_COLUMNS:
        found[name] = table[name].to_numpy()
    found = pairs.distinct(found)
    rows = np.empty(len(found), dtype=_pair_dtype(settings))
    for name in _PAIR_COLUMNS:
        rows[name] = found[name]
    rows["lanes"] = _lanes_of(found["low"], records, settings)
    return arrays.write(folder, f"{part}.pairs", rows, {"edges": len(found)})


def emit_pairs_with_lanes(
    *, file: Path, num_parts: int, num_groups: int, settings: NearDuplicates
) -> Iterator[pa.Table]:
    """Pairs and lanes, by the part of the second document."""
    import pyarrow as pa

    found = np.fromfile(file, dtype=_pair_dtype(settings))
    columns: dict[str, Any] = {name: found[name].copy() for name in _PAIR_COLUMNS}
    columns["lanes"] = arrays.binary_column(np.ascontiguousarray(found["lanes"]))
    yield pa.table({GROUP: range_of_parts(found["high"], num_parts, num_groups), **columns})


def reduce_edges(
    folder: Path, part: str, table: pa.Table, *, records: Path, settings: NearDuplicates
) -> Outcome:
    """The pairs whose estimated similarity reaches the threshold."""
    found = np.empty(table.num_rows, dtype=pairs.EDGE)
    for name in _PAIR_COLUMNS:
        found[name] = table[name].to_numpy()
    dtype = minhash.lane_dtype(settings)
    lanes = arrays.binary_rows(table["lanes"], dtype, settings.num_lanes)
    others = _lanes_of(found["high"], records, settings)
    same = np.arange(len(found))
    counts = minhash.agreements(lanes, same, others, same)
    edges = found[counts >= minhash.least_agreements(settings)]
    figures = {"edges": len(edges), "compared": len(found)}
    return arrays.write(folder, f"{part}.edges", edges, figures)


def range_of_parts(ids: np.ndarray, num_parts: int, num_groups: int) -> np.ndarray:
    """The group of each document, where groups are ranges of parts."""
    return (ids >> 32) * num_groups // num_parts


def by_part(ids: np.ndarray) -> Iterator[tuple[int, np.ndarray, slice]]:
    """For ascending ids: part, rows in it, and where in ``ids`` they are."""
    cuts = [0, *(np.flatnonzero(np.diff(ids >> 32)) + 1).tolist(), len(ids)]
    for start, stop in itertools.pairwise(cuts):
        if start < stop:
            yield int(ids[start] >> 32), ids[start:stop] & 0xFFFFFFFF, slice(start, stop)


def _near_file(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.near"


def _pair_dtype(settings: NearDuplicates) -> np.dtype:
    lanes = ("lanes", minhash.lane_dtype(settings), settings.num_lanes)
    return np.dtype([*pairs.EDGE.descr, lanes])


def _lanes_of(ids: np.ndarray, folder: Path, settings: NearDuplicates) -> np.ndarray:
    """The lanes of documents, by ascending ids; only the pages that hold them are read."""
    dtype = minhash.record_dtype(settings)
    lanes = np.empty((len(ids), settings.num_lanes), dtype=minhash.lane_dtype(settings))
    for number, rows, slots in by_part(ids):
        records = np.memmap(_near_file(folder, number), dtype=dtype, mode="r")
        lanes[slots] = records["lanes"][rows]
    return lanes
