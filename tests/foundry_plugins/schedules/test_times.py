# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from composer.core import Time, Timestamp

from foundry_plugins.contract.errors import UserError
from foundry_plugins.schedules.times import (
    Length,
    duration,
    length,
    now,
    one_batch_later,
    parse_span,
)


def state(
    max_duration: str | None = "100ba", batches_per_epoch: int | None = 10, **time: Any
) -> Any:
    loader = SimpleNamespace(batch_size=4, dataset=SimpleNamespace(max_seq_len=16))
    return SimpleNamespace(
        max_duration=max_duration and Time.from_timestring(max_duration),
        dataloader_len=batches_per_epoch,
        train_dataloader=loader,
        timestamp=Timestamp(**time),
    )


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("100ba", 100, "ba"),
        ("1e9tok", 10**9, "tok"),
        ("2_000ba", 2000, "ba"),
        ("0.07dur", Fraction(7, 100), "dur"),
        (".5dur", Fraction(1, 2), "dur"),
        ("0.1ep", Fraction(1, 10), "ep"),
        ("64SP", 64, "sp"),
        ("0ba", 0, "ba"),
    ],
)
def test_spans(text: str, amount: Fraction, unit: str) -> None:
    span = parse_span("scheduler.t_warmup", text)
    assert (span.amount, span.unit) == (amount, unit)


@pytest.mark.parametrize("text", [None, 100, "100", "ba", "-1ba", "1.2.3ba", "5sec", "1e", "1 0ba"])
def test_what_is_not_a_span_is_named(text: object) -> None:
    with pytest.raises(UserError, match=r"`scheduler.t_warmup` must be a time such as 100ba"):
        parse_span("scheduler.t_warmup", text)


def test_more_than_the_run_is_refused() -> None:
    with pytest.raises(UserError, match=r"`k` is a share of .max_duration.*got 1.5dur"):
        parse_span("k", "1.5dur")


@pytest.mark.parametrize(
    ("text", "max_duration", "amount", "clock"),
    [
        ("7ba", "100ba", 7, "ba"),
        ("0.07dur", "100ba", 7, "ba"),
        ("0.07dur", "1000tok", 70, "tok"),
        ("0.5dur", "3ep", 15, "ba"),
        ("0.5dur", "64sp", 32, "sp"),
        ("0.25ep", "1000tok", Fraction(5, 2), "ba"),
        ("70tok", "100ba", 70, "tok"),
    ],
)
def test_lengths(text: str, max_duration: str, amount: Fraction, clock: str) -> None:
    assert length(parse_span("k", text), state(max_duration)) == Length(Fraction(amount), clock)


def test_durations_that_cannot_be_counted_are_named() -> None:
    with pytest.raises(UserError, match=r"`max_duration` is missing"):
        duration(state(None))
    with pytest.raises(UserError, match=r"`max_duration` must be in ba, tok, sp or ep.*2iter"):
        duration(state("2iter"))
    with pytest.raises(UserError, match=r"`max_duration` is in epochs"):
        duration(state("2ep", batches_per_epoch=None))
    with pytest.raises(UserError, match=r"`k` is in epochs"):
        length(parse_span("k", "1ep"), state("100ba", batches_per_epoch=None))


def test_now_and_one_batch_later() -> None:
    later = state(batch=3, token=192, sample=12)
    assert [now(later, clock) for clock in ("ba", "tok", "sp")] == [3, 192, 12]
    assert [one_batch_later(later, clock) for clock in ("ba", "tok", "sp")] == [4, 256, 16]
    uneven = state(batch=3, token=100)
    assert one_batch_later(uneven, "tok") == Fraction(400, 3)


def test_the_first_batch_is_measured_on_the_loader() -> None:
    first = state()
    assert [one_batch_later(first, clock) for clock in ("ba", "tok", "sp")] == [1, 64, 4]
    first.train_dataloader = [1, 2, 3]
    assert [one_batch_later(first, clock) for clock in ("ba", "tok", "sp")] == [1, None, None]


def test_a_clock_that_stands_still_is_named() -> None:
    with pytest.raises(UserError, match="in tok, but the train loader counted none in 2 batches"):
        one_batch_later(state(batch=2, sample=8), "tok")
