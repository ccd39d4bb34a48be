# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps samples and verdicts of ``code_evaluation`` tasks, and goes on where a killed run stopped.

Without this callback an evaluation leaves nothing but its metrics.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from composer.core import Callback, Evaluator, State
from composer.loggers import Logger
from composer.utils import dist

from foundry_plugins.contract.errors import UserError, reject_unknown_keys, require
from foundry_plugins.eval import metric_names
from foundry_plugins.eval.benchmarks.task import Task
from foundry_plugins.eval.judging import Sandbox
from foundry_plugins.eval.run_record import versions, write_report
from foundry_plugins.eval.samples import Results
from foundry_plugins.eval.sandbox import isolation, toolchains
from foundry_plugins.eval.weights import checksum


@runtime_checkable
class Answered(Protocol):
    """What is needed of a data set whose answers are kept; that of ``code_evaluation`` has it."""

    tasks: Sequence[Task]
    sandbox: Sandbox
    lacking: Mapping[str, str]
    batch_rows: int

    def settings(self) -> dict[str, Any]:
        """What decides the answers, weights aside."""
        ...

    def texts(self) -> list[dict[str, Any]]:
        """The tasks for readers."""
        ...

    def open(self, results: Results | None) -> None:
        """Has answers read from and written to a folder."""
        ...


class CodeEvaluationResults(Callback):
    """Writes a folder of results for each ``code_evaluation`` task.

    ``folder/LABEL`` outside training, ``folder/LABEL/baN`` for an evaluation after N batches; what
    is in it, `samples` tells. A folder belongs to one set of weights and settings: other ones are
    refused, the same ones go on. To judge again without generating, delete ``verdicts-*``.

    Example:
        ```yaml
        callbacks:
          code_evaluation_results:
            folder: runs/quickstart/evaluation
        icl_tasks:
        - label: infilling
          icl_task_type: code_evaluation
          dataset_uri: runs/quickstart/infilling_problems.jsonl
          metric_names: [InfillExactMatchAccuracy]
          num_fewshot: [0]
          benchmark: infilling_problems
          max_new_tokens: 4
        ```

    Args:
        folder: Where the folders go; on several machines, one that all of them see.
        model: What reports call the model; the run's name if None.
        unknown: Any other key, which is refused.
    """

    def __init__(self, folder: str = "", model: str | None = None, **unknown: Any) -> None:
        reject_unknown_keys("callbacks.code_evaluation_results", unknown, ["folder", "model"])
        require(bool(folder), "`callbacks.code_evaluation_results.folder` must name a folder.")
        self._folder, self._model = Path(folder).expanduser(), model
        self._training = False
        self._results: Results | None = None

    def eval_before_all(self, state: State, logger: Logger) -> None:
        """A round of evaluation during training starts."""
        self._training = True

    def eval_standalone_start(self, state: State, logger: Logger) -> None:
        """A round of evaluation outside training starts."""
        self._training = False

    def eval_start(self, state: State, logger: Logger) -> None:
        """Opens the task's folder.

        Raises:
            UserError: if a name of a task's metric is none, or the folder holds other results.
        """
        data = _dataset(state)
        if data is None:
            return
        # Of all tasks, before the first of them takes its time.
        for evaluator in state.evaluators:
            if _is_answered(evaluator):
                found = state.eval_metrics[evaluator.label]
                metric_names.check(evaluator.label, evaluator.metric_names, found)
        weights = checksum(state.model)
        name = self._model or state.run_name
        settings = {**data.settings(), "weights": weights, "model": name}
        folder = self._folder / str(state.dataloader_label).removesuffix("/0-shot")
        if self._training:
            folder /= f"ba{state.timestamp.batch.value}"
        # The first rank writes the settings that the others compare theirs with.
        if dist.get_global_rank() == 0:
            self._results = Results(folder, settings)
            self._results.describe(data.texts(), _versions(data, state))
        dist.barrier()
        if dist.get_global_rank() != 0:
            self._results = Results(folder, settings, dist.get_global_rank())
        data.open(self._results)

    def eval_end(self, state: State, logger: Logger) -> None:
        """Writes the task's report."""
        data = _dataset(state)
        if data is None or self._results is None:
            return
        data.open(None)
        dist.barrier()
        if dist.get_global_rank() == 0:
            write_report(self._results, len(data.tasks))
        self._results = None


def _dataset(state: State) -> Answered | None:
    data = getattr(state.dataloader, "dataset", None)
    return data if isinstance(data, Answered) else None


def _is_answered(evaluator: Evaluator) -> bool:
    return isinstance(getattr(evaluator.dataloader.dataloader, "dataset", None), Answered)


def _versions(data: Answered, state: State) -> dict[str, Any]:
    """Of the run that is about to write."""
    try:
        found = isolation.find(data.sandbox.isolation).name
    except UserError:
        found = None
    languages = {task.language for task in data.tasks} - {""}
    return versions(
        toolchains.versions(languages) if found else {},
        isolation=found,
        not_judged=data.lacking,
        limits=dataclasses.asdict(data.sandbox.limits),
        ranks=dist.get_world_size(),
        batch_rows=data.batch_rows,
        precision=state.precision.value,
        cores=os.cpu_count(),
    )
