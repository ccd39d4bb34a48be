# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Optimizer, schedule and callbacks in Composer's Trainer: what each batch really used."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from composer.algorithms import GradientClipping
from composer.core import Callback, DataSpec, State, Time, Timestamp
from composer.devices import DeviceCPU
from composer.loggers import InMemoryLogger, Logger
from composer.models import ComposerModel
from composer.trainer import Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from foundry_plugins.callbacks.early_dropout import EarlyDropout
from foundry_plugins.callbacks.gradient_clip_warmup import GradientClipWarmup
from foundry_plugins.contract.errors import UserError
from foundry_plugins.optim.lion import LionW
from foundry_plugins.schedules.schedulers import WarmupStableDecayScheduler

BATCHES, BATCH_SIZE, TOKENS_PER_SAMPLE, PEAK = 20, 4, 16, 0.01


class Mixer(nn.Module):
    """A module that drops out by a plain float, as attention does."""

    def __init__(self) -> None:
        super().__init__()
        self.attn_dropout_p = 0.1

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, self.attn_dropout_p, self.training)


class Toy(ComposerModel):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), Mixer(), nn.Linear(8, 1))

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return self.net(batch[0])

    def loss(self, outputs: Tensor, batch: tuple[Tensor, Tensor]) -> Tensor:
        return 100 * (outputs - batch[1]).square().mean()


class TokenDataset(TensorDataset):
    max_seq_len = TOKENS_PER_SAMPLE


@dataclasses.dataclass
class Used:
    """What the run used, batch by batch."""

    lr: list[float] = dataclasses.field(default_factory=list)
    threshold: list[float] = dataclasses.field(default_factory=list)
    # One list a batch with the pair of probabilities of each microbatch.
    p: list[list[tuple[float, float]]] = dataclasses.field(default_factory=list)
    norm: list[float] = dataclasses.field(default_factory=list)


class Recorder(Callback):
    def __init__(self) -> None:
        self.used = Used()

    def fit_start(self, state: State, logger: Logger) -> None:
        state.optimizers[0].register_step_pre_hook(
            lambda optimizer, *_: self.used.lr.append(optimizer.param_groups[0]["lr"])
        )

    def batch_start(self, state: State, logger: Logger) -> None:
        self.used.p.append([])

    def after_forward(self, state: State, logger: Logger) -> None:
        net: Any = state.model.net
        self.used.p[-1].append((net[1].p, net[2].attn_dropout_p))

    def after_train_batch(self, state: State, logger: Logger) -> None:
        (clipping,) = state.algorithms
        assert isinstance(clipping, GradientClipping)
        self.used.threshold.append(clipping.clipping_threshold)
        gradients = [p.grad.flatten() for p in state.model.parameters() if p.grad is not None]
        self.used.norm.append(torch.cat(gradients).norm().item())


@dataclasses.dataclass
class Run:
    used: Used
    metrics: dict[str, list[float]]
    weights: dict[str, Tensor]


def run(
    max_duration: str = "20ba",
    t_warmup: str = "4ba",
    t_cooldown: str = "0.25dur",
    t_end: str = "0.2dur",
    clip: dict[str, Any] | None = None,
    clipping: GradientClipping | None = None,
    clip_warmup: GradientClipWarmup | None = None,
    **trainer_settings: Any,
) -> Run:
    model, recorder, logger = Toy(), Recorder(), InMemoryLogger()
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(BATCHES * BATCH_SIZE // 2, 4, generator=generator)
    loader = DataLoader(TokenDataset(x, x.sum(dim=1, keepdim=True)), batch_size=BATCH_SIZE)
    trainer = Trainer(
        model=model,
        train_dataloader=DataSpec(
            loader, get_num_tokens_in_batch=lambda batch: TOKENS_PER_SAMPLE * len(batch[0])
        ),
        max_duration=max_duration,
        optimizers=LionW(
            model.parameters(), lr=PEAK, weight_decay=0.1, weight_decay_mode="lr_coupled"
        ),
        schedulers=WarmupStableDecayScheduler(t_warmup=t_warmup, t_cooldown=t_cooldown),
        algorithms=[clipping or GradientClipping(clipping_type="norm", clipping_threshold=1.0)],
        callbacks=[
            EarlyDropout(t_end=t_end),
            clip_warmup or GradientClipWarmup(**(clip or {"min_threshold": 0.3})),
            recorder,
        ],
        loggers=[logger],
        device="cpu",
        device_train_microbatch_size=2,
        seed=11,
        progress_bar=False,
        **trainer_settings,
    )
    trainer.fit()
    trainer.close()
    metrics = {
        name.removeprefix("foundry_plugins/"): [float(value) for _, value in points]
        for name, points in logger.data.items()
        if name.startswith("foundry_plugins/")
    }
    return Run(recorder.used, metrics, {n: p.detach().clone() for n, p in model.named_parameters()})


# Batch 0 shares batch 1's rate; four batches of warm-up; five of cooldown at 1 - sqrt(k / 5).
SHARES = [0.25, 0.25, 0.5, 0.75, *[1.0] * 11, *[1 - (k / 5) ** 0.5 for k in range(5)]]
FACTORS = [1.0, 0.75, 0.5, 0.25, *[0.0] * 16]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("plain")
    return run(save_folder=str(folder), save_interval="1ba"), folder


def test_the_step_of_each_batch_uses_its_learning_rate(plain: tuple[Run, Path]) -> None:
    assert plain[0].used.lr == pytest.approx([PEAK * share for share in SHARES])


@pytest.mark.parametrize(
    "times",
    [
        {"max_duration": "2ep", "t_warmup": "0.4ep", "t_cooldown": "0.5ep", "t_end": "0.4ep"},
        {"max_duration": "1280tok", "t_warmup": "256tok", "t_cooldown": "320tok", "t_end": "4ba"},
        {"max_duration": "1280tok", "t_warmup": "0.2dur", "t_cooldown": "0.25dur"},
    ],
    ids=["epochs", "tokens", "shares of tokens"],
)
def test_other_units_give_the_same_run(plain: tuple[Run, Path], times: dict[str, Any]) -> None:
    other = run(**times)
    assert other.used == plain[0].used
    torch.testing.assert_close(other.weights, plain[0].weights, rtol=0, atol=0)


def test_dropout_falls_to_exactly_zero_and_is_one_for_all_microbatches(
    plain: tuple[Run, Path],
) -> None:
    used, metrics = plain[0].used, plain[0].metrics
    expected = [[(0.2 * factor, 0.1 * factor)] * 2 for factor in FACTORS]
    assert used.p == expected
    assert metrics["early_dropout/p"] == [0.2 * factor for factor in FACTORS]


def test_the_threshold_follows_the_learning_rate(plain: tuple[Run, Path]) -> None:
    used, metrics = plain[0].used, plain[0].metrics
    expected = [max(0.3, share) for share in SHARES]
    assert used.threshold == pytest.approx(expected)
    assert metrics["gradient_clip_warmup/threshold"] == pytest.approx(expected)


def test_the_logged_norm_is_what_clipping_left(plain: tuple[Run, Path]) -> None:
    used, metrics = plain[0].used, plain[0].metrics
    norms, clipped = (metrics[f"gradient_clip_warmup/{n}"] for n in ("gradient_norm", "clipped"))
    assert norms == pytest.approx(used.norm)
    # The loss is scaled up, so every batch is clipped here.
    assert norms == pytest.approx(used.threshold, rel=1e-4)
    assert clipped == [1.0] * BATCHES
    never = GradientClipping("norm", clipping_threshold=1e6)
    loose = run(clipping=never, max_duration="4ba", t_warmup="1ba")
    assert loose.metrics["gradient_clip_warmup/clipped"] == [0.0] * 4


@pytest.mark.parametrize("batches", [1, 2, 7, 17])
def test_a_resumed_run_equals_an_uninterrupted_one(plain: tuple[Run, Path], batches: int) -> None:
    whole, folder = plain
    checkpoint = folder / f"ep{batches // 10}-ba{batches}-rank0.pt"
    rest = run(load_path=str(checkpoint))
    assert rest.used.lr == whole.used.lr[batches:]
    assert rest.used.p == whole.used.p[batches:]
    assert rest.used.threshold == whole.used.threshold[batches:]
    assert rest.used.norm == whole.used.norm[batches:]
    torch.testing.assert_close(rest.weights, whole.weights, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("mode", "expected"), [("linear", [8, 6.25, 4.5, 2.75, 1, 1]), ("geometric", None)]
)
def test_thresholds_from_loose_to_tight(mode: str, expected: list[float] | None) -> None:
    settings = {"mode": mode, "initial_threshold": 8.0, "t_warmup": "4ba"}
    expected = expected or [8 * 8 ** (-k / 4) for k in range(5)] + [1]
    found = run(clip=settings, max_duration="6ba", t_warmup="1ba").used
    assert found.threshold == pytest.approx(expected)


def test_objects_used_again_start_from_the_threshold_as_built() -> None:
    clipping = GradientClipping("value", clipping_threshold=1.0)
    callback = GradientClipWarmup(min_threshold=0.3)
    times: dict[str, Any] = {"max_duration": "3ba", "t_warmup": "2ba", "t_cooldown": "1ba"}
    first = run(clipping=clipping, clip_warmup=callback, **times)
    assert first.used.threshold == [0.5, 0.5, 1.0]
    assert run(clipping=clipping, clip_warmup=callback, **times).used.threshold == [0.5, 0.5, 1]
    assert run(clipping=clipping, **times).used.threshold == [0.5, 0.5, 1.0]


def test_a_batch_with_a_non_finite_loss_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "loss", lambda self, outputs, batch: outputs.mean() * float("nan"))
    start = {n: p.detach().clone() for n, p in Toy().named_parameters()}
    torch.testing.assert_close(run(max_duration="2ba", t_warmup="1ba").weights, start)


def state_with(*algorithms: object, model: nn.Module | None = None, lr: float = PEAK) -> Any:
    return SimpleNamespace(
        algorithms=list(algorithms),
        device=DeviceCPU(),
        model=model or nn.Linear(2, 2),
        max_duration=Time.from_timestring("10ba"),
        timestamp=Timestamp(),
        optimizers=[SimpleNamespace(param_groups=[{"lr": lr, "initial_lr": lr}])],
    )


NORM = GradientClipping("norm", clipping_threshold=1.0)


@pytest.mark.parametrize(
    ("algorithms", "words"),
    [
        ([], ["`algorithms.gradient_clipping`", "there are 0"]),
        ([NORM, NORM], ["`algorithms.gradient_clipping`", "there are 2"]),
        ([GradientClipping("adaptive", 0.5)], ["clipping_type", "'adaptive'"]),
        ([GradientClipping("norm", 0.01)], ["min_threshold", "0.01", "got 0.05"]),
    ],
)
def test_an_unfit_algorithm_is_named(algorithms: list[object], words: list[str]) -> None:
    callback = GradientClipWarmup(min_threshold=0.05)
    with pytest.raises(UserError) as error:
        callback.init(state_with(*algorithms), Logger(state_with()))
    for word in words:
        assert word in str(error.value)


def test_no_peak_learning_rate_and_no_dropout_are_named() -> None:
    with pytest.raises(UserError, match=r"peak learning rate above 0"):
        GradientClipWarmup(min_threshold=0.05).fit_start(state_with(lr=0.0), Logger(state_with()))
    with pytest.raises(UserError, match=r"found no dropout above 0.*`model.resid_pdrop`"):
        EarlyDropout(t_end="1ba").before_load(state_with(), Logger(state_with()))


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        (EarlyDropout, {}, ["`callbacks.early_dropout.t_end`", "None"]),
        (EarlyDropout, {"t_end": "0ba"}, ["`callbacks.early_dropout.t_end`", "0ba"]),
        (EarlyDropout, {"t_end": "1ba", "schedule": "lin"}, ["schedule`", "'linear'"]),
        (EarlyDropout, {"t_end": "1ba", "p": 0.1}, ["`callbacks.early_dropout.p`", "t_end"]),
        (GradientClipWarmup, {"mode": "along"}, ["gradient_clip_warmup.mode`", "'along_lr'"]),
        (GradientClipWarmup, {}, ["gradient_clip_warmup.min_threshold`", "None"]),
        (GradientClipWarmup, {"min_threshold": 0}, ["min_threshold`", "above 0", "got 0"]),
        (GradientClipWarmup, {"min_treshold": 0.1}, ["min_treshold`", "'min_threshold'"]),
        (
            GradientClipWarmup,
            {"min_threshold": 0.1, "t_warmup": "1ba"},
            ["gradient_clip_warmup.t_warmup`", "no meaning with mode along_lr"],
        ),
        (
            GradientClipWarmup,
            {"mode": "linear", "initial_threshold": 10.0},
            ["gradient_clip_warmup.t_warmup`", "None"],
        ),
        (
            GradientClipWarmup,
            {"mode": "geometric", "t_warmup": "1ba"},
            ["gradient_clip_warmup.initial_threshold`", "None"],
        ),
    ],
)
def test_bad_settings_are_named(
    kind: type[Callback], settings: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        kind(**settings)
    for word in words:
        assert word in str(error.value)
