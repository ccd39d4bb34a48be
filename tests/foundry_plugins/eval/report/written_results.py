# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Results folders as an evaluation leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.eval.samples import SAMPLES, VERDICTS, Results

# Of each sample: the answer, and how it ended; None for no verdict.
Answer = tuple[str, str | None]
SETTINGS = {
    "benchmark": "humaneval",
    "rules": "openai",
    "judged": "tests",
    "file_sha256": "ab" * 32,
    "decoding": {"temperature": 0.2, "top_p": 0.95, "top_k": 0},
    "model": "first",
}


def task(task_id: str, language: str = "py", **more: Any) -> dict[str, Any]:
    found = {"prompt": f"def {task_id}():\n", "suffix": None, "canonical": "    return 1\n"}
    return {"task_id": task_id, "language": language, "tests": "assert True", **found, **more}


def write_folder(
    folder: Path,
    answers: Mapping[str, Sequence[Answer]],
    tasks: Sequence[Mapping[str, Any]] | None = None,
    **settings: Any,
) -> Path:
    results = Results(folder, {**SETTINGS, **settings})
    results.describe(tasks or [task(task_id) for task_id in answers], {"packages": {"torch": "2"}})
    for task_id, found in answers.items():
        for sample, (completion, kind) in enumerate(found):
            key = {"task_id": task_id, "sample": sample}
            results.append(
                SAMPLES, [{**key, "completion": completion, "tokens": 4, "ended": "length"}]
            )
            if kind is not None:
                passed = kind in ("passed", "exact_match")
                times = {"message": f"of {kind}", "wall_seconds": 0.5, "cpu_seconds": 0.1}
                results.append(VERDICTS, [{**key, "passed": passed, "kind": kind, **times}])
    return folder
