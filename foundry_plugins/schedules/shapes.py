# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Shapes: pure functions of progress in [0, 1] that fall from 1 to 0.

A shape is one function under ``@shape("name")``; every component that takes a shape finds it by
that name. The cooldown shapes are those of Hägele et al. 2024, "Scaling Laws and Compute-Optimal
Training Beyond Fixed Training Durations" (arXiv 2405.18392), whose choice is ``1-sqrt``.

A cooldown is a shape between two values; ``exponential`` is one that no shape gives, since where it
ends decides how it falls.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from foundry_plugins.contract.errors import UserError, did_you_mean

Shape = Callable[[float], float]
# (value at the start, value at the end, progress in [0, 1]) -> value
Cooldown = Callable[[float, float, float], float]

SHAPES: dict[str, Shape] = {}


def shape(name: str) -> Callable[[Shape], Shape]:
    """Registers the decorated function under ``name``."""

    def register(function: Shape) -> Shape:
        SHAPES[name] = function
        return function

    return register


def find_shape(key: str, name: object) -> Shape:
    """The shape called ``name``.

    Args:
        key: Dotted YAML key that holds the name, for the error.
        name: What the YAML says.

    Raises:
        UserError: if there is no such shape.
    """
    if not isinstance(name, str) or name not in SHAPES:
        raise UserError(
            f"`{key}` must be one of {', '.join(SHAPES)}, "
            f"got {name!r}{did_you_mean(str(name), SHAPES)}."
        )
    return SHAPES[name]


@shape("1-sqrt")
def one_minus_sqrt(x: float) -> float:
    """``1 - sqrt(x)``: steep at first, long at low values."""
    return 1 - math.sqrt(x)


@shape("linear")
def linear(x: float) -> float:
    """``1 - x``."""
    return 1 - x


@shape("cosine")
def cosine(x: float) -> float:
    """``(1 + cos(pi x)) / 2``: flat at both ends."""
    return (1 + math.cos(math.pi * x)) / 2


@shape("mirror-cosine")
def mirror_cosine(x: float) -> float:
    """``2 (1 - x) - cosine(x)``: the cosine mirrored at the line, steep at both ends."""
    return 2 * linear(x) - cosine(x)


@shape("square")
def square(x: float) -> float:
    """``1 - x^2``: flat at first, steep at the end."""
    return 1 - x * x


def exponential(start: float, end: float, x: float) -> float:
    """``start * (end / start)^x``: in equal ratios, so ``end`` must be above 0.

    Hägele et al.'s "exp"; MiniCPM's (arXiv 2404.06395) ``0.5^(t/H)`` over a cooldown of C is the
    same with ``end = start * 0.5^(C/H)``.
    """
    return start * (end / start) ** x


def find_cooldown(key: str, name: object) -> Cooldown:
    """The cooldown called ``name``: ``exponential``, or a shape.

    Args:
        key: Dotted YAML key that holds the name, for the error.
        name: What the YAML says.

    Raises:
        UserError: if there is none.
    """
    if name == "exponential":
        return exponential
    if name not in SHAPES:
        names = (*SHAPES, "exponential")
        raise UserError(
            f"`{key}` must be one of {', '.join(names)}, "
            f"got {name!r}{did_you_mean(str(name), names)}."
        )
    shape = SHAPES[str(name)]
    return lambda start, end, x: end + (start - end) * shape(x)


def rsqrt(elapsed: float, scale: float) -> float:
    """``1 / sqrt(1 + elapsed / scale)``, with ``elapsed`` counted from the end of the warm-up.

    Zhai et al. 2022, "Scaling Vision Transformers" (arXiv 2106.04560); big_vision's ``rsqrt`` and
    LLM Foundry's ``inv_sqrt_with_warmup`` agree in it, and differ in how they cool down.
    """
    return 1 / math.sqrt(1 + max(0.0, elapsed) / scale)


def power(now: float, scale: float, exponent: float) -> float:
    """``min(1, (now / scale)^-exponent)``, with ``now`` counted from the start of the run.

    Shen et al. 2024, "Power Scheduler" (arXiv 2408.13359): ``min(peak, a n^b)`` over n tokens, with
    b = -0.51. ``scale`` is the n at which the power law passes the peak.
    """
    return 1.0 if now <= scale else (now / scale) ** -exponent


def multiplier(
    warm: float, stable: float, stable_at_cooldown: float, x: float, cooldown: Cooldown, end: float
) -> float:
    """The multiplier of the peak learning rate: the smaller of the warm-up and what follows it.

    The smaller, since a warm-up in one unit of time may still run as a cooldown in another begins.

    Args:
        warm: Value of the warm-up; 1 after it.
        stable: Value of the stable stage at this time.
        stable_at_cooldown: Its value where the cooldown begins.
        x: Progress of the cooldown; at most 0 before it.
        cooldown: How it falls from there to ``end``.
        end: Value at the end of the run.
    """
    if x > 0:
        stable = cooldown(stable_at_cooldown, end, min(1.0, x))
    return min(warm, stable)
