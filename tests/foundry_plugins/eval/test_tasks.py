# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval import benchmarks, tasks
from foundry_plugins.eval.benchmarks.task import Task
from foundry_plugins.eval.judging import Judge

HUMANEVAL = benchmarks.find("humaneval", "openai")


def task(number: int, stops: tuple[str, ...] = ()) -> Task:
    return Task(f"t{number}", "py", "", None, None, stops, {})


def test_parts_by_hand() -> None:
    lengths = [3, 9, 5]
    all_tasks = [task(n) for n in range(3)]
    # Longest first; two tasks with two samples each fit in four rows.
    assert tasks.parts(all_tasks, lengths, 2, 4) == [
        tasks.Part((1, 2), range(2)),
        tasks.Part((0,), range(2)),
    ]
    # Seven samples of one task in three nearly equal batches.
    assert tasks.parts(all_tasks[:1], lengths[:1], 7, 3) == [
        tasks.Part((0,), range(0, 3)),
        tasks.Part((0,), range(3, 6)),
        tasks.Part((0,), range(6, 7)),
    ]
    # Rows of a batch stop at the same texts.
    assert [part.tasks for part in tasks.parts([task(0), task(1, ("x",))], [1, 2], 1, 8)] == [
        *((1,), (0,)),
    ]


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=9),
    samples=st.integers(1, 9),
    rows=st.integers(1, 9),
)
def test_every_sample_is_in_one_batch(lengths: list[int], samples: int, rows: int) -> None:
    all_tasks = [task(n, ("a",) if n % 3 else ()) for n in range(len(lengths))]
    found = tasks.parts(all_tasks, lengths, samples, rows)
    assert max(len(part.rows()) for part in found) <= rows
    listed = sorted(row for part in found for row in part.rows())
    assert listed == [(n, s) for n in range(len(lengths)) for s in range(samples)]


def test_own_problems_pass_with_their_solutions_and_fail_without() -> None:
    file = tasks.read(HUMANEVAL, tasks.OWN_PROBLEMS)
    assert len(file.tasks) == 10
    judge = Judge(HUMANEVAL)
    right = judge.verdicts([(task, task.canonical or "") for task in file.tasks])
    wrong = judge.verdicts([(task, "    return None\n") for task in file.tasks])
    judge.close()
    assert {verdict["kind"] for verdict in right} == {"passed"}
    assert not any(verdict["passed"] for verdict in wrong)


def test_tests_that_cannot_run_are_no_failure_of_the_model_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = tasks.read(HUMANEVAL, tasks.OWN_PROBLEMS).tasks[0]
    broken = dataclasses.replace(first, record={**first.record, "test": "def check(:"})
    judge = Judge(HUMANEVAL)
    verdicts = judge.verdicts([(broken, "    return 1\n"), (broken, "    return 2\n")])
    judge.close()
    assert [verdict["kind"] for verdict in verdicts] == ["sandbox", "sandbox"]
    assert caplog.text.count("could not be judged and counts as failed") == 1
    assert "the benchmark's own code: SyntaxError" in caplog.text


def test_texts_for_readers() -> None:
    file = tasks.read(HUMANEVAL, tasks.OWN_PROBLEMS)
    text = tasks.texts(HUMANEVAL, file.tasks[0])
    assert set(text) == {"task_id", "language", "prompt", "suffix", "canonical", "tests"}
    assert text["prompt"].startswith("def clamp(")
    assert text["tests"].endswith("check(clamp)")
    assert text["suffix"] is None
    assert tasks.prompt_text(file.tasks) == "as it is"
    stripped = tasks.read(benchmarks.find("humaneval"), tasks.OWN_PROBLEMS)
    assert tasks.prompt_text(stripped.tasks) == "stripped"
    built = tasks.read(benchmarks.find("code_explanation"), tasks.OWN_PROBLEMS)
    assert tasks.prompt_text(built.tasks) == "built"
    assert tasks.texts(benchmarks.find("code_explanation"), built.tasks[0])["tests"] is None


def test_two_problems_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    line = json.dumps({"task_id": "a", "prefix": "", "middle": "x", "suffix": ""})
    path.write_text(f"{line}\n{line}\n")
    with pytest.raises(UserError, match="names 2 problems by 1 `task_id`s"):
        tasks.read(benchmarks.find("infilling_problems"), str(path))
