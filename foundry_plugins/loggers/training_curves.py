# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Curves of a run as a JSONL file and a PNG, with no service and no extra package.

Every number that the host or a component logs goes to ``metrics.jsonl``, one line a call:
``{"batch": 12, "loss/train/total": 4.2}``. A resumed run drops the lines past the batch it resumes
from, so the file is that of an uninterrupted run.
"""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from composer.core import State
from composer.loggers import Logger, LoggerDestination
from composer.utils import dist

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.contract.files import atomic_path, write_text

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


class TrainingCurves(LoggerDestination):
    """Writes ``metrics.jsonl`` during the run and ``curves.png`` at its end into a folder.

    Example:
        ```yaml
        loggers:
          training_curves:
            folder: runs/quickstart/curves
        ```

    Raises:
        UserError: for an unknown key or no folder.
    """

    def __init__(self, folder: str = "", **unknown: Any) -> None:
        reject_unknown_keys("loggers.training_curves", unknown, ["folder"])
        require(bool(folder), "`loggers.training_curves.folder` is missing; name a folder.")
        self.folder = Path(folder)

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Appends the numbers among ``metrics``, on rank 0."""
        if dist.get_global_rank() != 0:
            return
        values = {name: _number(value) for name, value in metrics.items()}
        kept = {name: value for name, value in values.items() if value is not None}
        if kept:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / METRICS_FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"batch": step} | kept) + "\n")

    def fit_start(self, state: State, logger: Logger) -> None:
        """Forgets what an earlier, killed run logged past the batch that this one starts from."""
        path = self.folder / METRICS_FILE
        if dist.get_global_rank() == 0 and path.is_file():
            start = int(state.timestamp.batch)
            kept = [row for row in read_metrics(path) if start and (row["batch"] or 0) < start]
            write_text(path, "".join(json.dumps(row) + "\n" for row in kept))

    def fit_end(self, state: State, logger: Logger) -> None:
        """Draws the curves."""
        if dist.get_global_rank() == 0 and (self.folder / METRICS_FILE).is_file():
            plot(self.folder / METRICS_FILE, self.folder / PLOT_FILE)


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


def _number(value: Any) -> float | None:
    if isinstance(value, torch.Tensor):
        return float(value) if value.numel() == 1 else None
    return float(value) if isinstance(value, numbers.Real) else None
