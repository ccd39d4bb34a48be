# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``warmup_stable_decay``: a warm-up, a stable stage, and a cooldown of a chosen shape.

The formulas are in `shapes.py`. One class serves the published schedules:

| schedule | ``stable`` | and |
|---|---|---|
| MiniCPM (arXiv 2404.06395), Hägele et al. (arXiv 2405.18392) | ``constant`` | their ``cooldown`` |
| linear to zero (Refact) | ``constant`` | ``t_cooldown: rest``, ``cooldown: linear`` |
| infinite (Ibrahim et al., arXiv 2403.08763) | ``infinite`` | ``cooldown: exponential`` |
| rsqrt of big_vision (Zhai et al., arXiv 2106.04560) | ``rsqrt`` | ``cooldown_from: falling`` |
| rsqrt of LLM Foundry's ``inv_sqrt_with_warmup`` | ``rsqrt`` | ``cooldown_from: frozen`` |
| power (Shen et al., arXiv 2408.13359) | ``power`` | ``exponent: 0.51`` |

What a batch gets. The value for a batch is that of the time at which it starts: with a warm-up of W
and a cooldown of C in a run of D batches, batch b (from 0) runs at

    b / W                                         while b < W
    1, or what ``stable`` says                    then
    alpha_f + (1 - alpha_f) * shape((b - D + C) / C)   while b > D - C

except batch 0, whose 0 would waste it: it runs at batch 1's value, 1 / W, unless ``zero_first``.

Composer asks for the value of batch b + 1 right after batch b, before it moves the timestamp on,
and asks at timestamp 0 twice, for batches 0 and 1. So this scheduler answers for one batch after
the timestamp, which gives the rule above. In tokens or samples that batch has the mean size of
those so far (exact where all are equal, as in packed pre-training); for the first two batches,
which come before any has been counted, it is the loader's batch size times its ``max_seq_len``.

Composer lets a checkpoint's learning rate and weight decay win over the YAML's and says nothing.
This scheduler ends such a run as soon as it has loaded; see `loaded.py`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from composer.core import State
from composer.optim import ComposerScheduler

from foundry_plugins.contract.errors import UserError, reject_unknown_keys, require
from foundry_plugins.contract.log import logger
from foundry_plugins.schedules.loaded import LoadedSettings
from foundry_plugins.schedules.rules import warmup_batches
from foundry_plugins.schedules.shapes import find_cooldown, multiplier
from foundry_plugins.schedules.stable import StableStage, number
from foundry_plugins.schedules.times import (
    Length,
    Run,
    duration,
    length,
    one_batch_later,
    parse_span,
)

log = logger(__name__)

_KEYS = ("name", "t_warmup", "t_cooldown", "cooldown", "alpha_f", "cooldown_from", "zero_first")

# Progress of the warm-up at the first two batches if the loader does not tell their size: small
# enough to stay below what follows, and not 0.
_UNKNOWN_FIRST_BATCH = Fraction(1, 1000)


class WarmupStableDecayScheduler(ComposerScheduler):
    """Warm-up, stable stage and cooldown, for LLM Foundry's ``schedulers`` registry.

    ```yaml
    scheduler:
      name: warmup_stable_decay
      t_warmup: 0.05dur
      t_cooldown: 0.2dur
      cooldown: 1-sqrt
      alpha_f: 0.0
    ```

    Args:
        t_warmup: Length of the warm-up in ba, tok, sp, ep or dur; ``0ba`` for none;
            ``untuned`` for the 2 / (1 - beta2) batches of `rules.py`.
        t_cooldown: Length of the cooldown, in a unit that ``max_duration`` can be counted in;
            ``rest`` for all that the warm-up leaves.
        cooldown: A shape of ``shapes.py``, or ``exponential``.
        alpha_f: Share of the peak learning rate at the end of the run.
        cooldown_from: ``frozen``: from the value that the stable stage has reached. ``falling``:
            the stage goes on and is multiplied by the cooldown.
        zero_first: The first two batches run at the start of the warm-up, that is 0.
        stable: ``constant``, ``rsqrt``, ``power`` or ``infinite``; see `stable.py` for the keys
            ``t_scale``, ``exponent``, ``t_decay``, ``decay`` and ``alpha_stable``.
    """

    name = "warmup_stable_decay"
    # What a subclass takes beyond this class's keys.
    own_keys: tuple[str, ...] = ()

    def __init__(
        self,
        t_warmup: str | None = None,
        t_cooldown: str = "0.2dur",
        cooldown: str = "1-sqrt",
        alpha_f: float = 0.0,
        cooldown_from: str = "frozen",
        zero_first: bool = False,
        stable: str = "constant",
        **more: Any,
    ) -> None:
        reject_unknown_keys("scheduler", more, (*_KEYS, *StableStage.KEYS, *self.own_keys))
        self.untuned = t_warmup == "untuned"
        if self.untuned:
            log.warning("scheduler.t_warmup: untuned is %s.", warmup_batches(0.0).limits)
        self.t_warmup = parse_span("scheduler.t_warmup", "0ba" if self.untuned else t_warmup)
        self.t_cooldown = None
        if t_cooldown != "rest":
            self.t_cooldown = parse_span("scheduler.t_cooldown", t_cooldown)
        self.alpha_f = number("alpha_f", alpha_f, 0, 1)
        self.cooldown = find_cooldown("scheduler.cooldown", cooldown)
        require(
            cooldown != "exponential" or self.alpha_f > 0,
            "`scheduler.alpha_f` must be above 0 with `scheduler.cooldown` exponential, which "
            "never reaches 0; give the share of the peak to end at, e.g. 0.1.",
        )
        require(
            cooldown_from in ("frozen", "falling"),
            f"`scheduler.cooldown_from` must be frozen or falling, got {cooldown_from!r}.",
        )
        self.falling = cooldown_from == "falling"
        require(
            isinstance(zero_first, bool),
            f"`scheduler.zero_first` must be true or false, got {zero_first!r}.",
        )
        self.zero_first = zero_first
        self.stable = StableStage(stable, more)
        self._loaded = LoadedSettings()

    def __call__(self, state: State, ssr: float = 1.0) -> float:
        """The multiplier for the batch after the timestamp (and, at time 0, for the first one)."""
        require(
            ssr == 1.0,
            f"`scale_schedule_ratio` {ssr} cannot be used with {self.name}; "
            "change `max_duration` and give the times in dur.",
        )
        self._loaded.check(state)
        return self.value_at(state)

    def value_at(self, state: State) -> float:
        """The multiplier, from the start of the run."""
        return self.value(state, self.warmup_length(state, state))

    def warmup_length(self, run: Run, state: State) -> Length:
        """Length of the warm-up."""
        if self.untuned:
            return Length(Fraction(round(warmup_batches(_beta2(state)).value)), "ba")
        return length(self.t_warmup, run)

    def value(self, run: Run, warmup: Length, start: float = 0.0) -> float:
        """The multiplier on a run's clocks, with a warm-up that begins at ``start``."""
        whole = duration(run)
        cooldown = self._cooldown_length(run, whole, warmup)
        self._check(whole, warmup, cooldown)
        begin, reached = whole.amount - cooldown.amount, one_batch_later(run, whole.clock)
        x = 0.0
        if cooldown.amount and reached is not None:
            x = float((reached - begin) / cooldown.amount)
        stable = self.stable.on(run, whole, warmup)
        frozen = stable(reached if self.falling else begin)
        self._check_end(frozen)
        low = frozen * self.alpha_f if self.falling else self.alpha_f
        warm = start + (1 - start) * self._warmup_progress(run, warmup)
        return multiplier(warm, stable(reached), frozen, x, self.cooldown, low)

    def _warmup_progress(self, run: Run, warmup: Length) -> float:
        if warmup.amount == 0:
            return 1.0
        if self.zero_first and run.timestamp.batch.value == 0:
            return 0.0
        reached = one_batch_later(run, warmup.clock)
        return min(1.0, float(_UNKNOWN_FIRST_BATCH if reached is None else reached / warmup.amount))

    def _cooldown_length(self, run: Run, whole: Length, warmup: Length) -> Length:
        if self.t_cooldown is not None:
            return length(self.t_cooldown, run)
        require(
            warmup.clock == whole.clock,
            f"`scheduler.t_cooldown` rest needs a `scheduler.t_warmup` that can be counted in the "
            f"{whole.clock} of `max_duration`, got one in {warmup.clock}; give both in one unit.",
        )
        return Length(max(Fraction(0), whole.amount - warmup.amount), whole.clock)

    def _check(self, whole: Length, warmup: Length, cooldown: Length) -> None:
        text = "rest" if self.t_cooldown is None else self.t_cooldown.text
        require(
            cooldown.clock == whole.clock,
            f"`scheduler.t_cooldown` {text} cannot be counted back from a "
            f"`max_duration` in {whole.clock}; give it in {whole.clock} or dur.",
        )
        both = warmup.amount + cooldown.amount
        require(
            warmup.clock != whole.clock or both <= whole.amount,
            f"`scheduler.t_warmup` {'untuned' if self.untuned else self.t_warmup.text} and "
            f"`scheduler.t_cooldown` {text} together last {float(both):g}{whole.clock}, longer "
            f"than `max_duration` of {float(whole.amount):g}{whole.clock}; shorten one of them.",
        )

    def _check_end(self, reached: float) -> None:
        require(
            self.falling or self.alpha_f <= reached,
            f"`scheduler.alpha_f` {self.alpha_f:g} is above the {reached:.3g} of the peak that the "
            f"{self.stable.kind} stage has fallen to where the cooldown begins; lower it.",
        )


def _beta2(state: State) -> float:
    betas = state.optimizers[0].param_groups[0].get("betas")
    if betas is None:
        raise UserError(
            "`scheduler.t_warmup` untuned is 2 / (1 - beta2) batches, but the optimizer has no "
            "betas; give a length, e.g. 0.01dur."
        )
    return float(betas[1])
