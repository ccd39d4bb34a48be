# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Answers that are generated, written and judged once, whatever was there before."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval import benchmarks
from foundry_plugins.eval import tasks as task_files
from foundry_plugins.eval.answering import Answering
from foundry_plugins.eval.given import Given
from foundry_plugins.eval.judging import Judge, Sandbox
from foundry_plugins.eval.samples import SAMPLES, VERDICTS, Results
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.tasks import Part

BENCHMARK = benchmarks.find("humaneval")
TASKS = task_files.read(BENCHMARK, task_files.OWN_PROBLEMS).tasks[:3]
MODEL = torch.nn.Linear(1, 1)
PART = Part((2, 0), range(2))


class Writes:
    """Gives the right answer to sample 0 of a task, and nothing to the others."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def __call__(self, model: Any, part: Part, synced: bool) -> dict[Any, dict[str, Any]]:
        self.parts.append(part)
        return {
            (TASKS[number].task_id, sample): {
                **{"task_id": TASKS[number].task_id, "sample": sample},
                "completion": "" if sample else f"\n{TASKS[number].canonical}",
            }
            for number, sample in part.rows()
        }


class Counts(Judge):
    """A judge that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(BENCHMARK)
        self.asked: list[str] = []

    def verdicts(self, answers: Any) -> list[dict[str, Any]]:
        self.asked += [task.task_id for task, _ in answers]
        return super().verdicts(answers)


@pytest.fixture(scope="module")
def judge() -> Any:
    judge = Counts()
    yield judge
    judge.close()


def test_rows_are_judged_and_written(judge: Counts, tmp_path: Path) -> None:
    answering = Answering(TASKS, Writes(), judge)
    answering.open(Results(tmp_path, {}))
    rows = answering.answer(MODEL, PART, mine=True).rows
    assert [(row.task, row.sample, row.passed) for row in rows] == [
        *((2, 0, True), (2, 1, False)),
        *((0, 0, True), (0, 1, False)),
    ]
    assert [row.kind for row in rows] == ["passed", "assertion", "passed", "assertion"]
    written = Results(tmp_path, {})
    assert len(written.read(SAMPLES)) == len(written.read(VERDICTS)) == 4
    verdict = written.read(VERDICTS)[TASKS[0].task_id, 0]
    assert set(verdict) == {
        *("task_id", "sample", "passed", "kind", "message", "wall_seconds", "cpu_seconds"),
    }


def test_a_killed_run_loses_what_was_in_flight(judge: Counts, tmp_path: Path) -> None:
    answering = Answering(TASKS, Writes(), judge)
    answering.open(Results(tmp_path, {}))
    before = answering.answer(MODEL, PART, mine=True)
    # The kill came in the middle of a sample's line, before any verdict.
    path = tmp_path / "samples-0.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:30])
    (tmp_path / "verdicts-0.jsonl").unlink()
    writes = Writes()
    again = Answering(TASKS, writes, judge)
    again.open(Results(tmp_path, {}))
    assert again.answer(MODEL, PART, mine=True) == before
    assert writes.parts == [PART]  # whole, so that its rows round as they did
    assert len(path.read_text().splitlines()) == 4
    third = Answering(TASKS, writes, judge)
    third.open(Results(tmp_path, {}))
    judge.asked.clear()
    assert third.answer(MODEL, PART, mine=True) == before
    assert len(writes.parts) == 1
    assert judge.asked == []
    # Verdicts alone are made again without generating.
    (tmp_path / "verdicts-0.jsonl").unlink()
    fourth = Answering(TASKS, writes, judge)
    fourth.open(Results(tmp_path, {}))
    assert fourth.answer(MODEL, PART, mine=True) == before
    assert len(writes.parts) == 1
    assert len(judge.asked) == 4


def test_without_a_folder_nothing_is_kept(judge: Counts) -> None:
    """A second evaluation is of other weights."""
    writes = Writes()
    answering = Answering(TASKS, writes, judge)
    for _ in range(2):
        answering.answer(MODEL, PART, mine=True)
    assert len(writes.parts) == 2


def test_a_batch_of_another_rank_is_left_to_it(judge: Counts, tmp_path: Path) -> None:
    writes = Writes()
    answering = Answering(TASKS, writes, judge)
    answering.open(Results(tmp_path, {}))
    assert {row.passed for row in answering.answer(MODEL, PART, mine=False).rows} == {None}
    assert writes.parts == []
    assert not list(tmp_path.glob("*-0.jsonl"))


@pytest.mark.parametrize("with_judge", [True, False])
def test_what_cannot_be_judged_is_only_generated_into_a_folder(
    with_judge: bool, judge: Counts, tmp_path: Path
) -> None:
    writes = Writes()
    unjudged = frozenset({"py"})
    answering = Answering(TASKS, writes, judge if with_judge else None, unjudged)
    assert answering.answer(MODEL, PART, mine=True).rows[0].completion is None
    assert writes.parts == []
    answering.open(Results(tmp_path, {}))
    rows = answering.answer(MODEL, PART, mine=True).rows
    assert rows[0].completion is not None
    assert {row.passed for row in rows} == {None}
    assert len(Results(tmp_path, {}).read(SAMPLES)) == 4


class Waits(Judge):
    """Judges answers to one batch once the next one is being generated."""

    def __init__(self) -> None:
        super().__init__(BENCHMARK)
        self.next = threading.Event()

    def verdicts(self, answers: Any) -> list[dict[str, Any]]:
        assert self.next.wait(60)
        return [{"passed": bool(text), "kind": "exit", "message": ""} for _, text in answers]


def test_the_next_batch_is_generated_while_answers_are_judged(tmp_path: Path) -> None:
    second, judge, writes = Part((1,), range(2)), Waits(), Writes()

    def generator(model: Any, part: Part, synced: bool) -> dict[Any, dict[str, Any]]:
        if part is second:
            judge.next.set()
        return writes(model, part, synced)

    answering = Answering(TASKS, generator, judge)
    answering.open(Results(tmp_path, {}))
    first = answering.answer(MODEL, PART, mine=True, following=(second, True)).rows
    assert [row.passed for row in first] == [True, False] * 2
    assert len(Results(tmp_path, {}).read(SAMPLES)) == 6
    last = answering.answer(MODEL, second, mine=True).rows
    assert [(row.task, row.sample, row.passed) for row in last] == [(1, 0, True), (1, 1, False)]
    assert writes.parts == [PART, second]  # once each
    assert len(Results(tmp_path, {}).read(VERDICTS)) == 6


class Endless(Writes):
    """Never-ending answers to the first batch; the next one cannot be generated."""

    def __init__(self, judging: threading.Event) -> None:
        super().__init__()
        self.judging = judging

    def __call__(self, model: Any, part: Part, synced: bool) -> dict[Any, dict[str, Any]]:
        found = super().__call__(model, part, synced)
        if self.parts == [part]:
            texts = {key: f"\n    while True: pass  # {key[1]}" for key in found}
            return {key: {**found[key], "completion": texts[key]} for key in found}
        if self.judging.wait(60) and len(self.parts) == 2:
            raise KeyboardInterrupt
        return found


class Told(Judge):
    """Says that it was asked, once it is about to judge or before it starts."""

    def __init__(self, early: bool) -> None:
        super().__init__(BENCHMARK, Sandbox(workers=1, limits=Limits(wall_seconds=60)))
        self.asked, self.early = threading.Event(), early

    def verdicts(self, answers: Any) -> list[dict[str, Any]]:
        self.asked.set()
        while self.early and not self._stopped:
            time.sleep(0.01)
        return super().verdicts(answers)


@pytest.mark.parametrize("early", [True, False])
def test_what_is_raised_while_answers_are_judged_does_not_wait(early: bool, tmp_path: Path) -> None:
    second, judge = Part((1,), range(2)), Told(early)
    answering = Answering(TASKS, Endless(judge.asked), judge)
    answering.open(Results(tmp_path, {}))
    with pytest.raises(KeyboardInterrupt):
        answering.answer(MODEL, PART, mine=True, following=(second, True))
    # All of them would have verdicts after some seconds.
    assert Results(tmp_path, {}).read(VERDICTS) == {}
    judge.early = False
    again = answering.answer(MODEL, second, mine=True).rows
    assert [row.passed for row in again] == [True, False]
    answering.rest()


def test_what_an_evaluation_that_ended_early_left_is_dropped(judge: Counts) -> None:
    second, writes = Part((1,), range(2)), Writes()
    answering = Answering(TASKS, writes, judge)
    answering.answer(MODEL, PART, mine=True, following=(second, True))
    # The weights are others now.
    answering.answer(MODEL, PART, mine=True, following=(second, True))
    answering.answer(MODEL, second, mine=True)
    assert writes.parts == [PART, second, PART, second]


def test_answers_of_a_file(judge: Counts, tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    first, last = TASKS[0].task_id, TASKS[2].task_id
    entries = [(first, ""), (last, f"\n{TASKS[2].canonical}"), (first, f"\n{TASKS[0].canonical}")]
    path.write_text("".join(json.dumps({"task_id": i, "completion": c}) + "\n" for i, c in entries))
    given = Given(path, TASKS)
    assert given.n_samples == 2
    answering = Answering(TASKS, given, judge)
    answering.open(Results(tmp_path / "out", {}))
    rows = answering.answer(MODEL, PART, mine=True).rows
    assert [row.passed for row in rows] == [True, None, False, True]
    assert len(Results(tmp_path / "out", {}).read(SAMPLES)) == 3
    with pytest.raises(UserError, match="which the benchmark's file does not hold"):
        Given(path, TASKS[:1])


def test_equal_answers_run_once(judge: Counts) -> None:
    answers = [(TASKS[0], "  x"), (TASKS[1], "  x"), (TASKS[0], "  x")]
    found = Judge.verdicts(judge, answers)
    assert found[0] is found[2]
    assert found[0] is not found[1]
