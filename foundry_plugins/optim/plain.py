# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One step of Lion in torch operations, for any device and dtype: the fused paths' reference.

`lion_step_` has temporaries of the size of its tensors; callers hand it parts. `lion_steps_` is
the same for many small tensors of one dtype, without a call from Python for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from foundry_plugins.optim.reference import LEAST_AGREEMENT
from foundry_plugins.optim.rounding import round_stochastically

# Updated in fp32 and rounded once: two roundings would lose decay and small steps sooner.
_NARROW = (torch.bfloat16, torch.float16)


def lion_step_(
    p: Tensor,
    g: Tensor,
    m: Tensor,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    decay: float,
    factor: float | None = None,
    numbers: Tensor | None = None,
    room: Sequence[Tensor] | None = None,
) -> None:
    """`reference.lion_step` in place.

    The order of operations is that of Foundry's optimizer, so fp32 runs agree bit for bit.

    Args:
        p: Weights.
        g: Gradient, of the dtype of ``p``.
        m: Momentum; computed in fp32 where its dtype is not that of ``g``.
        lr: Learning rate of this step.
        beta1: Weight of the momentum in the direction.
        beta2: Weight of the momentum in its own average.
        decay: Share of the weight that this step removes.
        factor: Makes the step cautious: `caution_factor` of the whole tensor.
        numbers: Random integers, one an element, to round bf16 weights with.
        room: Three fp32 tensors of the shape of ``p`` for values in between, so that parts of a
            tensor share memory that is already in the cache.
    """
    # torch's operations on 16 bits are slower than a copy to fp32 and back.
    same = g.dtype == m.dtype and g.dtype not in _NARROW
    dtype = g.dtype if same else torch.float32
    wide_g, wide_m = _wide(g, dtype, room, 0), _wide(m, dtype, room, 1)
    # sign(c) with c = beta1 * m + (1 - beta1) * g
    direction = _room(room, 2, m, dtype)
    torch.lerp(wide_m, wide_g, 1 - beta1, out=direction).sign_()
    if factor is not None:
        direction.masked_fill_(direction != wide_g.sign(), 0.0)
        lr *= factor
    # m = beta2 * m + (1 - beta2) * g
    wide_m.lerp_(wide_g, 1 - beta2)
    if wide_m is not m:
        m.copy_(wide_m)
    # p = p * (1 - decay) - lr * sign(c)
    wide = _wide(p, torch.float32, room, 1) if p.dtype in _NARROW else p
    if decay != 0:
        wide.mul_(1 - decay)
    wide.add_(direction, alpha=-lr)
    if wide is not p:
        p.copy_(wide if numbers is None else round_stochastically(wide, numbers))


def _wide(x: Tensor, dtype: torch.dtype, room: Sequence[Tensor] | None, row: int) -> Tensor:
    return x if x.dtype == dtype else _room(room, row, x, dtype).copy_(x)


def _room(room: Sequence[Tensor] | None, row: int, like: Tensor, dtype: torch.dtype) -> Tensor:
    if room is None or dtype is torch.float64:
        return torch.empty_like(like, dtype=dtype)
    return room[row]


def lion_steps_(
    p: list[Tensor],
    g: list[Tensor],
    m: list[Tensor],
    *,
    room: Sequence[Tensor] | None = None,
    **rates: Any,
) -> None:
    """`lion_step_` for tensors of one dtype.

    Narrow ones are laid end to end for it and put back, which is cheaper than to widen each.
    """
    if p[0].dtype not in _NARROW:
        _steps_(p, g, m, **rates)
        return
    flat_p, flat_g, flat_m = map(_flatten_dense_tensors, (p, g, m))
    lion_step_(flat_p, flat_g, flat_m, room=room, **rates)
    torch._foreach_copy_(p, list(_unflatten_dense_tensors(flat_p, p)))
    torch._foreach_copy_(m, list(_unflatten_dense_tensors(flat_m, m)))


def _steps_(
    p: list[Tensor],
    g: list[Tensor],
    m: list[Tensor],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    decay: float,
) -> None:
    direction = torch._foreach_lerp(m, g, 1 - beta1)
    torch._foreach_sign_(direction)
    torch._foreach_lerp_(m, g, 1 - beta2)
    if decay != 0:
        torch._foreach_mul_(p, 1 - decay)
    torch._foreach_add_(p, direction, alpha=-lr)


def agreeing(g: Tensor, m: Tensor, beta1: float) -> int:
    """How many elements a cautious step moves: those whose direction has the gradient's sign."""
    wide_m, wide_g = (m, g) if m.dtype == g.dtype else (m.float(), g.float())
    direction = wide_m.lerp(wide_g, 1 - beta1).sign_()
    return int((direction * wide_g.sign() > 0).sum())


def caution_factor(agreeing: int, count: int) -> float:
    """How much further a cautious step moves what it moves, from counts of the whole tensor."""
    return 1 / max(agreeing / count, LEAST_AGREEMENT) if count else 1.0
