# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What the learning rate does between the warm-up and the cooldown; the formulas are in shapes.py.

* ``constant``: nothing.
* ``rsqrt``: falls as ``1 / sqrt(1 + t / t_scale)`` from the end of the warm-up on.
* ``power``: falls as ``(t / t_scale)^-exponent`` once t, counted from the start, passes
  ``t_scale``.
* ``infinite``: falls by the shape ``decay`` to ``alpha_stable`` over ``t_decay`` and stays there,
  so that training can go on for ever and be annealed at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from foundry_plugins.contract.errors import UserError, did_you_mean, require
from foundry_plugins.schedules.shapes import find_cooldown, power, rsqrt
from foundry_plugins.schedules.times import Length, Run, Span, length, parse_span

_KEYS_OF = {
    "constant": (),
    "rsqrt": ("t_scale",),
    "power": ("t_scale", "exponent"),
    "infinite": ("t_decay", "decay", "alpha_stable"),
}
# -0.51 is the slope that Shen et al. 2024 fitted (arXiv 2408.13359, section 3).
_DEFAULTS = {"exponent": 0.51, "decay": "cosine"}
# Value of the stage at a time on the clock of `max_duration`; None where that is not known yet.
Course = Callable[[Fraction | None], float]


class StableStage:
    """The stable stage that a YAML describes.

    Args:
        kind: ``constant``, ``rsqrt``, ``power`` or ``infinite``.
        settings: The keys of the scheduler's section that may belong to it.

    Raises:
        UserError: for an unknown kind, a missing or meaningless key, or a value out of range.
    """

    KEYS = ("stable", "t_scale", "exponent", "t_decay", "decay", "alpha_stable")

    def __init__(self, kind: str, settings: Mapping[str, Any]) -> None:
        if kind not in _KEYS_OF:
            raise UserError(
                f"`scheduler.stable` must be one of {', '.join(_KEYS_OF)}, "
                f"got {kind!r}{did_you_mean(str(kind), _KEYS_OF)}."
            )
        self.kind = kind
        mine = _KEYS_OF[kind]
        for key in self.KEYS[1:]:
            require(
                key in mine or settings.get(key) is None,
                f"`scheduler.{key}` has no meaning with `scheduler.stable` {kind}, which takes "
                f"{', '.join(mine) or 'no further key'}; remove it or change `stable`.",
            )
        values = {key: settings.get(key, _DEFAULTS.get(key)) for key in mine}
        self.span: Span | None = None
        for key in ("t_scale", "t_decay"):
            if key in mine:
                self.span = parse_span(f"scheduler.{key}", values[key])
                require(
                    self.span.amount > 0,
                    f"`scheduler.{key}` must be longer than 0, got {values[key]}.",
                )
        self.exponent = number("exponent", values.get("exponent", 0.5), 0, 10)
        self.low = number("alpha_stable", values.get("alpha_stable", 1.0), 0, 1)
        name = values.get("decay", "linear")
        self.decay = find_cooldown("scheduler.decay", name)
        require(
            name != "exponential" or self.low > 0,
            "`scheduler.alpha_stable` must be above 0 with `scheduler.decay` exponential.",
        )

    def on(self, run: Run, whole: Length, warmup: Length) -> Course:
        """The stage on a run's clocks.

        Raises:
            UserError: if its times cannot be counted on the clock of ``max_duration``.
        """
        if self.span is None:
            return lambda _: 1.0
        scale = length(self.span, run)
        for key, time in ((self.span.key, scale), ("scheduler.t_warmup", warmup)):
            require(
                time.clock == whole.clock,
                f"`{key}` must be counted in the {whole.clock} of `max_duration` with "
                f"`scheduler.stable` {self.kind}, got {time.clock}; give it in {whole.clock} "
                "or dur.",
            )
        require(
            self.kind != "power" or scale.amount >= warmup.amount,
            f"`{self.span.key}` {self.span.text} must not end before the warm-up with "
            "`scheduler.stable` power: it is where the power law leaves the peak.",
        )
        return lambda time: 1.0 if time is None else self._value(time, scale.amount, warmup.amount)

    def _value(self, time: Fraction, scale: Fraction, warmup: Fraction) -> float:
        if self.kind == "power":
            return power(float(time), float(scale), self.exponent)
        elapsed = max(0.0, float(time - warmup))
        if self.kind == "rsqrt":
            return rsqrt(elapsed, float(scale))
        return self.decay(1.0, self.low, min(1.0, elapsed / float(scale)))


def number(key: str, value: Any, low: float, high: float) -> float:
    """A number of the scheduler's section within limits.

    Raises:
        UserError: if it is none, or out of them.
    """
    fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    require(fits, f"`scheduler.{key}` must be a number in [{low:g}, {high:g}], got {value!r}.")
    return float(value)
