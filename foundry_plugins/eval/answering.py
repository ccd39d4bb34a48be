# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Answers to a batch of tasks: read where they are there, else generated, written and judged.

All samples of a batch are generated even if a kill left some of them written, because rows that
are computed together round together. Only what was missing is written.

While answers to a batch are judged, which takes processors, the next batch is generated, which
takes the model's device. If that fails or the user ends it, nobody waits for verdicts any more.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import distributed as dist

from foundry_plugins.eval.benchmarks.task import Task
from foundry_plugins.eval.judging import Judge
from foundry_plugins.eval.postprocess import is_exact_match
from foundry_plugins.eval.samples import SAMPLES, VERDICTS, Key, Results
from foundry_plugins.eval.tasks import Part
from foundry_plugins.eval.weights import is_sharded

Entries = Mapping[Key, Mapping[str, Any]]
# (model, part, whether all ranks take every step) -> the part's answers, as they are written
Generate = Callable[[Any, Part, bool], Mapping[Key, Mapping[str, Any]]]


@dataclasses.dataclass(frozen=True)
class Row:
    """One sample.

    Attributes:
        task: Number of the task in its file.
        task_id: Its name.
        sample: Number of the sample.
        completion: The answer; None where there is none.
        passed: By the benchmark's judge; None where nothing was judged.
        kind: How it ended, as judged.
        exact: Whether it is what stood in the gap; None where there is no gap or it is not told.
    """

    task: int
    task_id: str
    sample: int
    completion: str | None
    passed: bool | None
    kind: str | None
    exact: bool | None


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a model gives for one of our batches, instead of logits.

    Attributes:
        rows: Of the batch.
        tasks: How many tasks the whole evaluation has.
        least: The fewest samples that each of them gets.
    """

    rows: Sequence[Row]
    tasks: int
    least: int


class Answering:
    """Answers the tasks of one file.

    Args:
        tasks: All of them.
        generator: Asks a model, or knows the answers.
        judge: Judges answers; None where that is left for later.
        unjudged: Languages whose answers cannot be judged here.
        least: The fewest samples that a task gets.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        generator: Generate,
        judge: Judge | None,
        unjudged: frozenset[str] = frozenset(),
        least: int = 1,
    ) -> None:
        self._tasks, self._generator, self._judge = tasks, generator, judge
        self._least = least
        self._unjudged = unjudged
        self.open(None)

    def open(self, results: Results | None) -> None:
        """Has samples and verdicts read from a folder and written there; None for no folder."""
        self._results = results
        self._samples: Entries = {} if results is None else results.read(SAMPLES)
        self._verdicts: Entries = {} if results is None else results.read(VERDICTS)
        self._ahead: tuple[Part, Entries] | None = None

    def rest(self) -> None:
        """Ends what judges until there is more to judge."""
        if self._judge is not None:
            self._judge.close()

    def judges(self, task: Task) -> bool:
        """Whether answers to a task are judged here."""
        return self._judge is not None and task.language not in self._unjudged

    def answer(
        self, model: Any, part: Part, mine: bool, following: tuple[Part, bool] | None = None
    ) -> Answers:
        """All rows of a batch.

        Args:
            model: Of transformers, whose parts other ranks may hold.
            part: The batch.
            mine: False for a batch that another rank has too: then nothing is written or judged.
            following: The batch that is asked for next and its ``mine``; None after the last. On
                all ranks or none.
        """
        samples = self._taken_ahead(part)
        if samples is None:
            samples = self._generated(model, part, mine)
        with self._judging() as thread:
            judging = thread.submit(self._judged, part, samples if mine else {})
            if following is not None:
                self._ahead = following[0], self._generated(model, *following)
            verdicts = judging.result()
        return Answers(
            [
                _row(number, sample, self._tasks[number], samples, verdicts)
                for number, sample in part.rows()
            ],
            *(len(self._tasks), self._least),
        )

    @contextlib.contextmanager
    def _judging(self) -> Iterator[ThreadPoolExecutor]:
        """A thread that judges; what runs in it is ended if anything is raised meanwhile."""
        thread = ThreadPoolExecutor(1, "judging")
        try:
            yield thread
        except BaseException:
            if self._judge is not None:
                self._judge.stop()
            thread.shutdown()
            self.rest()
            raise
        thread.shutdown()

    def _taken_ahead(self, part: Part) -> Entries | None:
        """Samples of a batch that was generated during the one before.

        An evaluation that ends early leaves some that nobody asks for; the next one starts with
        another batch, before which they are dropped.
        """
        ahead, self._ahead = self._ahead, None
        return ahead[1] if ahead is not None and ahead[0] is part else None

    def _generated(self, model: Any, part: Part, mine: bool) -> Entries:
        """Samples of a batch; a collective operation if ranks share the model."""
        tasks = self._tasks_of(part)
        samples = {key: self._samples[key] for key in tasks if key in self._samples}
        wanted = mine and len(samples) < len(tasks) and self._is_of_use(part)
        synced = is_sharded(model)
        if _any_rank(wanted, synced, model):
            found = self._generator(model, part, synced)
            if wanted:
                new = {key: entry for key, entry in found.items() if key not in samples}
                self._write(SAMPLES, new.values())
                samples.update(new)
        return samples

    def _tasks_of(self, part: Part) -> dict[Key, Task]:
        rows = [(self._tasks[number], sample) for number, sample in part.rows()]
        return {(task.task_id, sample): task for task, sample in rows}

    def _is_of_use(self, part: Part) -> bool:
        """Answers that are neither judged nor written would be lost."""
        return self._results is not None or any(self.judges(self._tasks[n]) for n in part.tasks)

    def _judged(self, part: Part, samples: Entries) -> Entries:
        tasks = self._tasks_of(part)
        verdicts = {key: self._verdicts[key] for key in samples if key in self._verdicts}
        new = [key for key in samples if key not in verdicts and self.judges(tasks[key])]
        if self._judge is None or not new:
            return verdicts
        found = self._judge.verdicts([(tasks[key], samples[key]["completion"]) for key in new])
        named = [
            {"task_id": key[0], "sample": key[1], **verdict}
            for key, verdict in zip(new, found, strict=True)
        ]
        self._write(VERDICTS, named)
        return {**verdicts, **dict(zip(new, named, strict=True))}

    def _write(self, kind: str, entries: Iterable[Mapping[str, Any]]) -> None:
        if self._results is not None:
            self._results.append(kind, entries)


def _row(number: int, sample: int, task: Task, samples: Entries, verdicts: Entries) -> Row:
    entry = samples.get((task.task_id, sample))
    verdict = verdicts.get((task.task_id, sample), {})
    completion = None if entry is None else entry["completion"]
    exact = None
    if completion is not None and task.suffix is not None and task.canonical is not None:
        exact = is_exact_match(completion, task.canonical)
    return Row(
        *(number, task.task_id, sample, completion),
        *(verdict.get("passed"), verdict.get("kind"), exact),
    )


def _any_rank(flag: bool, synced: bool, model: torch.nn.Module) -> bool:
    if not synced:
        return flag
    value = torch.tensor(int(flag), device=next(model.parameters()).device)
    dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return bool(value.item())
