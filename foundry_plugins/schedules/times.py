# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Spans of training time as a YAML writes them, measured on a run's clocks.

A span is a number and a unit: ``100ba`` batches, ``1e9tok`` tokens, ``4096sp`` samples, ``0.1ep``
epochs, ``0.2dur`` shares of ``max_duration``. A clock is a counter that the host advances by batch:
``ba``, ``tok`` or ``sp``. Epochs are counted in batches, ``dur`` on the clock of ``max_duration``.
Amounts are fractions, so that 0.07 of 100 batches ends at batch 7 and not a rounding error later.

Everything is read from the host's state by public attributes and depends on nothing but the
timestamp, ``max_duration`` and the loader, so a resumed run reads the same times.
"""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from torch import distributed as dist

from foundry_plugins.contract.errors import UserError, require

if TYPE_CHECKING:
    from composer.core import Time, Timestamp

CLOCKS = ("ba", "tok", "sp")
_SPAN = re.compile(
    r"((?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)(ba|tok|sp|ep|dur)"
)


class Run(Protocol):
    """What of the host's state times are read from."""

    @property
    def max_duration(self) -> Time | None:
        """Length of the run."""
        ...

    @property
    def timestamp(self) -> Timestamp:
        """What has been counted."""
        ...

    @property
    def dataloader_len(self) -> Time | None:
        """Batches of an epoch."""
        ...

    @property
    def train_dataloader(self) -> Any:
        """Where batches come from."""
        ...


@dataclasses.dataclass(frozen=True)
class Span:
    """A length of time as written under the YAML key ``key``."""

    key: str
    text: str
    amount: Fraction
    unit: str


@dataclasses.dataclass(frozen=True)
class Length:
    """A length of time on a clock."""

    amount: Fraction
    clock: str


def parse_span(key: str, text: object) -> Span:
    """Reads a span such as ``0.2dur``.

    Args:
        key: Dotted YAML key, e.g. ``scheduler.t_warmup``.
        text: What the YAML says.

    Raises:
        UserError: if it is not a number with a unit, or more than 1dur.
    """
    match = _SPAN.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    if match is None:
        raise UserError(
            f"`{key}` must be a time such as 100ba, 1e9tok, 4096sp, 0.1ep or 0.2dur, got {text!r}."
        )
    amount, unit = Fraction(match[1]), match[2]
    require(
        unit != "dur" or amount <= 1,
        f"`{key}` is a share of `max_duration` and must be at most 1dur, got {text}.",
    )
    return Span(key=key, text=match[0], amount=amount, unit=unit)


def duration(state: Run) -> Length:
    """The length of the whole run.

    Raises:
        UserError: if ``max_duration`` is missing or in a unit that no clock counts.
    """
    limit = state.max_duration
    if limit is None:
        raise UserError("`max_duration` is missing; set it, e.g. max_duration: 1000ba.")
    unit = limit.unit.value
    if unit == "ep":
        return Length(limit.value * _batches_per_epoch("max_duration", state), "ba")
    require(
        unit in CLOCKS,
        f"`max_duration` must be in ba, tok, sp or ep for these schedules, got {limit}.",
    )
    return Length(Fraction(limit.value), unit)


def length(span: Span, state: Run) -> Length:
    """A span's length on its clock.

    Raises:
        UserError: if it needs ``max_duration`` or the loader's length and there is none.
    """
    if span.unit == "dur":
        whole = duration(state)
        return Length(span.amount * whole.amount, whole.clock)
    if span.unit == "ep":
        return Length(span.amount * _batches_per_epoch(span.key, state), "ba")
    return Length(span.amount, span.unit)


def now(state: Run, clock: str) -> Fraction:
    """What the clock shows at the start of the current batch."""
    return Fraction(state.timestamp.get(clock).value)


def one_batch_later(state: Run, clock: str) -> Fraction | None:
    """What the clock will show a batch later: for tokens and samples, a batch of the mean size.

    Before the first batch has been counted, its size is read from the loader; None if it does not
    say.

    Raises:
        UserError: if batches went by and the clock stood still.
    """
    batches = state.timestamp.batch.value
    if clock == "ba":
        return Fraction(batches + 1)
    if batches == 0:
        return _first_batch(state.train_dataloader, clock)
    require(
        now(state, clock) > 0,
        f"A schedule is in {clock}, but the train loader counted none in {batches} batches; give "
        "its times in ba or dur, and `max_duration` in ba.",
    )
    return now(state, clock) * (batches + 1) / batches


def _first_batch(loader: object, clock: str) -> Fraction | None:
    samples = getattr(loader, "batch_size", None)
    tokens = getattr(getattr(loader, "dataset", None), "max_seq_len", None)
    each = 1 if clock == "sp" else tokens
    if not isinstance(samples, int) or not isinstance(each, int):
        return None
    ranks = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
    return Fraction(samples * ranks * each)


def _batches_per_epoch(key: str, state: Run) -> Fraction:
    batches = state.dataloader_len
    if batches is None:
        raise UserError(
            f"`{key}` is in epochs, but the train loader does not say how many batches an epoch "
            "has; give it in ba or tok."
        )
    return Fraction(int(batches))
