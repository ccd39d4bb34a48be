# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What of a parameter lies on this rank, and sums over the ranks that hold the rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch import distributed as dist
from torch.distributed.tensor import DTensor


def local(tensor: Tensor) -> Tensor:
    """This rank's shard of a DTensor; any other tensor as it is."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def local_gradient(p: Tensor, gradient: Tensor) -> Tensor:
    """This rank's shard of a gradient, laid out as that of its parameter."""
    # Under tensor parallelism a gradient can arrive as partial sums of the parameter's shards.
    if (
        isinstance(p, DTensor)
        and isinstance(gradient, DTensor)
        and gradient.placements != p.placements
    ):
        gradient = gradient.redistribute(p.device_mesh, p.placements)
    return local(gradient)


def sum_over_shards(parameters: Sequence[Tensor], counts: list[int]) -> list[int]:
    """Adds one number a parameter over the ranks that hold its shards.

    A collective operation where there are DTensors: all ranks call it with the same parameters.
    Numbers of other tensors stay as they are; FSDP1's flat pieces do not show where they belong.
    """
    totals = list(counts)
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, p in enumerate(parameters):
        if isinstance(p, DTensor):
            groups.setdefault((p.device_mesh, p.placements), []).append(i)
    for members in groups.values():
        p = parameters[members[0]]
        assert isinstance(p, DTensor)
        values = torch.tensor([counts[i] for i in members], device=local(p).device)
        for dimension, place in enumerate(p.placements):
            if not place.is_replicate():
                dist.all_reduce(values, group=p.device_mesh.get_group(dimension))
        for i, value in zip(members, values.tolist(), strict=True):
            totals[i] = value
    return totals


def replicas(p: Tensor) -> int:
    """How many ranks hold the same shard of a DTensor; 1 for any other tensor."""
    if not isinstance(p, DTensor):
        return 1
    sizes = (p.device_mesh.size(i) for i, place in enumerate(p.placements) if place.is_replicate())
    return int(torch.tensor([1, *sizes]).prod())


def is_rank_zero() -> bool:
    """Whether this process speaks for all."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0
