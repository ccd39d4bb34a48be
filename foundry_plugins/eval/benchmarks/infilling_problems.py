# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Hidden lines of held-out files, as ``foundry-plugins infilling-problems`` makes them.

Judged as SantaCoder's benchmark is (Allal et al. 2023, arXiv 2301.03988, section 6.1): an answer is
right if it is the hidden text, white space around it aside. With the rules ``first_line`` only the
first line of an answer counts; with ``whole`` all of it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from foundry_plugins.eval.benchmarks.task import (
    EXACT_MATCH,
    Benchmark,
    Task,
    only_first_line,
    whole,
)
from foundry_plugins.eval.problems import read_problems


def benchmark(name: str, rules: str) -> Benchmark:
    """One-line problems, or any."""
    single_line = rules == "first_line"
    cut = only_first_line if single_line else whole
    return Benchmark(
        *(name, rules, EXACT_MATCH, read, cut, None), max_new_tokens=64, single_line=single_line
    )


def read(path: Path) -> list[Task]:
    """Tasks in the file's order; the file does not tell their languages."""
    return [
        Task(
            *(problem.task_id, "", problem.prefix, problem.suffix, problem.middle, ()),
            {**dataclasses.asdict(problem), "prompt": problem.prefix},
        )
        for problem in read_problems(path)
    ]
