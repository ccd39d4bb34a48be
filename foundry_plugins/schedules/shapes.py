# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Shapes: pure functions of progress in [0, 1] that fall from 1 to 0.

A shape is one function under ``@shape("name")``; every component that takes a shape finds it by
that name. The cooldown shapes are those of Hägele et al. 2024, "Scaling Laws and Compute-Optimal
Training Beyond Fixed Training Durations" (arXiv 2405.18392), whose choice is ``1-sqrt``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from foundry_plugins.contract.errors import UserError, did_you_mean

Shape = Callable[[float], float]

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


def warmup_stable_decay(
    warmup_progress: float, cooldown_progress: float, cooldown: Shape, alpha_f: float
) -> float:
    """The multiplier of the peak learning rate, with both progresses limited to [0, 1].

    Linear from 0 to 1, then 1, then ``alpha_f + (1 - alpha_f) * cooldown``. Where a warm-up in one
    unit of time still runs as a cooldown in another begins, the smaller of the two holds.
    """
    warm = min(1.0, max(0.0, warmup_progress))
    x = min(1.0, max(0.0, cooldown_progress))
    return min(warm, alpha_f + (1 - alpha_f) * cooldown(x))
