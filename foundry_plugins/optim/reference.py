# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One step of Lion, written as in the paper: the oracle of every faster form.

    c = beta1 * m + (1 - beta1) * g
    p = p * (1 - decay) - lr * sign(c)
    m = beta2 * m + (1 - beta2) * g

Source: Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", arXiv 2302.06675,
algorithm 2 (sign(0) = 0). `decay` is the share of the weight that this step removes; the two
conventions that give it are in `weight_decay.py`.

The cautious form (Liang et al. 2024, "Cautious Optimizers", arXiv 2411.16085) moves only the
elements whose direction has the sign of the gradient, further by what the others do not move:

    sign(c)  becomes  sign(c) * (c * g > 0) / max(share of elements with c * g > 0, 0.001)

with the share taken over the tensor. The lower limit is that of the authors' code; the paper
divides by one element more than agree.
"""

from __future__ import annotations

from torch import Tensor

LEAST_AGREEMENT = 1e-3


def lion_step(
    p: Tensor,
    g: Tensor,
    m: Tensor,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    decay: float,
    cautious: bool = False,
) -> tuple[Tensor, Tensor]:
    """The parameter and the momentum after one step; the arguments are left as they are."""
    c = beta1 * m + (1 - beta1) * g
    direction = c.sign()
    if cautious:
        agrees = (direction * g.sign() > 0).to(p.dtype)
        direction = direction * agrees / agrees.mean().clamp(min=LEAST_AGREEMENT)
    return p * (1 - decay) - lr * direction, beta2 * m + (1 - beta2) * g
