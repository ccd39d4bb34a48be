# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

from foundry_plugins.eval import benchmarks


def test_problems_and_their_rules(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    problem = {"task_id": "a.py:3", "prefix": "x = ", "middle": "f(1)", "suffix": "\ny"}
    path.write_text(json.dumps(problem) + "\n")
    first_line = benchmarks.find("infilling_problems")
    assert (first_line.rules, first_line.judged, first_line.single_line) == (
        *("first_line", "exact_match"),
        True,
    )
    (task,) = first_line.read(path)
    assert (task.prompt, task.suffix, task.canonical) == ("x = ", "\ny", "f(1)")
    assert first_line.truncate(task, "f(1)\nz") == "f(1)"
    whole = benchmarks.find("infilling_problems", "whole")
    assert whole.truncate(task, "f(1)\nz") == "f(1)\nz"
    assert not whole.single_line
