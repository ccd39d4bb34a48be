# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.callbacks.spike_guard import ROLLBACK_STATUS, SpikeGuard
from foundry_plugins.callbacks.spike_ledger import append, take_up
from foundry_plugins.callbacks.spikes import Window
from foundry_plugins.contract.errors import UserError
from tests.foundry_plugins.callbacks.guarded_run import BATCH_SIZE, BATCHES, SPIKE, Run, run

NUMBERS = [*range(SPIKE * BATCH_SIZE, (SPIKE + 1) * BATCH_SIZE)]


def saving(folder: Path, **settings: Any) -> dict[str, Any]:
    names = {"run_name": "guarded", "save_folder": str(folder / "checkpoints")}
    return {**names, "save_interval": "2ba", "autoresume": True, **settings}


def ledger(folder: Path) -> list[dict[str, Any]]:
    path = folder / "checkpoints.spike_guard.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def same(one: Run, other: Run, batch: int = BATCHES - 1) -> bool:
    return all(map(torch.equal, one.states[batch], other.states[batch]))


@pytest.fixture(scope="module", params=[1e4, math.nan], ids=["spike", "nan"])
def target(request: pytest.FixtureRequest) -> float:
    return request.param


@pytest.fixture(scope="module")
def skipped(target: float, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("skipped")
    return run(SpikeGuard(action="skip", window=4), target, **saving(folder)), folder


def test_a_skipped_batch_moves_neither_weights_nor_momentum(
    skipped: tuple[Run, Path], target: float
) -> None:
    found, folder = skipped
    assert [b for b in range(1, BATCHES) if not found.moved(b)] == [SPIKE]
    (record,) = (r for r in ledger(folder) if r["kind"] == "spike")
    assert (record["batch"], record["samples"]) == (SPIKE, NUMBERS)
    assert found.metrics["skipped_batches"][-1][1] == 1
    # Before clipping, and of the whole batch and not of its last microbatch.
    seen = [r for r in ledger(folder) if r["kind"] == "seen"]
    assert [r["batch"] for r in seen] == [b for b in range(BATCHES) if b != SPIKE]
    assert seen[0]["loss"] == pytest.approx(_first_loss())


def _first_loss() -> float:
    from tests.foundry_plugins.callbacks.guarded_run import Samples, Toy

    data, model = Samples(None), Toy()
    first = {"x": data.x[:BATCH_SIZE], "y": data.y[:BATCH_SIZE]}
    return float(model.loss(model(first), first))


def test_logging_changes_nothing_and_names_the_samples(
    target: float, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "llmfoundry"):
        watched = run(SpikeGuard(window=4), target)
    assert str(NUMBERS) in caplog.text
    assert same(watched, run(None, target))


def test_a_rollback_ends_with_its_status_and_the_relaunch_goes_on_without_the_batch(
    skipped: tuple[Run, Path], target: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = {"action": "rollback", "window": 4}
    with pytest.raises(SystemExit) as ended:
        run(SpikeGuard(**guard), target, **saving(tmp_path))
    assert ended.value.code == ROLLBACK_STATUS == 75
    assert "run the same command again" in capsys.readouterr().out
    again = run(SpikeGuard(**guard), target, **saving(tmp_path))
    assert min(again.states) == SPIKE - SPIKE % 2
    assert same(again, skipped[0])
    kinds = [(r["kind"], r["batch"]) for r in ledger(tmp_path) if r["kind"] != "seen"]
    assert kinds == [("spike", SPIKE), ("skipped", SPIKE)]


def test_a_margin_takes_batches_on_either_side(target: float, tmp_path: Path) -> None:
    for _ in range(2):
        try:
            found = run(SpikeGuard("rollback", window=4, margin=2), target, **saving(tmp_path))
        except SystemExit:
            continue
    # The checkpoint of batch 8 already holds batch 7.
    assert [b for b in range(9, BATCHES) if not found.moved(b)] == [9, 10, 11]
    assert found.metrics["skipped_batches"][-1][1] == 4


@pytest.mark.parametrize("batches", [2, 8, 10])
def test_a_resumed_run_decides_as_an_uninterrupted_one(
    skipped: tuple[Run, Path], target: float, tmp_path: Path, batches: int
) -> None:
    guard = {"action": "skip", "window": 4}
    run(SpikeGuard(**guard), target, **saving(tmp_path), max_duration=f"{batches + 1}ba")
    # A kill: the checkpoint of the last whole batch is older than the ledger's last lines.
    newest = tmp_path / f"checkpoints/ep0-ba{batches + 1}-rank0.pt"
    newest.unlink(missing_ok=True)
    with (tmp_path / "checkpoints.spike_guard.jsonl").open("a") as file:
        file.write('{"kind": "se')
    settings = saving(tmp_path, autoresume=False, save_overwrite=True)
    checkpoint = tmp_path / f"checkpoints/ep0-ba{batches}-rank0.pt"
    rest = run(SpikeGuard(**guard), target, **settings, load_path=str(checkpoint))
    assert same(rest, skipped[0])
    for name in ("loss_z", "norm_z", "skipped_batches"):
        whole = skipped[0].metrics[name]
        assert rest.metrics[name] == [point for point in whole if point[0] >= batches]
    assert ledger(tmp_path) == ledger(skipped[1])


def test_the_budget_ends_the_run(tmp_path: Path) -> None:
    # Without a window that fits, everything above the median is a spike.
    guard = SpikeGuard(action="skip", window=2, threshold=1e-3, budget=2)
    with pytest.raises(UserError, match=r"budget. of 2 is used up: batch \d+ has loss"):
        run(guard, **saving(tmp_path))


def test_a_ledger_of_other_data_is_not_followed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "checkpoints").mkdir()
    foreign = {"kind": "spike", "action": "rollback", "batch": 3, "samples": [1, 2, 3, 4]}
    append(tmp_path / "checkpoints.spike_guard.jsonl", foreign)
    found = run(SpikeGuard("rollback"), **saving(tmp_path, max_duration="5ba"))
    assert found.moved(3)
    assert "other samples than when" in caplog.text


def test_an_unguarded_checkpoint_can_be_resumed(tmp_path: Path) -> None:
    run(None, **saving(tmp_path, max_duration="4ba"))
    assert min(run(SpikeGuard("skip", window=4), **saving(tmp_path)).states) == 4


def test_a_ledger_forgets_what_comes_later_but_not_rollbacks(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.jsonl"
    assert take_up(path, 0) == []
    records = [{"kind": "seen", "batch": b, "loss": 1 / 3, "norm": 0.1} for b in range(4)]
    back = {"kind": "spike", "action": "rollback", "batch": 4, "z": math.inf}
    for record in [*records, back, {**back, "action": "skip", "batch": 5}]:
        append(path, record)
    assert take_up(path, 2) == [*records[:2], {**back, "z": "inf"}]
    assert len(path.read_text().splitlines()) == 3
    path.write_text("epoch,loss\n")
    with pytest.raises(UserError, match=r"line 1, is not JSON.*callbacks.spike_guard"):
        take_up(path, 2)


def test_z_is_robust() -> None:
    window = Window(5, [1.0, 1.2, 0.8, 50.0, 1.1])
    # Median 1.1, deviations 0.1, 0.1, 0.3, 48.9, 0: their median is 0.1.
    assert window.z(2.1) == pytest.approx(1 / 0.14826)
    assert window.z(0.1) < 0
    assert window.z(math.nan) == window.z(-math.inf) == math.inf
    assert Window(6, [1.0] * 5).z(99.0) == 0.0
    assert Window(6, [1.0] * 5).z(math.nan) == math.inf
    assert Window(3, [2.0] * 3).z(2.1) == pytest.approx(0.1 / 0.02)
    assert Window(3, [0.0] * 3).z(1.0) == 0.0
    window.add(1.0)
    assert window.z(1.0) == pytest.approx(-0.1 / (1.4826 * 0.1))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"action": "rolback"}, ["spike_guard.action`", "'rollback'"]),
        ({"window": 1}, ["spike_guard.window`", "at least 2", "got 1"]),
        ({"budget": 0}, ["spike_guard.budget`", "got 0"]),
        ({"threshold": 0}, ["spike_guard.threshold`", "got 0"]),
        ({"margin": 3}, ["spike_guard.margin`", "action log"]),
        ({"treshold": 3}, ["spike_guard.treshold`", "'threshold'"]),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        SpikeGuard(**settings)
    for word in words:
        assert word in str(error.value)


def test_no_place_for_the_ledger_is_named() -> None:
    with pytest.raises(UserError, match=r"action. skip needs a file for its ledger.*save_folder"):
        run(SpikeGuard("skip"))
