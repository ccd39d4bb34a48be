# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``learning_rate_curve``: the whole schedule, printed and drawn before the first batch.

On rank 0, once a checkpoint has been loaded: a small table in the log, and ``learning_rate.png`` in
a folder. ``foundry-plugins schedule x.yaml`` shows the same without a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from composer.core import Callback, State
from composer.loggers import Logger
from composer.utils import dist
from rich.console import Console
from rich.table import Table

from foundry_plugins import schedule_table
from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.schedules.origin import KeepsOrigin, Origin
from foundry_plugins.schedules.times import one_batch_later


class LearningRateCurve(Callback):
    """Shows the schedule at the start of a run, for LLM Foundry's ``callbacks`` registry.

    ```yaml
    callbacks:
      learning_rate_curve:
        folder: runs/quickstart/curves
    ```

    Args:
        folder: Where ``learning_rate.png`` goes.
    """

    def __init__(self, folder: str = "", **unknown: Any) -> None:
        reject_unknown_keys("callbacks.learning_rate_curve", unknown, ["folder"])
        require(bool(folder), "`callbacks.learning_rate_curve.folder` is missing; name a folder.")
        self.output = Path(folder) / schedule_table.PNG_FILE

    def fit_start(self, state: State, logger: Logger) -> None:
        """Prints and draws."""
        if dist.get_global_rank() != 0 or not state.schedulers:
            return
        scheduler = state.schedulers[-1]
        origins = [c.origin for c in state.callbacks if isinstance(c, KeepsOrigin) and c.origin]
        points = schedule_table.curve(
            state,
            lambda: scheduler.base_lrs[0] * scheduler.lr_lambdas[0](0),  # type: ignore[attr-defined]
            _batch_size(state),
            origins[0] if origins else Origin(),
        )
        table = Table("batch", "tokens", "learning rate", "of the peak", title="Learning rate")
        for row in schedule_table.rows(points):
            table.add_row(*row)
        Console(stderr=True).print(table)
        schedule_table.plot(points, self.output, state.run_name)


def _batch_size(state: State) -> schedule_table.BatchSize:
    """Of a mean batch so far, or, before any, of what the loader says."""
    now = state.timestamp
    if now.batch.value:
        each = (clock.value / now.batch.value for clock in (now.sample, now.token))
        return schedule_table.BatchSize(*each)
    samples, tokens = (one_batch_later(state, clock) for clock in ("sp", "tok"))
    return schedule_table.BatchSize(float(samples or 0), float(tokens or 0))
