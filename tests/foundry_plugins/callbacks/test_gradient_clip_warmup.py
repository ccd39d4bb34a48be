# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""ZClip in the Trainer; the other modes are in test_dynamics_in_trainer.py."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from composer.algorithms import GradientClipping
from composer.loggers import Logger
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.callbacks.clip_thresholds import ZScore
from foundry_plugins.callbacks.gradient_clip_warmup import GradientClipWarmup
from foundry_plugins.contract.errors import UserError
from foundry_plugins.schedules.schedulers import WarmupStableDecayScheduler
from tests.foundry_plugins.callbacks.toy_run import Run, run

# Factors of samples' losses; batch 6 and batch 9 hold them.
SPIKES = {24: 50.0, 36: 1000.0}


def clipped(kind: str = "norm", limit: float = 1e6, **settings: Any) -> Run:
    callback = GradientClipWarmup(mode="zclip", warmup_batches=3)
    return run(
        WarmupStableDecayScheduler(t_warmup="0ba", t_cooldown="0ba"),
        callback,
        algorithms=[GradientClipping(kind, clipping_threshold=limit)],
        **{"spikes": SPIKES, "max_duration": "10ba", **settings},
    )


def oracle(norms: list[float], alpha: float, z_max: float, warmup: int) -> list[float]:
    """What each norm is clipped to, written down from the paper."""
    kept: list[float] = []
    mean = var = 0.0
    for i, g in enumerate(norms):
        if i < warmup:
            kept.append(g)
            if i == warmup - 1:
                mean = sum(norms[:warmup]) / warmup
                var = sum((x - mean) ** 2 for x in norms[:warmup]) / warmup
            continue
        z = (g - mean) / (math.sqrt(var) + 1e-6)
        kept.append(mean + z_max * math.sqrt(var) / (z / z_max) if z > z_max else g)
        mean = alpha * mean + (1 - alpha) * kept[-1]
        var = alpha * var + (1 - alpha) * (kept[-1] - mean) ** 2
    return kept


def test_golden_values() -> None:
    score = ZScore(alpha=0.5, z_threshold=2.0, warmup=2)
    for norm in (1.0, 3.0):
        assert score.threshold(100.0) == math.inf
        score.update(norm)
    assert (score.mean, score.var) == (2.0, 1.0)
    assert score.threshold(3.9) == math.inf
    # z = 4: 2 + 2^2 / 4 * 1
    assert score.threshold(6.0) == pytest.approx(3.0, rel=1e-5)
    score.update(3.0)
    assert (score.mean, score.var) == (2.5, 0.5 + 0.5 * 0.25)
    for broken in (math.inf, math.nan):
        assert score.threshold(broken) == math.inf
        score.update(broken)
    assert (score.mean, score.var) == (2.5, 0.625)


@given(
    norms=st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=40),
    alpha=st.floats(0.1, 0.99),
    z_max=st.floats(0.5, 5),
    warmup=st.integers(2, 5),
)
def test_equals_the_papers_formula(
    norms: list[float], alpha: float, z_max: float, warmup: int
) -> None:
    score = ZScore(alpha, z_max, warmup)
    found = []
    for norm in norms:
        found.append(min(norm, score.threshold(norm)))
        score.update(found[-1])
    assert found == pytest.approx(oracle(norms, alpha, z_max, warmup), rel=1e-6, abs=1e-9)
    assert all(kept <= norm for kept, norm in zip(found, norms, strict=True))


@pytest.mark.parametrize("kind", ["norm", "value"])
def test_the_gradient_that_stands_out_is_clipped(kind: str) -> None:
    metrics = {name.split("/")[1]: values for name, values in clipped(kind).metrics.items()}
    norms = metrics["gradient_norm"]
    assert norms[6] > 5 * norms[5]
    assert norms[9] > 50 * norms[8]
    kept = oracle(norms, 0.97, 2.5, 3)
    expected = [float(a < b) for a, b in zip(kept, norms, strict=True)]
    assert metrics["clipped"] == expected
    assert (expected[6], expected[9], sum(expected) < 8) == (1.0, 1.0, True)
    for threshold, value, was_clipped in zip(metrics["threshold"], kept, expected, strict=True):
        assert threshold == pytest.approx(value if was_clipped else 1e6)
    assert metrics["clipped_share"][-1] == pytest.approx(sum(expected) / 10)


def test_what_the_optimizer_saw_was_clipped() -> None:
    done = clipped()
    norms = done.metrics["gradient_clip_warmup/gradient_norm"]
    kept = oracle(norms, 0.97, 2.5, 3)
    assert done.used.norm == pytest.approx(kept, rel=1e-4)


def test_the_algorithms_threshold_is_the_limit() -> None:
    done = clipped(limit=0.5)
    assert done.used.norm == pytest.approx([0.5] * 10, rel=1e-4)
    assert done.metrics["gradient_clip_warmup/threshold"] == [0.5] * 10
    # The statistics are those of the norms that came in.
    assert min(done.metrics["gradient_clip_warmup/gradient_norm"]) > 0.5
    (algorithm,) = done.trainer.state.algorithms
    assert algorithm.clipping_threshold == 0.5  # pyright: ignore[reportAttributeAccessIssue]


def test_microbatches_do_not_matter() -> None:
    one, four = (clipped(device_train_microbatch_size=size) for size in (4, 1))
    assert four.used.norm == pytest.approx(one.used.norm, rel=1e-4)


@pytest.mark.parametrize("batches", [2, 7])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, batches: int) -> None:
    whole = clipped(save_folder=str(tmp_path), save_interval="1ba")
    rest = clipped(load_path=str(tmp_path / f"ep0-ba{batches}-rank0.pt"))
    assert rest.used.norm == whole.used.norm[batches:]
    for name, values in rest.metrics.items():
        assert values == whole.metrics[name][batches:], name
    torch.testing.assert_close(rest.weights, whole.weights, rtol=0, atol=0)


def test_says_what_clipping_does_under_lion(caplog: pytest.LogCaptureFixture) -> None:
    class DecoupledLionW(SimpleNamespace):
        param_groups = ({"lr": 0.1, "initial_lr": 0.1},)

    state: Any = SimpleNamespace(optimizers=[DecoupledLionW()])
    for mode, said in (({"mode": "zclip"}, False), ({"min_threshold": 0.1}, True)):
        GradientClipWarmup(**mode).fit_start(state, Logger(state))
        assert ("Lion's steps are as long as the learning rate" in caplog.text) == said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alpha": 1.0}, ["warmup.alpha`", "(0, 1)", "1.0"]),
        ({"z_threshold": 0}, ["warmup.z_threshold`", "above 0"]),
        ({"warmup_batches": 1}, ["warmup_batches`", "at least 2", "1"]),
        ({"min_threshold": 0.1}, ["min_threshold`", "no meaning with mode zclip"]),
        ({"alph": 0.5}, ["warmup.alph`", "'alpha'"]),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        GradientClipWarmup(mode="zclip", **settings)
    for word in words:
        assert word in str(error.value)
