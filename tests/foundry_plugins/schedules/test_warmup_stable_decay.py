# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from composer.core import Time, Timestamp

from foundry_plugins.contract.errors import UserError
from foundry_plugins.schedules.schedulers import WarmupStableDecayScheduler

WEIGHT = torch.nn.Parameter(torch.zeros(1))
OPTIMIZER = torch.optim.AdamW([WEIGHT], lr=0.1, betas=(0.9, 0.95))


def state(max_duration: str, batch: int = 0, loader: object = None, tokens: int = 64) -> Any:
    known = SimpleNamespace(batch_size=4, dataset=SimpleNamespace(max_seq_len=tokens // 4))
    return SimpleNamespace(
        max_duration=Time.from_timestring(max_duration),
        dataloader_len=Time(10, "ba"),
        train_dataloader=loader or known,
        optimizers=[OPTIMIZER],
        schedulers=[],
        timestamp=Timestamp(batch=batch, sample=4 * batch, token=tokens * batch),
    )


def used(scheduler: WarmupStableDecayScheduler, max_duration: str, batches: int) -> list[float]:
    """What batches 0, 1, ... run at: asked at time 0 twice, then one batch behind."""
    asked_at = [0, *range(batches - 1)]
    return [scheduler(state(max_duration, batch)) for batch in asked_at]


def test_golden_values_by_hand() -> None:
    scheduler = WarmupStableDecayScheduler(t_warmup="4ba", t_cooldown="0.4dur", alpha_f=0.1)
    assert used(scheduler, "10ba", 11) == pytest.approx(
        [
            0.25,  # batch 0 shares batch 1's value instead of 0
            0.25,  # 1 / 4
            0.5,
            0.75,
            1.0,  # the warm-up is over
            1.0,
            1.0,  # the cooldown of 4 batches begins: progress 0
            0.55,  # .1 + .9 * (1 - sqrt(1/4))
            0.1 + 0.9 * (1 - 0.5**0.5),
            0.1 + 0.9 * (1 - 0.75**0.5),  # the last batch of the run
            0.1,
        ]
    )


@pytest.mark.parametrize(
    ("max_duration", "t_warmup", "t_cooldown"),
    [
        ("20ba", "0.2dur", "0.25dur"),
        ("2ep", "0.4ep", "0.5ep"),
        ("1280tok", "256tok", "320tok"),
        ("1280tok", "4ba", "0.25dur"),
        ("20ba", "256tok", "5ba"),
        ("80sp", "16sp", "0.25dur"),
    ],
)
def test_units_agree(max_duration: str, t_warmup: str, t_cooldown: str) -> None:
    plain = WarmupStableDecayScheduler(t_warmup="4ba", t_cooldown="5ba", cooldown="linear")
    other = WarmupStableDecayScheduler(t_warmup=t_warmup, t_cooldown=t_cooldown, cooldown="linear")
    assert used(other, max_duration, 22) == used(plain, "20ba", 22)


def test_an_unknown_size_of_the_first_batch_still_gives_a_rate_above_zero() -> None:
    scheduler = WarmupStableDecayScheduler(t_warmup="256tok")
    assert scheduler(state("1280tok", loader=[1])) == 0.001
    assert scheduler(state("1280tok", batch=1, loader=[1])) == 0.5


def test_a_first_rate_of_zero_is_there_for_the_asking() -> None:
    scheduler = WarmupStableDecayScheduler(t_warmup="4ba", t_cooldown="0ba", zero_first=True)
    # Composer asks at time 0 for the first two batches.
    assert used(scheduler, "10ba", 5) == [0, 0, 0.5, 0.75, 1]


def test_linear_to_zero() -> None:
    scheduler = WarmupStableDecayScheduler(t_warmup="2ba", t_cooldown="rest", cooldown="linear")
    assert used(scheduler, "6ba", 7) == [0.5, 0.5, 1, 0.75, 0.5, 0.25, 0]


def test_infinite_by_hand() -> None:
    scheduler = WarmupStableDecayScheduler(
        t_warmup="2ba",
        stable="infinite",
        t_decay="4ba",
        decay="cosine",
        alpha_stable=0.4,
        t_cooldown="2ba",
        cooldown="exponential",
        alpha_f=0.1,
    )
    assert used(scheduler, "12ba", 13) == pytest.approx(
        [
            *(0.5, 0.5, 1.0),
            *(0.4 + 0.6 * (2 + 2**0.5) / 4, 0.7, 0.4 + 0.6 * (2 - 2**0.5) / 4),
            *(0.4, 0.4, 0.4, 0.4, 0.4),  # for ever
            *(0.2, 0.1),  # 0.4 * (1/4)^(1/2), the end
        ]
    )


@pytest.mark.parametrize(
    ("cooldown_from", "shares"),
    [
        # big_vision: the stage falls on and is multiplied by what remains; LLM Foundry: frozen.
        ("falling", [(1 + t / 4) ** -0.5 * (1 - max(0, t - 6) / 4) for t in range(11)]),
        ("frozen", [(1 + min(t, 6) / 4) ** -0.5 * (1 - max(0, t - 6) / 4) for t in range(11)]),
    ],
)
def test_both_forms_of_rsqrt(cooldown_from: str, shares: list[float]) -> None:
    scheduler = WarmupStableDecayScheduler(
        t_warmup="2ba",
        stable="rsqrt",
        t_scale="4ba",
        t_cooldown="4ba",
        cooldown="linear",
        cooldown_from=cooldown_from,
    )
    assert used(scheduler, "12ba", 13) == pytest.approx([0.5, 0.5, *shares])


def test_rsqrt_frozen_is_the_hosts() -> None:
    from llmfoundry.optim.scheduler import InverseSquareRootWithWarmupScheduler

    times = {"t_warmup": "20ba", "t_scale": "50ba", "t_cooldown": "30ba"}
    ours = WarmupStableDecayScheduler(stable="rsqrt", cooldown="linear", **times)
    host = InverseSquareRootWithWarmupScheduler(**times)
    for batch in range(1, 200):
        # The host's answers for the batch at the timestamp, this one's for the next.
        asked = host(state("200ba", batch))
        assert ours(state("200ba", batch - 1)) == pytest.approx(asked)


def test_power_by_hand() -> None:
    scheduler = WarmupStableDecayScheduler(
        t_warmup="2ba", stable="power", t_scale="4ba", exponent=0.5, t_cooldown="0ba"
    )
    expected = [0.5, 0.5, 1, 1, 1, *[(b / 4) ** -0.5 for b in range(5, 12)]]
    assert used(scheduler, "12ba", 12) == pytest.approx(expected)


def test_the_untuned_warmup_follows_the_optimizer(caplog: pytest.LogCaptureFixture) -> None:
    scheduler = WarmupStableDecayScheduler(t_warmup="untuned", t_cooldown="0ba")
    assert "Lion has none" in caplog.text
    assert used(scheduler, "100ba", 42)[38:] == pytest.approx([38 / 40, 39 / 40, 1, 1])


def test_no_warmup_and_no_cooldown_is_constant() -> None:
    scheduler = WarmupStableDecayScheduler(t_warmup="0ba", t_cooldown="0dur")
    assert used(scheduler, "5ba", 6) == [1.0] * 6


def test_the_whole_run_may_be_warmup_and_cooldown() -> None:
    scheduler = WarmupStableDecayScheduler(t_warmup="0.05dur", t_cooldown="0.95dur")
    assert scheduler(state("20ba")) == 1.0


@pytest.mark.parametrize(
    ("settings", "max_duration", "words"),
    [
        ({"t_warmup": "6ba", "t_cooldown": "0.5dur"}, "10ba", ["t_warmup", "t_cooldown", "11ba"]),
        ({"t_warmup": "2ep"}, "1ep", ["t_warmup", "22ba", "10ba"]),
        ({"t_warmup": "2tok", "t_cooldown": "rest"}, "10ba", ["rest", "in the ba", "in tok"]),
        (
            {"t_warmup": "1tok", "stable": "rsqrt", "t_scale": "4ba"},
            "10ba",
            ["`scheduler.t_warmup`", "ba of `max_duration`", "got tok"],
        ),
        (
            {"t_warmup": "1ba", "stable": "rsqrt", "t_scale": "4tok"},
            "10ba",
            ["`scheduler.t_scale`", "ba of `max_duration`", "got tok"],
        ),
        (
            {"t_warmup": "3ba", "stable": "power", "t_scale": "2ba"},
            "10ba",
            ["`scheduler.t_scale` 2ba", "before the warm-up"],
        ),
        (
            {"t_warmup": "0ba", "stable": "rsqrt", "t_scale": "1ba", "alpha_f": 0.9},
            "10ba",
            ["`scheduler.alpha_f` 0.9", "0.333 of the peak", "rsqrt"],
        ),
        ({"t_warmup": "1ba", "t_cooldown": "9tok"}, "10ba", ["t_cooldown", "9tok", "in ba or dur"]),
        ({"t_warmup": "1ba", "t_cooldown": "1ep"}, "99tok", ["t_cooldown", "1ep", "tok or dur"]),
    ],
)
def test_times_that_do_not_fit_are_named(
    settings: dict[str, str], max_duration: str, words: list[str]
) -> None:
    scheduler = WarmupStableDecayScheduler(**settings)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError) as error:
        scheduler(state(max_duration))
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["`scheduler.t_warmup`", "None"]),
        ({"t_warmup": 100}, ["`scheduler.t_warmup`", "100"]),
        ({"t_warmup": "1ba", "t_cooldown": "fast"}, ["`scheduler.t_cooldown`", "'fast'"]),
        ({"t_warmup": "1ba", "cooldown": "sqrt"}, ["`scheduler.cooldown`", "1-sqrt", "'sqrt'"]),
        ({"t_warmup": "1ba", "alpha_f": 1.5}, ["`scheduler.alpha_f`", "1.5"]),
        ({"t_warmup": "1ba", "alpha_f": "0"}, ["`scheduler.alpha_f`", "'0'"]),
        ({"t_warmup": "1ba", "zero_first": 1}, ["`scheduler.zero_first`", "1"]),
        ({"t_warmup": "1ba", "cooldown_from": "froze"}, ["cooldown_from`", "'froze'"]),
        ({"t_warmup": "1ba", "cooldown": "exponential"}, ["`scheduler.alpha_f`", "above 0"]),
        ({"t_warmup": "1ba", "stable": "rsqr"}, ["`scheduler.stable`", "'rsqrt'"]),
        ({"t_warmup": "1ba", "stable": "rsqrt"}, ["`scheduler.t_scale`", "None"]),
        ({"t_warmup": "1ba", "stable": "rsqrt", "t_scale": "0ba"}, ["t_scale`", "longer than 0"]),
        ({"t_warmup": "1ba", "t_scale": "1ba"}, ["`scheduler.t_scale`", "with", "constant"]),
        (
            {"t_warmup": "1ba", "stable": "infinite", "t_decay": "2ba", "alpha_stable": 2},
            ["`scheduler.alpha_stable`", "2"],
        ),
        ({"t_warmup": "1ba", "t_cool": "1ba"}, ["`scheduler.t_cool`", "'t_cooldown'"]),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        WarmupStableDecayScheduler(**settings)
    for word in words:
        assert word in str(error.value)


def test_a_scaled_schedule_is_refused() -> None:
    with pytest.raises(UserError, match=r"`scale_schedule_ratio` 0.5"):
        WarmupStableDecayScheduler(t_warmup="1ba")(state("10ba"), ssr=0.5)
