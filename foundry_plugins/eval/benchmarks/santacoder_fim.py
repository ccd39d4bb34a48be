# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""SantaCoder's infilling benchmark: one hidden line of a function, in several languages.

Allal et al. 2023 (arXiv 2301.03988, section 6.1), built from MultiPL-E's solutions. An answer is
right if it is the hidden line, white space around it aside. By the rules ``paper`` only its first
line counts; by ``bigcode``, as in that harness, a model must also end there by itself.
"""

from __future__ import annotations

from pathlib import Path

from foundry_plugins.eval.benchmarks.task import (
    EXACT_MATCH,
    Benchmark,
    Task,
    only_first_line,
    records,
    whole,
)

_FIELDS = ("language", "prompt", "suffix", "canonical_solution")


def benchmark(name: str, rules: str) -> Benchmark:
    """All languages; a file holds one or several."""
    single = rules == "paper"
    truncate = only_first_line if single else whole
    return Benchmark(
        *(name, rules, EXACT_MATCH, read, truncate, None), max_new_tokens=64, single_line=single
    )


def read(path: Path) -> list[Task]:
    """Tasks in the file's order, numbered where they have no name."""
    return [
        Task(
            *(str(record.get("task_id", f"{record['language']}/{number}")), record["language"]),
            *(record["prompt"], record["suffix"], record["canonical_solution"], (), record),
        )
        for number, (_, record) in enumerate(records(path, _FIELDS))
    ]
