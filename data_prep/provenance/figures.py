# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Counts from the map: what `stats` shows, and what ``report.json`` says after a removal."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.provenance import removed, shard_edit
from data_prep.provenance.dataset import Dataset, split_of
from data_prep.provenance.table import licence_of
from data_prep.report import REPORT_FILE
from foundry_plugins.contract import sample
from foundry_plugins.contract.files import write_json

AXES = ("split", "language", "source", "licence")
AMOUNTS = ("documents", "tokens", "bytes")

Counts = dict[tuple[str, ...], list[int]]


def count(dataset: Dataset) -> Counts:
    """Documents, tokens and bytes by split, language, source and licence."""
    import pyarrow as pa

    counts: Counts = {}
    columns = ["language", "source", "licenses", "num_tokens", "num_bytes"]
    for part in dataset.parts:
        rows = dataset.rows(part, columns)
        licences = [licence_of(names) for names in rows["licenses"].to_pylist()]
        rows = rows.drop_columns("licenses").append_column("licence", pa.array(licences, "string"))
        grouped = rows.group_by(["language", "source", "licence"], use_threads=False).aggregate(
            [([], "count_all"), ("num_tokens", "sum"), ("num_bytes", "sum")]
        )
        for row in grouped.to_pylist():
            key = (split_of(part), row["language"], row["source"], row["licence"])
            total = counts.setdefault(key, [0, 0, 0])
            amounts = (row["count_all"], row["num_tokens_sum"], row["num_bytes_sum"])
            counts[key] = [a + b for a, b in zip(total, amounts, strict=True)]
    return {key: counts[key] for key in sorted(counts)}


def along(counts: Counts, axis: str) -> dict[str, dict[str, int]]:
    """The counts by one of `AXES`, the others summed up."""
    place = AXES.index(axis)
    totals: dict[str, np.ndarray] = collections.defaultdict(lambda: np.zeros(3, np.int64))
    for key, amounts in counts.items():
        totals[key[place]] += amounts
    return {name: dict(zip(AMOUNTS, totals[name].tolist(), strict=True)) for name in sorted(totals)}


def removed_by_reason(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many documents were taken out afterwards, by reason."""
    return dict(sorted(collections.Counter(row["reason"] for row in rows).items()))


def stored_bytes(folder: Path) -> int:
    """Bytes of a split's shards as they are stored."""
    index = json.loads((folder / sample.INDEX_FILE).read_text(encoding="utf-8"))
    return sum(shard_edit.file_of(entry)["bytes"] for entry in index["shards"])


def update_report(dataset: Dataset) -> None:
    """Brings ``report.json`` to what the data now hold; the figures of the run stay."""
    path = dataset.root / REPORT_FILE
    if not path.is_file():
        return
    report = json.loads(path.read_text(encoding="utf-8"))
    counts = count(dataset)
    for axis, key in (("language", "languages"), ("source", "sources"), ("licence", "licenses")):
        if key in report:
            report[key] = {
                name: {"documents": amounts["documents"], "bytes": amounts["bytes"]}
                for name, amounts in along(counts, axis).items()
            }
    for split in dataset.splits:
        metadata = dataset.metadata(split)
        report.get("splits", {}).get(split, {}).update(
            documents=metadata.num_documents,
            bytes=metadata.num_bytes,
            tokens=metadata.num_tokens,
            shard_bytes=stored_bytes(dataset.root / split),
            bytes_per_token=round(metadata.num_bytes / max(metadata.num_tokens, 1), 3),
        )
    rows = removed.read(dataset.folder / removed.FILE)
    report["removed"] = {
        "documents": len(rows),
        "tokens": sum(row["num_tokens"] for row in rows),
        "bytes": sum(row["num_bytes"] for row in rows),
        "by_reason": removed_by_reason(rows),
    }
    write_json(path, report)
