# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""MBPP: short Python functions from one sentence, judged by three asserts.

Austin et al. 2021 (arXiv 2108.07732): problems 11 to 510 are the test set. The prompt is a
docstring of the sentence and the first assert, which names the function (InCoder, arXiv 2204.05999,
appendix; the BigCode harness's form, zero-shot).
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.benchmarks.task import TESTS, Benchmark, Task, records
from foundry_plugins.eval.sandbox.programs import PythonProgram
from foundry_plugins.eval.stops import cut

STOPS = ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```")
TEST_SET = range(11, 511)
_FIELDS, _LISTS = ("text", "code", "test_setup_code"), ("test_list",)


def benchmark(name: str, rules: str) -> Benchmark:
    """The test set."""
    return Benchmark(name, rules, TESTS, read, _truncate, program, max_new_tokens=512)


def read(path: Path) -> list[Task]:
    """Tasks of the test set; files that hold others too are fine."""
    return [
        _task(where, record)
        for where, record in records(path, _FIELDS, _LISTS)
        if _number(where, record) in TEST_SET
    ]


def _number(where: str, record: dict[str, Any]) -> int:
    try:
        return int(record["task_id"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{where}: `task_id` must be a whole number, got {record.get('task_id')!r}."
        ) from error


def _task(where: str, record: dict[str, Any]) -> Task:
    # Some of the file's code has Windows line ends.
    code = record["code"].replace("\r\n", "\n")
    tests = "\n".join(record["test_list"])
    try:
        names = asked(code, tests)
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{where}: `code` or `test_list` is no Python ({error}).") from error
    if not names:
        raise UserError(f"{where}: the tests name no function of the solution.")
    prompt = f'"""\n{record["text"]}\n{record["test_list"][0]}\n"""\n'
    return Task(
        *(f"MBPP/{record['task_id']}", "py", prompt, None, code, STOPS),
        {**record, "code": code, "names": names},
    )


def asked(code: str, tests: str) -> tuple[str, ...]:
    """Functions of the solution that the tests name."""
    defined = {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
    named = {node.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)}
    return tuple(sorted(defined & named))


def _truncate(task: Task, text: str) -> str:
    return cut(text, task.stops)


def program(task: Task, answer: str) -> PythonProgram:
    """Set-up code builds arguments from the solution's own classes."""
    record = task.record
    setup = record["test_setup_code"].replace("\r\n", "\n")
    return PythonProgram(
        trusted=f"{record['code']}\n{setup}",
        candidate=task.prompt + answer,
        test="\n".join(record["test_list"]),
        names=record["names"],
    )
