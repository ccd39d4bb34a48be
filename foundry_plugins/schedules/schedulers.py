# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``warmup_stable_decay``: linear warm-up, constant, then a cooldown of a chosen shape.

Sources: Hu et al. 2024 (MiniCPM, arXiv 2404.06395); Hägele et al. 2024 (arXiv 2405.18392, code
epfml/schedules-and-scaling), whose example cools down over the last fifth of the run.

What a batch gets. The value for a batch is that of the time at which it starts: with a warm-up of W
and a cooldown of C in a run of D batches, batch b (from 0) runs at

    b / W                                         while b < W
    1                                             then
    alpha_f + (1 - alpha_f) * shape((b - D + C) / C)   while b > D - C

except batch 0, whose 0 would waste it: it runs at batch 1's value, 1 / W.

Composer asks for the value of batch b + 1 right after batch b, before it moves the timestamp on,
and asks at timestamp 0 twice, for batches 0 and 1. So this scheduler answers for one batch after
the timestamp, which gives the rule above. In tokens or samples that batch has the mean size of
those so far (exact where all are equal, as in packed pre-training); for the first two batches,
which come before any has been counted, it is the loader's batch size times its ``max_seq_len``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from composer.core import State
from composer.optim import ComposerScheduler

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.schedules.shapes import find_shape, warmup_stable_decay
from foundry_plugins.schedules.times import (
    Length,
    duration,
    length,
    one_batch_later,
    parse_span,
)

_KEYS = ("name", "t_warmup", "t_cooldown", "cooldown", "alpha_f")

# Progress of the warm-up at the first two batches if the loader does not tell their size: small
# enough to stay below what follows, and not 0.
_UNKNOWN_FIRST_BATCH = Fraction(1, 1000)


class WarmupStableDecayScheduler(ComposerScheduler):
    """Warm-up, constant and cooldown, for LLM Foundry's ``schedulers`` registry.

    ```yaml
    scheduler:
      name: warmup_stable_decay
      t_warmup: 0.05dur
      t_cooldown: 0.2dur
      cooldown: 1-sqrt
      alpha_f: 0.0
    ```

    Args:
        t_warmup: Length of the warm-up in ba, tok, sp, ep or dur; ``0ba`` for none.
        t_cooldown: Length of the cooldown, in a unit that ``max_duration`` can be counted in.
        cooldown: A shape of ``shapes.py``.
        alpha_f: Share of the peak learning rate at the end of the run.
    """

    def __init__(
        self,
        t_warmup: str | None = None,
        t_cooldown: str = "0.2dur",
        cooldown: str = "1-sqrt",
        alpha_f: float = 0.0,
        **unknown: Any,
    ) -> None:
        reject_unknown_keys("scheduler", unknown, _KEYS)
        self.t_warmup = parse_span("scheduler.t_warmup", t_warmup)
        self.t_cooldown = parse_span("scheduler.t_cooldown", t_cooldown)
        self.cooldown = find_shape("scheduler.cooldown", cooldown)
        number = isinstance(alpha_f, int | float) and not isinstance(alpha_f, bool)
        require(
            number and 0 <= alpha_f <= 1,
            f"`scheduler.alpha_f` must be a number in [0, 1], got {alpha_f!r}.",
        )
        self.alpha_f = float(alpha_f)

    def __call__(self, state: State, ssr: float = 1.0) -> float:
        """The multiplier for the batch after the timestamp (and, at time 0, for the first one)."""
        require(
            ssr == 1.0,
            f"`scale_schedule_ratio` {ssr} cannot be used with warmup_stable_decay; "
            "change `max_duration` and give the times in dur.",
        )
        whole = duration(state)
        warmup, cooldown = length(self.t_warmup, state), length(self.t_cooldown, state)
        self._check(whole, warmup, cooldown)
        return warmup_stable_decay(
            _warmup_progress(state, warmup),
            _cooldown_progress(state, whole, cooldown),
            self.cooldown,
            self.alpha_f,
        )

    def _check(self, whole: Length, warmup: Length, cooldown: Length) -> None:
        require(
            cooldown.clock == whole.clock,
            f"`scheduler.t_cooldown` {self.t_cooldown.text} cannot be counted back from a "
            f"`max_duration` in {whole.clock}; give it in {whole.clock} or dur.",
        )
        both = warmup.amount + cooldown.amount
        require(
            warmup.clock != whole.clock or both <= whole.amount,
            f"`scheduler.t_warmup` {self.t_warmup.text} and `scheduler.t_cooldown` "
            f"{self.t_cooldown.text} together last {float(both):g}{whole.clock}, longer than "
            f"`max_duration` of {float(whole.amount):g}{whole.clock}; shorten one of them.",
        )


def _warmup_progress(state: State, warmup: Length) -> float:
    if warmup.amount == 0:
        return 1.0
    reached = one_batch_later(state, warmup.clock)
    return float(_UNKNOWN_FIRST_BATCH if reached is None else reached / warmup.amount)


def _cooldown_progress(state: State, whole: Length, cooldown: Length) -> float:
    reached = one_batch_later(state, whole.clock)
    if cooldown.amount == 0 or reached is None:
        return 0.0
    return float((reached - whole.amount) / cooldown.amount + 1)
