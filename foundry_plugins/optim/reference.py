# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One step of Lion, written as in the paper: the oracle of every faster form.

    c = beta1 * m + (1 - beta1) * g
    p = p * (1 - decay) - lr * sign(c)
    m = beta2 * m + (1 - beta2) * g

Source: Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", arXiv 2302.06675,
algorithm 2 (sign(0) = 0). `decay` is the share of the weight that this step removes; the two
conventions that give it are in `weight_decay.py`.
"""

from __future__ import annotations

from torch import Tensor


def lion_step(
    p: Tensor, g: Tensor, m: Tensor, *, lr: float, beta1: float, beta2: float, decay: float
) -> tuple[Tensor, Tensor]:
    """The parameter and the momentum after one step; the arguments are left as they are."""
    c = beta1 * m + (1 - beta1) * g
    return p * (1 - decay) - lr * c.sign(), beta2 * m + (1 - beta2) * g
