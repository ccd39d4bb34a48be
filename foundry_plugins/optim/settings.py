# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What an optimizer's settings must be, and the sentences that say so."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch

from foundry_plugins.contract.errors import UserError, did_you_mean, require
from foundry_plugins.optim.momentum import DTYPES


class Options(NamedTuple):
    """How steps are made, the same for all groups.

    Attributes:
        cautious: Move only what agrees with the gradient (arXiv 2411.16085).
        momentum_dtype: How momentum is stored; None for the dtype of the weights.
        stochastic_rounding: Round bf16 weights up or down at random, by a hash.
        seed: Of stochastic rounding.
        compiled: Use compiled kernels where they fit.
    """

    cautious: bool
    momentum_dtype: torch.dtype | None
    stochastic_rounding: bool
    seed: int
    compiled: bool


def options(
    *,
    cautious: Any,
    momentum_dtype: Any,
    stochastic_rounding: Any,
    seed: Any,
    compiled: Any,
) -> Options:
    """The options of a YAML, checked."""
    if momentum_dtype is not None and momentum_dtype not in DTYPES:
        raise UserError(
            f"`optimizer.momentum_dtype` must be one of {', '.join(DTYPES)}, or left out for the "
            f"dtype of the weights, got {momentum_dtype!r}"
            f"{did_you_mean(str(momentum_dtype), DTYPES)}."
        )
    whole = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63
    require(whole, f"`optimizer.seed` must be an integer of at least 0, got {seed!r}.")
    return Options(
        cautious=boolean("cautious", cautious),
        momentum_dtype=None if momentum_dtype is None else DTYPES[momentum_dtype],
        stochastic_rounding=boolean("stochastic_rounding", stochastic_rounding),
        seed=seed,
        compiled=boolean("compiled", compiled),
    )


def boolean(key: str, value: Any) -> bool:
    """A setting that is true or false."""
    require(isinstance(value, bool), f"`optimizer.{key}` must be true or false, got {value!r}.")
    return value


def non_negative(key: str, value: Any) -> float:
    """A setting that is a finite number of at least 0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        hint = " (write 1.0e-4, not 1e-4)" if isinstance(value, str) else ""
        raise UserError(f"`optimizer.{key}` must be a number of at least 0, got {value!r}{hint}.")
    return float(value)


def two_betas(value: Any) -> tuple[float, float]:
    """A pair of numbers in [0, 1)."""
    betas = list(value) if isinstance(value, list | tuple) else []
    numbers = [b for b in betas if isinstance(b, int | float) and 0 <= b < 1]
    require(
        len(betas) == 2 and len(numbers) == 2,
        f"`optimizer.betas` must be two numbers in [0, 1), e.g. [0.95, 0.98], got {value!r}.",
    )
    return float(betas[0]), float(betas[1])
