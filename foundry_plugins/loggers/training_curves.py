# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Curves of a run as a JSONL file and a PNG, with no service and no extra package.

Every number that the host or a component logs goes to ``metrics.jsonl``, one line a call:
``{"batch": 12, "loss/train/total": 4.2}``. A resumed run drops the lines past the checkpoint that
it resumes from, so the file is that of an uninterrupted run.

What is logged at the end of batch 11, before a checkpoint, and what is logged in batch 12, after
it, bear the same number. A line ``{"batch": 12}`` with nothing else stands between them.
"""

from __future__ import annotations

import json
import numbers
from pathlib import Path
from typing import Any

import torch
from composer.core import State
from composer.loggers import Logger, LoggerDestination
from composer.utils import dist

from foundry_plugins.contract.errors import disk_full, reject_unknown_keys, require
from foundry_plugins.contract.files import write_text
from foundry_plugins.loggers.curves import METRICS_FILE, PLOT_FILE, plot, read_metrics


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
            self._append({"batch": step} | kept)

    def before_dataloader(self, state: State, logger: Logger) -> None:
        """Marks where a batch begins; a checkpoint of the one before has been saved by now."""
        if dist.get_global_rank() == 0:
            self._append({"batch": int(state.timestamp.batch)})

    def fit_start(self, state: State, logger: Logger) -> None:
        """Forgets what an earlier, killed run logged past the batch that this one starts from."""
        path = self.folder / METRICS_FILE
        if dist.get_global_rank() == 0 and path.is_file():
            start = int(state.timestamp.batch)
            kept = _before(list(read_metrics(path)), start)
            write_text(path, "".join(json.dumps(row) + "\n" for row in kept))

    def fit_end(self, state: State, logger: Logger) -> None:
        """Draws the curves."""
        if dist.get_global_rank() == 0 and (self.folder / METRICS_FILE).is_file():
            plot(self.folder / METRICS_FILE, self.folder / PLOT_FILE)

    def _append(self, row: dict[str, Any]) -> None:
        path = self.folder / METRICS_FILE
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise disk_full(error, path) or error from error


def _number(value: Any) -> float | None:
    if isinstance(value, torch.Tensor):
        return float(value) if value.numel() == 1 else None
    return float(value) if isinstance(value, numbers.Real) else None


def _before(rows: list[dict[str, Any]], start: int) -> list[dict[str, Any]]:
    """The rows that were logged before a checkpoint of batch ``start`` was saved."""
    if start == 0:
        return []
    begins = [index for index, row in enumerate(rows) if row == {"batch": start}]
    if begins:
        return rows[: begins[-1]]
    # Killed before the batch began; or written without marks, by an earlier version.
    marked = any(len(row) == 1 for row in rows)
    return [row for row in rows if _is_before(row, start, marked)]


def _is_before(row: dict[str, Any], start: int, marked: bool) -> bool:
    batch = row["batch"] or 0
    # The evaluation after batch ``start`` is logged under that number and comes before the save.
    evaluated = any(name.startswith("metrics/eval") for name in row)
    return batch < start or (batch == start and (marked or evaluated))
