# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How far a tokenizer shortens text, language by language: bytes per token.

The figure to choose a kind, a pattern and a size by: a context of T tokens holds T times as many
bytes. Held-out documents say what new text will cost; training documents, on which the vocabulary
was fitted, look a little better.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from data_prep.tokenizers.encoder import Encoder
from data_prep.tokenizers.proof import batches, encode
from foundry_plugins.contract.files import atomic_path

ALL = "all"
_BAR_HEIGHT_INCHES = 0.3

Figures = dict[str, dict[str, float]]


def compare(encoder: Encoder, records: Iterable[Mapping[str, Any]], limit: int) -> Figures:
    """Documents, bytes, tokens and bytes per token by language, and of all together.

    Args:
        encoder: The tokenizer.
        records: Documents as `data_prep.document_file` holds them.
        limit: Bytes to look at, at most.
    """
    figures: Figures = {}
    num_bytes = 0
    for batch in batches(records):
        for record, ids in zip(batch, encode(encoder, batch), strict=True):
            size = int(encoder.byte_lengths[ids].sum())
            num_bytes += size
            for name in (record["language"], ALL):
                entry = figures.setdefault(name, {"documents": 0, "bytes": 0, "tokens": 0})
                entry["documents"] += 1
                entry["bytes"] += size
                entry["tokens"] += len(ids)
        if num_bytes >= limit:
            break
    for entry in figures.values():
        entry["bytes_per_token"] = round(entry["bytes"] / max(entry["tokens"], 1), 3)
    return figures


def show(sides: Mapping[str, Figures], title: str) -> None:
    """Prints a table: a row for each language, bytes per token of each side."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", title=title, title_justify="left")
    for side in sides:
        table.add_column(f"{side}: bytes", justify="right")
        table.add_column("per token", justify="right")
    for name in _names(sides):
        cells: list[str] = []
        for figures in sides.values():
            entry = figures.get(name)
            cells += (
                [f"{entry['bytes']:,}", f"{entry['bytes_per_token']:.2f}"] if entry else ["", ""]
            )
        table.add_row(name, *cells)
    Console().print(table)


def chart(sides: Mapping[str, Figures], path: Path, title: str) -> None:
    """Draws the same as a PNG: a group of bars for each language."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = _names(sides)[::-1]
    height = 1.5 + _BAR_HEIGHT_INCHES * len(names) * len(sides)
    figure, axes = plt.subplots(figsize=(8, height), layout="constrained")
    width = 0.8 / len(sides)
    for number, (side, figures) in enumerate(sides.items()):
        places = [place - number * width for place in range(len(names))]
        rates = [figures.get(name, {}).get("bytes_per_token", 0.0) for name in names]
        bars = axes.barh(places, rates, height=width, label=side)
        axes.bar_label(bars, [f"{rate:.2f}" if rate else "" for rate in rates], padding=3)
    axes.set_yticks([place - 0.4 + width / 2 for place in range(len(names))], names)
    axes.set_xlabel("bytes per token")
    axes.set_title(title, loc="left")
    axes.margins(x=0.1, y=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower right", ncols=len(sides))
    with atomic_path(path) as partial:
        figure.savefig(partial, format="png", dpi=110)
    plt.close(figure)


def _names(sides: Mapping[str, Figures]) -> list[str]:
    """Languages, the one with the most text first; `ALL` last."""
    sizes: collections.Counter[str] = collections.Counter()
    for figures in sides.values():
        sizes.update({name: int(entry["bytes"]) for name, entry in figures.items()})
    del sizes[ALL]
    return [*(name for name, _ in sizes.most_common()), ALL]
