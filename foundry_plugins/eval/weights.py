# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Tells weights from others, wherever their parts lie."""

from __future__ import annotations

import torch
from torch import distributed as dist
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.tensor import DTensor, Replicate

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def is_sharded(model: torch.nn.Module) -> bool:
    """Whether ranks hold parts of the parameters, so that all of them must compute together."""
    return any(isinstance(p, DTensor) for p in model.parameters()) or any(
        isinstance(module, FullyShardedDataParallel) for module in model.modules()
    )


def checksum(model: torch.nn.Module) -> str:
    """The sum of all parameters' bit patterns, taken as integers, modulo 2 ** 64.

    Integers add up exactly and in any order, so that ranks and shards change nothing: padding of
    shards is zeros. All ranks must call this.

    Returns:
        16 hexadecimal digits, equal on all ranks.
    """
    parameters = list(model.parameters())
    total = torch.zeros((), dtype=torch.int64, device=parameters[0].device)
    for parameter in parameters:
        if isinstance(parameter, DTensor):
            total += _bits(parameter.to_local()) if _is_first_copy(parameter) else 0
        else:
            total += _bits(parameter)
    if is_sharded(model):
        dist.all_reduce(total)
    return f"{int(total) % (1 << 64):016x}"


def _bits(values: torch.Tensor) -> torch.Tensor:
    flat = values.detach().reshape(-1)
    return flat.view(_INTEGERS[flat.element_size()]).sum(dtype=torch.int64)


def _is_first_copy(parameter: DTensor) -> bool:
    """Whether no rank before this one holds the same part."""
    place = parameter.device_mesh.get_coordinate() or []
    return not any(
        isinstance(placement, Replicate) and coordinate > 0
        for placement, coordinate in zip(parameter.placements, place, strict=True)
    )
