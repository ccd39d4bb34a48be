# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Reading and drawing the ``metrics.jsonl`` of a run; needs no host, so that any command can."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from foundry_plugins.contract.files import atomic_path

METRICS_FILE = "metrics.jsonl"
PLOT_FILE = "curves.png"
# One panel each: title, and the start of the names drawn in it.
_PANELS = (
    ("training loss (nats per token)", ("loss/train/total",)),
    ("validation (bits per byte)", ("metrics/eval/BitsPerByte", "metrics/eval/")),
    ("learning rate", ("lr-",)),
    ("early dropout", ("foundry_plugins/early_dropout/",)),
    ("gradient clipping", ("foundry_plugins/gradient_clip_warmup/",)),
)


def read_metrics(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a ``metrics.jsonl``; a last line that a kill cut off is left out."""
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return


def plot(metrics: Path, output: Path) -> None:
    """Draws every panel that has data."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = _curves(read_metrics(metrics))
    panels = [(title, _matching(curves, starts)) for title, starts in _PANELS]
    panels = [(title, found) for title, found in panels if found]
    if not panels:
        return
    figure = Figure(figsize=(9, 2.4 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    column = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, found) in zip(column, panels, strict=True):
        for name, points in found.items():
            axes.plot(*zip(*points, strict=True), label=name, linewidth=1)
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    column[-1].set_xlabel("batch")
    with atomic_path(output) as partial:
        figure.savefig(partial, format="png", dpi=120)


def _matching(
    curves: Mapping[str, list[tuple[int, float]]], starts: Iterable[str]
) -> dict[str, list[tuple[int, float]]]:
    """Curves whose names begin with the first of ``starts`` that any name begins with."""
    for start in starts:
        found = {name: points for name, points in curves.items() if name.startswith(start)}
        if found:
            return found
    return {}


def _curves(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name != "batch" and math.isfinite(value):
                curves.setdefault(name, []).append((row["batch"] or 0, value))
    return curves
