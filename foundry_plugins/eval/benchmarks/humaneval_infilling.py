# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""HumanEval infilling: a line, some lines or any span of a right solution is to be filled in.

Bavarian et al. 2022 (arXiv 2207.14255, section 4.1): single-line, multi-line and random-span. The
whole function is run through HumanEval's tests; how often the text is exactly what was there is
told beside it. A model ends its answer itself (``rules: paper``); with ``first_line`` an answer
to the single-line benchmark ends with its first line.
"""

from __future__ import annotations

from pathlib import Path

from foundry_plugins.eval.benchmarks.task import TESTS, Benchmark, Task, records, whole
from foundry_plugins.eval.postprocess import first_line
from foundry_plugins.eval.sandbox.programs import PythonProgram

_FIELDS = ("task_id", "entry_point", "prompt", "suffix", "canonical_solution", "test")


def benchmark(name: str, rules: str) -> Benchmark:
    """All three kinds; a file holds one."""
    single_line = rules == "first_line"
    cut = _first_line if single_line else whole
    return Benchmark(
        *(name, rules, TESTS, read, cut, program), max_new_tokens=256, single_line=single_line
    )


def read(path: Path) -> list[Task]:
    """Tasks in the file's order."""
    return [
        Task(
            *(record["task_id"], "py", record["prompt"], record["suffix"]),
            *(record["canonical_solution"], (), record),
        )
        for _, record in records(path, _FIELDS)
    ]


def _first_line(task: Task, text: str) -> str:
    line = first_line(text)
    return line + "\n" if len(line) < len(text) else line


def program(task: Task, answer: str) -> PythonProgram:
    """Everything around the gap is the benchmark's."""
    record = task.record
    before, after = record["prompt"], record["suffix"]
    return PythonProgram(
        trusted=before + record["canonical_solution"] + after,
        candidate=before + answer + after,
        test=f"{record['test']}\ncheck({record['entry_point']})",
        names=(record["entry_point"],),
    )
