# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""HumanEval: 164 Python functions to be written from signature and docstring.

Chen et al. 2021 (arXiv 2107.03374). Three sets of rules are in use, whose figures differ:

    openai    the prompt as it is; the stops of section 3.2 of the paper
    bigcode   the prompt stripped of white space at both ends; more stops (the harness that the
              figures of SantaCoder, StarCoder and Refact come from)
    thesis    the prompt as it is; four stops (class, def, if, print)

HumanEval+ (Liu et al. 2023, arXiv 2305.01210) has about 80 times the tests, which take longer and
ask for answers of megabytes. It is read in the form with tests (``HumanEvalPlus-OriginFmt``). There
the test of HumanEval/32 gives its arguments in the wrong order, so that no answer passes (release
0.1.10); it is put right as evalplus itself tests that problem: the polynomial is next to 0 there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import require
from foundry_plugins.eval.benchmarks.task import TESTS, Benchmark, Task, records
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import PythonProgram
from foundry_plugins.eval.stops import cut

STOPS = {
    "openai": ("\nclass", "\ndef", "\n#", "\nif", "\nprint"),
    "bigcode": (
        *("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```"),
        "<file_sep>",
    ),
    "thesis": ("\nclass", "\ndef", "\nif", "\nprint"),
}
PLUS = "humaneval_plus"
# The slowest right answers take 3 s of CPU and 9 s by the clock, with tests; one gives 11 MB.
_PLUS_LIMITS = Limits(cpu_seconds=20.0, wall_seconds=40.0, output_bytes=1 << 25)
_WRONG_TEST = "assert _poly(*candidate(*inp), inp) <= 0.0001"
_RIGHT_TEST = "assert abs(_poly(*inp, candidate(*inp))) <= 0.0001"
_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


def benchmark(name: str, rules: str) -> Benchmark:
    """HumanEval or HumanEval+ under one of the sets of rules."""

    def read(path: Path) -> list[Task]:
        return [
            Task(
                task_id=record["task_id"],
                language="py",
                prompt=record["prompt"].strip() if rules == "bigcode" else record["prompt"],
                suffix=None,
                canonical=record["canonical_solution"],
                stops=STOPS[rules],
                record=record,
            )
            for record in (_plus if name == PLUS else _plain)(path)
        ]

    limits = _PLUS_LIMITS if name == PLUS else Limits()
    return Benchmark(name, rules, TESTS, read, _truncate, program, 512, limits=limits)


def _plain(path: Path) -> Iterator[dict[str, Any]]:
    for _, record in records(path, _FIELDS):
        yield record


def _plus(path: Path) -> Iterator[dict[str, Any]]:
    for where, record in records(path, _FIELDS):
        require(
            "plus_input" not in record,
            f"{where}: the problem's tests are HumanEval's own, those of HumanEval+ stand in "
            "`plus_input`; take the file in the form with tests, HumanEvalPlus-OriginFmt.jsonl.gz "
            "(`foundry-plugins eval-data humaneval_plus`).",
        )
        yield {**record, "test": record["test"].replace(_WRONG_TEST, _RIGHT_TEST)}


def _truncate(task: Task, text: str) -> str:
    return cut(text, task.stops)


def program(task: Task, answer: str) -> PythonProgram:
    """The tests call ``check`` with the function; some also call others of the prompt."""
    record = task.record
    return PythonProgram(
        trusted=record["prompt"] + record["canonical_solution"],
        candidate=task.prompt + answer,
        test=f"{record['test']}\ncheck({record['entry_point']})",
        names=(record["entry_point"],),
    )
