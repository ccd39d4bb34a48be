# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What comparisons have found: ``dynamics.json``, a table on the screen, and a plot each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure
from benchmarks.dynamics.lab import Lab
from benchmarks.dynamics.training import BATCH, EVAL_BATCH, EVAL_BATCHES, LENGTH, model_section
from foundry_plugins.contract.files import write_json

_FILE = "dynamics.json"
_SMOOTHED = 15  # batches in a mean of the drawn training loss

Found = dict[str, Any]


def write(folder: Path, name: str, found: Found, lab: Lab) -> None:
    """Adds one comparison to the file, and draws it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _FILE
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    figures = {key: value for key, value in found.items() if key != "curves"}
    content |= {
        "environment": measure.environment("foundry-plugins", "torch", "mosaicml"),
        "setting": _setting(lab),
        name: {
            "batches": lab.batches,
            **lab.cost(),
            **figures,
        },
    }
    write_json(path, content)
    _plot(name, found, folder / f"dynamics_{name}.png")


def table(name: str, found: Found) -> str:
    """Means and standard deviations, and the sentences."""
    lines = [f"\n{name}: {found['claim']}"]
    for row, values in found["rows"].items():
        cells = [f"{what} {v['mean']:.3f} (sd {v['sd']:.3f})" for what, v in values.items()]
        lines.append(f"  {row:40}{', '.join(cells)}")
    return "\n".join([*lines, *(f"  {sentence}" for sentence in found["verdicts"])])


def _setting(lab: Lab) -> Found:
    return {
        "model": model_section(0.0),
        "parameters": lab.parameters(),
        "tokens_per_sample": LENGTH,
        "samples_per_batch": BATCH,
        "held_out_tokens": LENGTH * EVAL_BATCH * EVAL_BATCHES,
        "seeds": list(lab.seeds),
        "length": "fewer batches rather than fewer seeds, to fit an hour; --batches for more",
        "spread": "sd over seeds; differences seed by seed with Student's 95 % interval",
    }


def _plot(name: str, found: Found, path: Path) -> None:
    """Left the rows with their standard deviations, right the curves (mean and range)."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(15, 5), layout="constrained")
    right.set_prop_cycle(color=mpl.color_sequences["tab20"])
    measures = dict.fromkeys(what for row in found["rows"].values() for what in row)
    for what in measures:
        rows = {row: values[what] for row, values in found["rows"].items() if what in values}
        means, deviations = ([v[key] for v in rows.values()] for key in ("mean", "sd"))
        left.errorbar(means, list(rows), xerr=deviations, fmt="o", capsize=4, label=what)
    left.invert_yaxis()
    left.set_xlabel("loss at the end (nats per token), sd over seeds")
    left.grid(alpha=0.3)
    left.legend(fontsize=8)
    for label, curves in found["curves"].items():
        _draw(right, label, curves)
    right.set_xlabel("batch")
    right.grid(alpha=0.3)
    right.set_title("loss: mean and range over seeds", fontsize=10)
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, loc="outside right upper")
    figure.suptitle(name)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw(axes: Any, label: str, curves: Sequence[Any]) -> None:
    values = np.array(curves, dtype=float)
    if values.ndim == 3:  # evaluations: (batch, loss)
        batches, values = values[0, :, 0], values[:, :, 1]
    else:
        kernel = np.ones(min(_SMOOTHED, values.shape[1])) / min(_SMOOTHED, values.shape[1])
        values = np.array([np.convolve(v, kernel, mode="valid") for v in values])
        batches = np.arange(values.shape[1]) + len(kernel)
    (line,) = axes.plot(batches, values.mean(axis=0), label=label, linewidth=1)
    axes.fill_between(
        batches, values.min(axis=0), values.max(axis=0), alpha=0.15, color=line.get_color()
    )
