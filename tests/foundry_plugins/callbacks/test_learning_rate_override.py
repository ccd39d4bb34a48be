# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Runs that continue a finished one: what their steps really use."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from composer.core import Callback, State
from composer.loggers import Logger

from foundry_plugins.callbacks.learning_rate_override import LearningRateOverride
from foundry_plugins.contract.errors import UserError
from foundry_plugins.schedules.rewarm import RewarmScheduler
from foundry_plugins.schedules.schedulers import WarmupStableDecayScheduler
from tests.foundry_plugins.callbacks.toy_run import Run, run

OLD, NEW = 0.01, 0.004
DECAY = 0.001


def stable(**settings: Any) -> WarmupStableDecayScheduler:
    return WarmupStableDecayScheduler(**{"t_warmup": "0ba", "t_cooldown": "0ba", **settings})


def rewarm(**settings: Any) -> RewarmScheduler:
    linear = {"t_warmup": "4ba", "t_cooldown": "4ba", "cooldown": "linear"}
    return RewarmScheduler(**{**linear, **settings})


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """A run that ends in the middle of its second epoch, at half its peak."""
    folder = tmp_path_factory.mktemp("first")
    done = run(
        stable(t_cooldown="2ba", cooldown="linear", alpha_f=0.5),
        lr=OLD,
        max_duration="15ba",
        run_name="first",
        save_folder=str(folder),
        save_interval="1ba",
    )
    assert done.used.lr[-1] == OLD * 0.75  # and OLD / 2 is due
    return done, str(folder / "ep1-ba15-rank0.pt")


def go_on(checkpoint: str, override: LearningRateOverride | None = None, **settings: Any) -> Run:
    callbacks = (override or LearningRateOverride(),)
    defaults: dict[str, Any] = {"max_duration": "12ba", "run_name": "second", "first_sample": 100}
    settings = {**defaults, "load_path": checkpoint, **settings}
    return run(settings.pop("scheduler", rewarm()), *callbacks, lr=NEW, **settings)


# From half of the old peak, 5/4 of the new one, the warm-up of 4 batches is flat; `zero` rises.
FLAT = [NEW] * 9 + [NEW * k / 4 for k in (3, 2, 1)]
RISING = [NEW * k / 4 for k in (1, 1, 2, 3)] + FLAT[4:]


@pytest.mark.parametrize(("start", "expected"), [("checkpoint", FLAT), ("zero", RISING)])
def test_time_and_data_start_anew_at_the_yamls_rate(
    first: tuple[Run, str], start: str, expected: list[float]
) -> None:
    second = go_on(first[1], scheduler=rewarm(start=start))
    assert second.used.lr == pytest.approx(expected)
    assert second.used.decay == pytest.approx([lr / NEW * DECAY for lr in expected])
    assert second.used.samples == [100 + 4 * (k % 10) for k in range(12)]
    assert second.trainer.state.schedulers[0].base_lrs == [NEW]
    assert second.trainer.state.timestamp.batch == 12


def test_a_warm_up_from_the_checkpoints_rate(first: tuple[Run, str]) -> None:
    second = run(
        rewarm(),
        LearningRateOverride(),
        lr=4 * OLD,
        load_path=first[1],
        run_name="second",
        max_duration="12ba",
    )
    # From OLD / 2, an eighth of the new peak.
    rates = [4 * OLD * (1 / 8 + 7 / 8 * k / 4) for k in (1, 1, 2, 3, 4)]
    assert second.used.lr[:5] == pytest.approx(rates)


def test_time_and_data_go_on(first: tuple[Run, str]) -> None:
    override = LearningRateOverride(time="keep", data="same")
    second = go_on(first[1], override, max_duration="27ba", first_sample=0)
    assert second.used.lr == pytest.approx(FLAT)
    assert second.used.samples == [4 * (k % 10) for k in range(15, 27)]
    assert second.trainer.state.timestamp.batch == 27


def test_time_goes_on_with_new_data(first: tuple[Run, str]) -> None:
    second = go_on(first[1], LearningRateOverride(time="keep"), max_duration="27ba")
    assert second.used.lr == pytest.approx(FLAT)
    assert second.used.samples == [100 + 4 * (k % 10) for k in range(12)]


@pytest.mark.parametrize("momentum", ["keep", "reset"])
def test_momentum(first: tuple[Run, str], momentum: str) -> None:
    override = LearningRateOverride(momentum=momentum)
    seen: list[float] = []

    class Look(LearningRateOverride):
        def fit_start(self, state: Any, logger: Logger) -> None:
            moments = [s["exp_avg"] for s in state.optimizers[0].state.values()]
            seen.append(sum(m.abs().sum().item() for m in moments))

    override.__class__ = Look
    go_on(first[1], override, max_duration="1ba", scheduler=stable())
    assert (seen[0] == 0) == (momentum == "reset")


def kill_after(batch: int, folder: Path) -> None:
    """Leaves the checkpoints that a run killed after this batch would have left."""
    for path in folder.glob("ep*-ba*-rank0.pt"):
        if int(path.name.split("-ba")[1].split("-")[0]) > batch:
            path.unlink()
    (found,) = folder.glob(f"ep*-ba{batch}-rank0.pt")
    (folder / "latest-rank0.pt").unlink()
    (folder / "latest-rank0.pt").symlink_to(found)


@pytest.mark.parametrize("settings", [{}, {"time": "keep", "data": "same"}, {"time": "keep"}])
@pytest.mark.parametrize("batches", [1, 6])
def test_a_killed_continuation_resumes_to_the_same_run(
    first: tuple[Run, str], tmp_path: Path, settings: dict[str, Any], batches: int
) -> None:
    old = 15 if settings else 0
    common: dict[str, Any] = {
        "max_duration": f"{old + 12}ba",
        "save_folder": str(tmp_path),
        "save_interval": "1ba",
        "autoresume": True,
    }
    whole = go_on(first[1], LearningRateOverride(**settings), **common)
    kill_after(old + batches, tmp_path)
    rest = go_on(first[1], LearningRateOverride(**settings), **common)
    assert rest.used.lr == whole.used.lr[batches:]
    assert rest.used.samples == whole.used.samples[batches:]
    torch.testing.assert_close(rest.weights, whole.weights, rtol=0, atol=0)


def test_a_third_run_overrides_anew_and_a_resumed_one_by_load_path_does_not(
    first: tuple[Run, str], tmp_path: Path
) -> None:
    second = go_on(first[1], save_folder=str(tmp_path), save_interval="6ba")
    middle = str(tmp_path / "ep0-ba6-rank0.pt")
    assert go_on(middle).used.lr == second.used.lr[6:]
    third = go_on(middle, run_name="third", scheduler=rewarm(start="zero"))
    assert third.used.lr == pytest.approx(RISING)


def test_weights_alone_may_be_continued(first: tuple[Run, str]) -> None:
    second = go_on(first[1], load_weights_only=True)
    assert second.used.lr == pytest.approx(RISING)


class NoBatch(Callback):
    def batch_start(self, state: State, logger: Logger) -> None:
        raise AssertionError


@pytest.mark.parametrize(("key", "value"), [("lr", 0.02), ("weight_decay", 0.002)])
def test_settings_without_effect_are_refused(
    first: tuple[Run, str], tmp_path: Path, key: str, value: float
) -> None:
    settings = {"lr": OLD, "weight_decay": DECAY, key: value}
    with pytest.raises(UserError, match=rf"`optimizer.{key}` .*without effect.*checkpoint holds"):
        run(
            stable(),
            NoBatch(),
            load_path=first[1],
            max_duration="20ba",
            save_folder=str(tmp_path),
            save_interval="1ba",
            **settings,
        )
    # Before the first batch.
    assert not list(tmp_path.glob("*.pt"))
    with pytest.raises(UserError, match=rf"`optimizer.{key}` .*without effect"):
        # The base rates alone are old then, and weight decay is the YAML's.
        run(
            stable(),
            load_path=first[1],
            max_duration="20ba",
            load_ignore_keys=["state/optimizers*" if key == "lr" else "state/schedulers*"],
            **settings,
        )
    # The same settings, or no optimizer state, are as the user expects.
    settings = {"lr": OLD, "weight_decay": DECAY}
    run(stable(), load_path=first[1], max_duration="17ba", **settings)
    run(stable(), load_path=first[1], max_duration="2ba", lr=0.02, load_weights_only=True)


def test_a_branch_goes_on_with_the_stable_runs_weights_and_rate(tmp_path: Path) -> None:
    trunk = run(
        stable(t_warmup="2ba"),
        max_duration="12ba",
        save_folder=str(tmp_path),
        save_interval="1ba",
    )
    for at, cooldown in ((6, 4), (8, 2)):
        branch = run(
            stable(t_warmup="2ba", t_cooldown=f"{cooldown}ba"),
            load_path=str(tmp_path / f"ep0-ba{at}-rank0.pt"),
            max_duration=f"{at + cooldown}ba",
        )
        expected = [0.01 * (1 - (k / cooldown) ** 0.5) for k in range(cooldown)]
        assert branch.used.lr == pytest.approx(expected)
        assert branch.used.lr[0] == trunk.used.lr[at]
        assert branch.used.samples == trunk.used.samples[at : at + cooldown]
        assert branch.used.norm[0] == trunk.used.norm[at]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"momentum": "rest"}, ["override.momentum`", "keep, reset", "'reset'"]),
        ({"time": "kept"}, ["override.time`", "'keep'"]),
        ({"data": "old"}, ["override.data`", "new, same"]),
        ({"data": "same"}, ["override.data`", "time: keep"]),
        ({"lr": 0.1}, ["override.lr`", "momentum"]),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        LearningRateOverride(**settings)
    for word in words:
        assert word in str(error.value)


def test_what_cannot_be_continued_is_named(first: tuple[Run, str]) -> None:
    with pytest.raises(UserError, match=r"`load_path` is not set"):
        run(rewarm(), LearningRateOverride(), max_duration="12ba")
    with pytest.raises(UserError, match=r"`callbacks.learning_rate_override`.*listed 0 times"):
        run(rewarm(), max_duration="12ba")
    with pytest.raises(UserError, match=r"`max_duration` 12ba is over.*taken at 15ba"):
        go_on(first[1], LearningRateOverride(time="keep"))
    with pytest.raises(UserError, match=r"`max_duration` 5ep cannot be counted"):
        go_on(first[1], LearningRateOverride(time="keep"), max_duration="5ep")


def test_state_of_another_run_is_not_read() -> None:
    callback = LearningRateOverride()
    callback.run_name = "second"
    state = {"version": 1, "done_by": "first", "batch": 7, "sample": 0, "token": 0, "lr_share": 0.5}
    callback.load_state_dict(state)
    assert (callback.done_by, callback.origin) == ("", None)
    callback.load_state_dict(state | {"done_by": "second"})
    assert callback.state_dict() == state | {"done_by": "second"}
    assert SimpleNamespace(**callback.state_dict()).batch == 7
