# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How much of what is in a dataset.

Counts by split, language, source and licence; fragment lengths; padding; texts on both sides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from data_prep.provenance import charts, figures, removed
from data_prep.provenance.dataset import Dataset, split_of
from data_prep.provenance.figures import AMOUNTS, AXES
from data_prep.provenance.lookup_index import SHA256
from foundry_plugins.contract.files import write_json

FILE = "stats.json"
PLOT = "stats.png"
_MOST_ROWS = 30


def stats(data_dir: Path | str) -> dict[str, Any]:
    """Counts a dataset, and writes ``stats.json`` and ``stats.png`` into it.

    Returns:
        ``splits`` (with ``padding_share``, ``removed_tokens`` and ``fragment_tokens``, a histogram
        by powers of two), ``counts`` (a row for each split, language, source and licence),
        ``texts_on_both_sides``: texts that are in training and in validation, which must be 0.

    Raises:
        UserError: if there is no dataset.
    """
    dataset = Dataset.open(data_dir)
    counts = figures.count(dataset)
    content = {
        "splits": {split: _split(dataset, split) for split in dataset.splits},
        "counts": [
            dict(zip((*AXES, *AMOUNTS), (*key, *amounts), strict=True))
            for key, amounts in counts.items()
        ],
        "texts_on_both_sides": on_both_sides(dataset),
    }
    write_json(dataset.root / FILE, content)
    panels = {
        f"tokens by {axis}": charts.largest(
            {name: amounts["tokens"] for name, amounts in figures.along(counts, axis).items()}
        )
        for axis in AXES
    }
    for split, values in content["splits"].items():
        panels[f"fragments of {split} by length in tokens"] = values["fragment_tokens"]
    charts.bars(dataset.root / PLOT, panels)
    return content


def _split(dataset: Dataset, split: str) -> dict[str, Any]:
    metadata = dataset.metadata(split)
    gone = removed.read(dataset.folder / removed.FILE)
    removed_tokens = sum(r["num_tokens"] for r in gone if split_of(r["part"]) == split)
    held = metadata.num_samples * metadata.sequence_length
    padding = held - metadata.num_tokens - removed_tokens
    return {
        "documents": metadata.num_documents,
        "tokens": metadata.num_tokens,
        "bytes": metadata.num_bytes,
        "bytes_per_token": round(metadata.num_bytes / max(metadata.num_tokens, 1), 3),
        "samples": metadata.num_samples,
        "sequence_length": metadata.sequence_length,
        "padding_share": round(padding / max(held, 1), 6),
        "removed_tokens": removed_tokens,
        "fragment_tokens": _fragment_lengths(dataset, split, metadata.sequence_length),
    }


def _fragment_lengths(dataset: Dataset, split: str, length: int) -> dict[str, int]:
    """Number of fragments by length, in powers of two."""
    edges = 2 ** np.arange(length.bit_length() + 1)
    totals = np.zeros(len(edges) - 1, dtype=np.int64)
    for part in dataset.parts:
        if split_of(part) == split:
            rows = dataset.rows(part, ["first_token", "num_tokens"])
            first = rows["first_token"].to_numpy().astype(np.int64)
            end = first + rows["num_tokens"].to_numpy().astype(np.int64)
            # A document fills its first sample's rest, whole samples, and a piece of the last.
            whole = np.maximum((end - 1) // length - 1, 0)
            head = np.minimum(end, length) - first
            tail = (end - length * (whole + 1))[end > length]
            lengths = np.concatenate([head, tail])
            totals += np.histogram(lengths, edges)[0]
            totals[-1] += whole.sum()
    names = [f"{edge} to {min(2 * edge - 1, length)}" for edge in edges[:-1].tolist()]
    return dict(zip(names, totals.tolist(), strict=True))


def on_both_sides(dataset: Dataset) -> int:
    """Number of texts, as they were written, that are in training and in validation."""
    index = dataset.lookup_index()
    side = np.array([dataset.splits.index(split_of(part)) for part in index.parts])
    both = 0
    for keys, parts in index.whole_keys(SHA256):
        if len(keys):
            starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
            sides = side[parts]
            lowest, highest = np.minimum.reduceat(sides, starts), np.maximum.reduceat(sides, starts)
            both += int((lowest != highest).sum())
    return both


def show(content: dict[str, Any]) -> None:
    """Prints the counts as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("", *content["splits"], title="Splits", title_justify="left")
    names = [name for name in next(iter(content["splits"].values())) if name != "fragment_tokens"]
    for name in names:
        form = ".2%" if name == "padding_share" else ","
        cells = (format(values[name], form) for values in content["splits"].values())
        table.add_row(name.replace("_", " "), *cells)
    console.print(table)
    table = Table(*AXES, *AMOUNTS)
    counts = sorted(content["counts"], key=lambda row: -row["tokens"])
    for row in counts[:_MOST_ROWS]:
        table.add_row(*(row[axis] for axis in AXES), *(f"{row[amount]:,}" for amount in AMOUNTS))
    console.print(table)
    if len(counts) > _MOST_ROWS:
        console.print(f"{len(counts) - _MOST_ROWS} more rows are in {FILE}.")
    both = content["texts_on_both_sides"]
    console.print(f"Texts that are both in training and in validation: {both}.")
