# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is known about whole benchmarks: right answers pass, empty and wrong ones fail.

The benchmarks' files are not part of this project. The tests look for them in the folder that
``EVAL_DATA`` names, or in ``shared/data/eval`` beside the repository, with a folder each:
``humaneval/HumanEval.jsonl.gz``, ``humaneval_plus/HumanEvalPlus-OriginFmt.jsonl.gz``,
``humaneval_infilling/HumanEval-KIND.jsonl.gz``, ``mbpp/mbpp.jsonl.gz``,
``multiple/humaneval-LANGUAGE.jsonl.gz`` and
``multiple_solutions/solutions-LANGUAGE.jsonl.gz``.
"""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundry_plugins.eval.benchmarks import find
from foundry_plugins.eval.benchmarks.task import Benchmark, Task
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.runner import Runner
from foundry_plugins.eval.sandbox.toolchains import missing

REPOSITORY = Path(__file__).resolve().parents[4]
DATA = Path(os.environ.get("EVAL_DATA", REPOSITORY.parent / "shared/data/eval"))
LANGUAGES = ("cpp", "java", "js", "php", "rs")
EMPTY, WRONG = "    pass\n", "    return None\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no benchmark files: EVAL_DATA is {DATA}"),
]


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(Limits(wall_seconds=60)) as runner:
        yield runner


def passed(runner: Runner, benchmark: Benchmark, answers: list[tuple[Task, str]]) -> int:
    assert benchmark.program is not None
    programs = [benchmark.program(task, text) for task, text in answers]
    verdicts = dict(runner.run(programs))
    assert not [v for v in verdicts.values() if v.kind == "sandbox"]
    return sum(verdict.passed for verdict in verdicts.values())


def canonical(task: Task) -> str:
    assert task.canonical is not None
    return task.canonical


def test_humaneval(runner: Runner) -> None:
    benchmark = find("humaneval", "openai")
    tasks = benchmark.read(DATA / "humaneval/HumanEval.jsonl.gz")
    assert len(tasks) == 164
    assert passed(runner, benchmark, [(task, canonical(task)) for task in tasks]) == 164
    for wrong in ("", EMPTY, WRONG, "    return 1 +\n", "    exit(0)\n"):
        assert passed(runner, benchmark, [(task, wrong) for task in tasks]) == 0


PLUS = DATA / "humaneval_plus/HumanEvalPlus-OriginFmt.jsonl.gz"


@pytest.mark.skipif(not PLUS.is_file(), reason=f"no {PLUS}")
def test_humaneval_plus() -> None:
    benchmark = find("humaneval_plus", "openai")
    tasks = benchmark.read(PLUS)
    assert len(tasks) == 164
    limits = dataclasses.replace(benchmark.limits, wall_seconds=120.0)
    with Runner(limits) as runner:
        assert passed(runner, benchmark, [(task, canonical(task)) for task in tasks]) == 164
        for wrong in ("", EMPTY, f"\n{WRONG}"):
            assert passed(runner, benchmark, [(task, wrong) for task in tasks]) == 0


def test_mbpp(runner: Runner) -> None:
    benchmark = find("mbpp")
    tasks = benchmark.read(DATA / "mbpp/mbpp.jsonl.gz")
    assert len(tasks) == 500
    assert passed(runner, benchmark, [(task, canonical(task)) for task in tasks]) == 500
    assert passed(runner, benchmark, [(task, "") for task in tasks]) == 0


@pytest.mark.parametrize("kind", ["SingleLineInfilling", "RandomSpanInfillingLight"])
def test_infilling(kind: str, runner: Runner) -> None:
    benchmark = find("humaneval_infilling")
    tasks = benchmark.read(DATA / f"humaneval_infilling/HumanEval-{kind}.jsonl.gz")[:500]
    assert passed(runner, benchmark, [(task, canonical(task)) for task in tasks]) == len(tasks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_multipl_e(language: str, runner: Runner) -> None:
    for name, how in missing([language]).items():
        pytest.skip(f"{name} {how}")
    benchmark = find("multipl_e", "unstripped")
    file = DATA / f"multiple/humaneval-{language}.jsonl.gz"
    tasks = {task.record["name"]: task for task in benchmark.read(file)}
    with gzip.open(DATA / f"multiple_solutions/solutions-{language}.jsonl.gz", "rt") as lines:
        answers = [json.loads(line) for line in lines]
    right = [(tasks[one["name"]], one["completion"]) for one in answers]
    assert passed(runner, benchmark, right) == len(answers)
    assert passed(runner, benchmark, [(task, "") for task, _ in right]) == 0
    # Another problem's answer.
    wrong = [(task, text) for (task, _), (_, text) in itertools.pairwise(right)]
    assert passed(runner, benchmark, wrong) == 0
