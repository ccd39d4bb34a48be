# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What Composer's `optimizer_monitor` logs of an optimizer: norms a parameter.

At the end of a batch the monitor asks `report_per_parameter_metrics` for each parameter and, where
the model is sharded, `pre_reduce_metrics` and `dist_reduce_metrics` for the values of all ranks.
The names are those of Foundry's optimizers:

    l2_norm/moment, l2_norm/param, l2_norm/update, l2_norm/grad

Norms are of this rank's shard until they are reduced: squared, divided by the number of ranks that
hold the same shard, summed, and rooted. The update is what the step added to the weight (before
caution and rounding), found from what there is after it:

    m_before = (m - (1 - beta2) * g) / beta2
    update = (-lr * sign(c) - decay * p) / (1 - decay)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from foundry_plugins.optim import momentum
from foundry_plugins.optim.shards import local, local_gradient


def norms(p: Tensor, state: dict[str, Any], group: dict[str, Any], decay: float) -> dict[str, Any]:
    """Metric names and local norms of a parameter that has a gradient.

    Without a state, which the first step makes, there are only those of the weight and gradient.
    """
    assert p.grad is not None
    weight, g = local(p), local_gradient(p, p.grad)
    tensors = {"param": weight, "grad": g}
    if state:
        m = momentum.read(state)
        tensors |= {"moment": m, "update": _update(weight, g, m, group, decay)}
    return {
        f"l2_norm/{name}": torch.linalg.vector_norm(x, dtype=torch.float32)
        for name, x in tensors.items()
    }


def _update(weight: Tensor, g: Tensor, m: Tensor, group: dict[str, Any], decay: float) -> Tensor:
    beta1, beta2 = group["betas"]
    g, m = g.float(), m.float()
    before = (m - (1 - beta2) * g) / beta2 if beta2 > 0 else m
    direction = before.lerp(g, 1 - beta1).sign_()
    update = direction.mul_(-group["lr"]).sub_(weight.float(), alpha=decay)
    return update / (1 - decay) if decay < 1 else update


def reduced(squares: dict[str, Any]) -> dict[str, Any]:
    """The norms of whole parameters from every rank's squares; a collective operation.

    Ranks may know different names: under FSDP1 a rank holds nothing of some parameters.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return {name: torch.as_tensor(square).sqrt() for name, square in squares.items()}
    everyone: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, list(squares))
    names = sorted({name for known in everyone for name in known})
    device = next((x.device for x in squares.values() if isinstance(x, Tensor)), None)
    device = _device() if device is None else device
    total = torch.stack(
        [torch.as_tensor(squares.get(n, 0.0), dtype=torch.float32, device=device) for n in names]
    )
    dist.all_reduce(total)
    return dict(zip(names, total.sqrt(), strict=True))


def _device() -> torch.device:
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
