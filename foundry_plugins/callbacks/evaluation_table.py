# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One table over all evaluators, printed and kept as JSON.

Foundry's own table shows in-context-learning accuracies alone; losses of the eval loaders pass by
in the log. This callback collects every metric of every evaluator as it ends, and reports when the
last one has: after each round of evaluation in training, and at the end of ``llmfoundry eval``.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any, TypedDict

from composer.core import Callback, State
from composer.loggers import Logger
from composer.utils import dist

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.contract.files import write_json

_HEADINGS = {
    "LanguageCrossEntropy": "loss (nats/token)",
    "TokenAccuracy": "token accuracy",
    "BitsPerByte": "bits/byte",
    "InfillExactMatchAccuracy": "exact match",
    "CodePassAt1Accuracy": "pass@1",
    "CodePassAt10Accuracy": "pass@10",
    "CodePassAt100Accuracy": "pass@100",
}
# Kept in the JSON; e to the power of the loss tells a reader of the table nothing new.
_NOT_SHOWN = {"LanguagePerplexity"}


class Row(TypedDict):
    """What one evaluator measured; a metric without a value (no data for it) is None."""

    label: str
    samples: int
    seconds: float
    metrics: dict[str, float | None]


class EvaluationTable(Callback):
    """Prints one table over all evaluators on rank 0 and writes the same as JSON.

    Example:
        ```yaml
        callbacks:
          evaluation_table:
            path: runs/quickstart/evaluation.json
        ```

    Args:
        path: JSON file, replaced by each round of evaluation; None prints only. Several
            ``models:`` in one eval YAML would replace each other's: give each its own YAML.
        unknown: Any other key, which is refused.
    """

    def __init__(self, path: str | None = None, **unknown: Any) -> None:
        reject_unknown_keys("callbacks.evaluation_table", unknown, ["path"])
        self.path = None if path is None else Path(path)
        require(
            self.path is None or not self.path.is_dir(),
            f"`callbacks.evaluation_table.path` must name a file, got the folder {path}.",
        )
        self._rows: list[Row] = []

    def eval_before_all(self, state: State, logger: Logger) -> None:
        """A round of evaluation during training starts."""
        self._rows = []

    def eval_standalone_start(self, state: State, logger: Logger) -> None:
        """A round of evaluation outside training starts."""
        self._rows = []

    def eval_end(self, state: State, logger: Logger) -> None:
        """One evaluator is done; its metrics were computed just before this event."""
        label = str(state.dataloader_label)
        values = {name: metric.compute() for name, metric in state.eval_metrics[label].items()}
        self._rows.append(
            {
                "label": label,
                "samples": _samples(state),
                "seconds": state.eval_timestamp.total_wct.total_seconds(),
                "metrics": {n: _finite(v) for n, v in values.items() if _is_number(v)},
            }
        )

    def eval_after_all(self, state: State, logger: Logger) -> None:
        """A round of evaluation during training ends."""
        self._report(state)

    def eval_standalone_end(self, state: State, logger: Logger) -> None:
        """A round of evaluation outside training ends."""
        self._report(state)

    def _report(self, state: State) -> None:
        if dist.get_global_rank() != 0 or not self._rows:
            return
        batch = state.timestamp.batch.value
        print(f"\nEvaluation{f' after {batch} batches' if batch else ''}")
        print(format_table(self._rows))
        if self.path is not None:
            write_json(
                self.path,
                {"run_name": state.run_name, "batch": batch, "evaluators": self._rows},
            )
            print(f"Written to {self.path}")
        sys.stdout.flush()


def _samples(state: State) -> int:
    """How many were evaluated: Composer counts items, which in `code_evaluation` are batches."""
    answers = getattr(getattr(state.dataloader, "dataset", None), "num_answers", None)
    return int(state.eval_timestamp.sample) if answers is None else int(answers)


def format_table(rows: list[Row]) -> str:
    """The rows as aligned text; columns are the metrics that any row has a value for."""
    measured = [n for row in rows for n, value in row["metrics"].items() if value is not None]
    names = [name for name in dict.fromkeys(measured) if name not in _NOT_SHOWN]
    lines = [["evaluator", *(_HEADINGS.get(name, name) for name in names), "samples", "seconds"]]
    for row in rows:
        cells = [_cell(name, row["metrics"].get(name)) for name in names]
        lines.append([row["label"], *cells, f"{row['samples']:,}", f"{row['seconds']:.1f}"])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(_align(line, widths) for line in lines)


def _align(cells: list[str], widths: list[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(c.rjust(w) for c, w in others)]).rstrip()


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if "Accuracy" in name else f"{value:.4f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or getattr(value, "numel", lambda: 0)() == 1


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
