# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The two conventions of weight decay, and the one number that both come to.

With ``lr`` the learning rate of the step and ``initial_lr`` its peak, a step multiplies weights by

    lr_coupled   1 - lr * weight_decay               google/automl, lion-pytorch, timm, bitsandbytes
    decoupled    1 - weight_decay * lr / initial_lr  LLM Foundry's decoupled optimizers

so ``lr_coupled`` with wd is ``decoupled`` with wd * initial_lr: one trajectory, two numbers that
differ by four orders of magnitude (Refact's lr 5e-5 and wd 0.8 are 4e-5 when decoupled). A value
copied from one convention into the other either does nothing or destroys the model, hence the
explicit mode and the limit.
"""

from __future__ import annotations

import math

from foundry_plugins.contract.errors import UserError, did_you_mean, require

MODES = ("lr_coupled", "decoupled")

# Shrinking by 1 % a step halves a weight in 69 steps; published recipes are near 1e-4.
LARGEST_SHRINKAGE = 0.01


def shrinkage_per_step(weight_decay: float, mode: str | None, lr: float) -> float:
    """The share of a weight that one step at the peak learning rate ``lr`` removes.

    It is also the weight decay in the decoupled convention.

    Raises:
        UserError: if ``mode`` is unknown, or missing where there is decay.
    """
    if mode is None:
        require(
            weight_decay == 0,
            "`optimizer.weight_decay_mode` is missing: `optimizer.weight_decay` is "
            f"{weight_decay:g}, which shrinks weights by {lr * weight_decay:g} a step if "
            f"lr_coupled and by {weight_decay:g} if decoupled; say which of the two is meant.",
        )
        return 0.0
    if mode not in MODES:
        raise UserError(
            f"`optimizer.weight_decay_mode` must be one of {', '.join(MODES)}, "
            f"got {mode!r}{did_you_mean(str(mode), MODES)}."
        )
    return lr * weight_decay if mode == "lr_coupled" else weight_decay


def check_shrinkage(shrinkage: float, weight_decay: float, mode: str | None, allow: bool) -> None:
    """Raises `UserError` above `LARGEST_SHRINKAGE` unless ``allow``."""
    require(
        allow or shrinkage <= LARGEST_SHRINKAGE or math.isclose(shrinkage, LARGEST_SHRINKAGE),
        f"`optimizer.weight_decay` {weight_decay:g} ({mode}) would shrink the weights by "
        f"{shrinkage:.3g} at every step, more than {LARGEST_SHRINKAGE:g}; lower it, or check "
        "`optimizer.weight_decay_mode` (recipes of other Lion implementations are lr_coupled), "
        "or set `optimizer.allow_large_weight_decay: true`.",
    )
