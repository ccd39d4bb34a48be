# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The curve shown is the one that a Trainer runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from foundry_plugins import schedule_table
from foundry_plugins.callbacks.learning_rate_curve import LearningRateCurve
from foundry_plugins.callbacks.learning_rate_override import LearningRateOverride
from foundry_plugins.contract.errors import UserError
from foundry_plugins.schedules.rewarm import RewarmScheduler
from foundry_plugins.schedules.schedulers import WarmupStableDecayScheduler
from tests.foundry_plugins.callbacks.toy_run import run

YAMLS = Path(__file__).resolve().parents[2] / "yamls"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[list[schedule_table.Point]]:
    """Every curve that is drawn."""
    found: list[list[schedule_table.Point]] = []
    original = schedule_table.plot

    def plot(points: Any, output: Path, title: str) -> None:
        found.append(list(points))
        original(points, output, title)

    monkeypatch.setattr(schedule_table, "plot", plot)
    return found


@pytest.mark.parametrize("limit", ["16ba", "1024tok", "64sp"])
def test_a_run_shows_the_rates_that_its_steps_use(
    shown: list[list[schedule_table.Point]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    limit: str,
) -> None:
    scheduler = WarmupStableDecayScheduler(t_warmup="4ba", t_cooldown="0.25dur")
    done = run(scheduler, LearningRateCurve(folder=str(tmp_path)), max_duration=limit)
    assert [point.lr for point in shown[0]] == pytest.approx(done.used.lr)
    assert [point.tokens for point in shown[0]] == [64 * k for k in range(16)]
    assert (tmp_path / "learning_rate.png").read_bytes().startswith(b"\x89PNG")
    assert re.search(r"15 .* 960 .* 0\.00134 .* 13\.4%", capsys.readouterr().err)


def test_a_continued_run_shows_its_own_part(
    shown: list[list[schedule_table.Point]], tmp_path: Path
) -> None:
    run(
        WarmupStableDecayScheduler(t_warmup="0ba", t_cooldown="0ba"),
        max_duration="5ba",
        save_folder=str(tmp_path),
        run_name="first",
    )
    done = run(
        RewarmScheduler(t_warmup="4ba", start="zero", t_cooldown="rest", cooldown="linear"),
        LearningRateOverride(time="keep"),
        LearningRateCurve(folder=str(tmp_path)),
        load_path=str(tmp_path / "ep0-ba5-rank0.pt"),
        lr=0.004,
        max_duration="17ba",
        run_name="second",
    )
    assert [point.batch for point in shown[0]] == list(range(5, 17))
    assert [point.lr for point in shown[0]] == pytest.approx(done.used.lr)


def test_without_a_run() -> None:
    points, rules = schedule_table.of_yaml(
        YAMLS / "quickstart/train.yaml", ["scheduler.t_warmup=untuned", "max_duration=1000ba"]
    )
    by_batch = {point.batch: point.lr for point in points}
    assert (points[0].batch, points[1].batch, points[-1].batch) == (0, 1, 999)
    assert by_batch[1] == pytest.approx(1e-3 / 100)
    assert by_batch[999] == pytest.approx(1e-3 * (1 - (299 / 300) ** 0.5))
    assert max(point.lr for point in points) == 1e-3
    assert [rule.name for rule, _ in rules] == ["t_warmup", "lr", "weight_decay"]
    rows = schedule_table.rows(points)
    assert len(rows) <= 14
    assert rows[0] == ("0", "0", "1e-05", "1.0%")
    assert rows[-1][0] == "999"
    warmup, _, decay = schedule_table.rule_rows(rules)
    assert decay[:3] == ("weight_decay", "5", "0.1")
    assert warmup[:4] == ("t_warmup", "100", "", "2 / (1 - beta2)")


def test_decay_is_compared_in_one_convention() -> None:
    _, rules = schedule_table.of_yaml(YAMLS / "continue/cooldowns.yaml", [])
    assert rules[-1][1] == pytest.approx(0.1)


def test_a_host_scheduler_and_mistakes(tmp_path: Path) -> None:
    config = OmegaConf.load(YAMLS / "quickstart/train.yaml")
    config.scheduler = {"name": "cosine_with_warmup", "t_warmup": "100ba"}
    OmegaConf.save(config, tmp_path / "host.yaml")
    points, _ = schedule_table.of_yaml(tmp_path / "host.yaml", [])
    assert points[0].lr == points[1].lr == 0
    with pytest.raises(UserError, match=r"In `scheduler`: TypeError.*t_cooldown"):
        schedule_table.of_yaml(tmp_path / "host.yaml", ["scheduler.t_cooldown=1ba"])
    with pytest.raises(UserError, match="There is no file"):
        schedule_table.of_yaml(Path("nowhere.yaml"), [])


def test_the_callback_needs_a_folder() -> None:
    with pytest.raises(UserError, match=r"learning_rate_curve.folder` is missing"):
        LearningRateCurve()
