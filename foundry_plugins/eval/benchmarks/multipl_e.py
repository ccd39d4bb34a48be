# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""MultiPL-E: HumanEval in other languages.

Cassano et al. 2023 (arXiv 2208.08227). A program is prompt, answer, a line break and the tests; it
passes if it ends with status 0. Each problem brings its own stops. In C++, Rust and Java a stop is
the brace that ends the function, which the tests then put back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.benchmarks.task import TESTS, Benchmark, Task, records
from foundry_plugins.eval.sandbox.programs import Program, PythonProgram
from foundry_plugins.eval.stops import cut

_FIELDS, _LISTS = ("name", "language", "prompt", "tests"), ("stop_tokens",)
# Go's files are named by their ending.
_LANGUAGES = {"go_test.go": "go"}
_FUNCTION = re.compile(r"^def (\w+)\(", re.MULTILINE)


def benchmark(name: str, rules: str) -> Benchmark:
    """All languages; a file holds one."""

    def read(path: Path) -> list[Task]:
        return [
            Task(
                task_id=f"{_language(record)}/{record['name']}",
                language=_language(record),
                prompt=record["prompt"].strip() if rules == "bigcode" else record["prompt"],
                suffix=None,
                canonical=None,
                stops=tuple(record["stop_tokens"]),
                record=record,
            )
            for _, record in records(path, _FIELDS, _LISTS)
        ]

    return Benchmark(name, rules, TESTS, read, _truncate, program, max_new_tokens=512)


def _language(record: Mapping[str, Any]) -> str:
    name: str = record["language"]
    return _LANGUAGES.get(name, name)


def _truncate(task: Task, text: str) -> str:
    return cut(text, task.stops)


def program(task: Task, answer: str) -> PythonProgram | Program:
    """What to run."""
    source = task.prompt + answer
    if task.language != "py":
        return Program(task.language, source, task.record["tests"])
    functions = _FUNCTION.findall(task.prompt)
    if not functions:
        raise UserError(f"{task.task_id}: the prompt holds no function.")
    # The last one is asked for; its docstring alone is a body.
    return PythonProgram(
        task.record["prompt"] + "\n", source, task.record["tests"], (functions[-1],)
    )
