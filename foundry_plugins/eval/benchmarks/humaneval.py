# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""HumanEval: 164 Python functions to be written from signature and docstring.

Chen et al. 2021 (arXiv 2107.03374); HumanEval+ (Liu et al. 2023, arXiv 2305.01210) has the same
fields and about 80 times the tests. Three sets of rules are in use, whose figures differ:

    openai    the prompt as it is; the stops of section 3.2 of the paper
    bigcode   the prompt stripped of white space at both ends; more stops (the harness that the
              figures of SantaCoder, StarCoder and Refact come from)
    thesis    the prompt as it is; four stops (class, def, if, print)
"""

from __future__ import annotations

from pathlib import Path

from foundry_plugins.eval.benchmarks.task import TESTS, Benchmark, Task, records
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
            for _, record in records(path, _FIELDS)
        ]

    return Benchmark(name, rules, TESTS, read, _truncate, program, max_new_tokens=512)


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
