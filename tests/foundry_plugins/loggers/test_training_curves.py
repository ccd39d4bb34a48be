# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.loggers.curves import plot, read_metrics
from foundry_plugins.loggers.training_curves import TrainingCurves


def state(batch: int) -> Any:
    return SimpleNamespace(timestamp=SimpleNamespace(batch=batch))


def test_keeps_numbers_and_resumes_without_a_gap_or_a_repeat(tmp_path: Path) -> None:
    logger = TrainingCurves(str(tmp_path))
    for batch in range(5):
        logger.log_metrics({"loss": torch.tensor(1.0 / (1 + batch)), "name": "x"}, batch)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"batch": 5, "lo')  # a kill in the middle of a line
    # The checkpoint was that of batch 3.
    logger.fit_start(state(3), None)  # type: ignore[arg-type]
    logger.log_metrics({"loss": 9.0}, 3)
    rows = list(read_metrics(tmp_path / "metrics.jsonl"))
    assert [row["batch"] for row in rows] == [0, 1, 2, 3]
    assert rows[1] == {"batch": 1, "loss": 0.5}
    assert rows[3]["loss"] == 9.0


def test_keeps_the_evaluation_that_came_before_the_checkpoint(tmp_path: Path) -> None:
    logger = TrainingCurves(str(tmp_path))
    logger.log_metrics({"metrics/eval/BitsPerByte": 2.0}, 3)
    logger.log_metrics({"loss": 2.0}, 3)
    logger.fit_start(state(3), None)  # type: ignore[arg-type]
    assert list(read_metrics(tmp_path / "metrics.jsonl")) == [
        {"batch": 3, "metrics/eval/BitsPerByte": 2.0}
    ]


@pytest.mark.parametrize("begun", [True, False], ids=["killed in the batch", "killed before it"])
def test_keeps_what_the_batch_before_the_checkpoint_logged_at_its_end(
    tmp_path: Path, begun: bool
) -> None:
    logger = TrainingCurves(str(tmp_path))
    logger.before_dataloader(state(2), None)  # type: ignore[arg-type]
    logger.log_metrics({"loss": 2.0}, 2)
    logger.log_metrics({"norm": 0.5}, 3)  # time has moved on, the checkpoint comes now
    before = list(read_metrics(tmp_path / "metrics.jsonl"))
    if begun:
        logger.before_dataloader(state(3), None)  # type: ignore[arg-type]
        logger.log_metrics({"loss": 3.0}, 3)
    logger.fit_start(state(3), None)  # type: ignore[arg-type]
    assert list(read_metrics(tmp_path / "metrics.jsonl")) == before


def test_a_new_run_starts_a_new_file(tmp_path: Path) -> None:
    logger = TrainingCurves(str(tmp_path))
    logger.log_metrics({"loss": 1.0}, 7)
    logger.fit_start(state(0), None)  # type: ignore[arg-type]
    assert list(read_metrics(tmp_path / "metrics.jsonl")) == []


def test_plot_is_a_png(tmp_path: Path) -> None:
    lines = [{"batch": n, "loss/train/total": 5.0 - n, "lr-LionW/group0": n} for n in range(4)]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    plot(tmp_path / "m.jsonl", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("section", [{}, {"folder": "x", "path": "y"}])
def test_names_the_key_of_a_mistake(section: dict[str, str]) -> None:
    with pytest.raises(UserError, match=r"loggers.training_curves"):
        TrainingCurves(**section)
