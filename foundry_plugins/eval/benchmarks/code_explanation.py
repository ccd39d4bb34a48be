# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Explanations of HumanEval's solutions, for people to grade.

The Edinburgh thesis's prompt: the whole function, and under it the start of a docstring that asks
for an explanation. It took five samples a problem, 820 in all. Nothing judges them here: they are
written out.
"""

from __future__ import annotations

from pathlib import Path

from foundry_plugins.eval.benchmarks import humaneval
from foundry_plugins.eval.benchmarks.task import PEOPLE, Benchmark, Task
from foundry_plugins.eval.stops import cut

QUESTION = '"""Code explanation: the previous function'
STOPS = ('"""',)


def benchmark(name: str, rules: str) -> Benchmark:
    """From HumanEval's own file."""
    return Benchmark(name, rules, PEOPLE, read, _truncate, None, max_new_tokens=256)


def read(path: Path) -> list[Task]:
    """One task for each solution."""
    return [
        Task(
            *(task.task_id, task.language),
            f"{task.prompt}{task.canonical}\n{QUESTION}",
            *(None, None, STOPS, task.record),
        )
        for task in humaneval.benchmark("humaneval", "thesis").read(path)
    ]


def _truncate(task: Task, text: str) -> str:
    return cut(text, task.stops)
