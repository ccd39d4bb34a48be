# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How the momentum is kept between steps: as the weights, in fp32, in bf16, or in 8 bits.

In 8 bits, each run of 64 elements along the last dimension shares one fp32 scale:

    scale = max |m| / 127        q = round(m / scale), an int8

1.06 bytes an element instead of 4. A run never leaves its row, so both tensors of the state have
the rows of the parameter, and whatever cuts a tensor into rows cuts them alike: FSDP2 and sharded
checkpoints re-shard them for any number of ranks. Tensors of fewer than two dimensions (biases,
norms) have no rows and keep the dtype of the weights.

Fp32 and bf16 momentum is called `exp_avg`, as in Foundry's Lion; an int8 one is called otherwise,
so that an optimizer that does not know the format fails at once instead of reading it as numbers.
Linear blocks are those of Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization",
arXiv 2110.02861, without its dynamic data type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from foundry_plugins.contract.errors import UserError
from foundry_plugins.optim.shards import local

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
BLOCK = 64

WIDE, QUANTISED, SCALE = "exp_avg", "exp_avg_int8", "exp_avg_scale"
State = dict[str, Any]


def create(p: Tensor, dtype: torch.dtype | None) -> State:
    """The state of a parameter before its first step: zero momentum, stored as ``dtype``."""
    if (wide := _wide_dtype(p, dtype)) is not None:
        return {WIDE: torch.zeros_like(p, dtype=wide)}
    return {QUANTISED: torch.zeros_like(p, dtype=torch.int8), SCALE: _zero_scales(p)}


def read(state: Mapping[str, Any]) -> Tensor:
    """This rank's momentum: the stored tensor itself, or an fp32 copy of a quantised one."""
    if WIDE in state:
        return local(state[WIDE])
    return dequantise(local(state[QUANTISED]), local(state[SCALE]))


def write(state: Mapping[str, Any], m: Tensor) -> None:
    """Stores this rank's momentum; nothing to do where `read` gave the stored tensor itself."""
    if WIDE in state:
        if m is not (stored := local(state[WIDE])):
            stored.copy_(m)
        return
    q, scale = quantise(m)
    local(state[QUANTISED]).copy_(q)
    local(state[SCALE]).copy_(scale)


def converted(saved: Mapping[str, Any], p: Tensor, dtype: torch.dtype | None) -> State:
    """A saved state, whatever format it is in, as a state of this parameter in ``dtype``."""
    state = create(p, dtype)
    if saved.keys() & {WIDE, QUANTISED}:
        with torch.no_grad():
            write(state, read(saved).to(device=local(p).device))
    return state


def is_cast_right(saved: Mapping[str, Any], p: Tensor, dtype: torch.dtype | None) -> bool:
    """Whether torch's way of loading a state, a cast to the weights' dtype, is right for it."""
    return WIDE in saved and _wide_dtype(p, dtype) == p.dtype


def _wide_dtype(p: Tensor, dtype: torch.dtype | None) -> torch.dtype | None:
    """What an unquantised momentum of a parameter is stored in; None for a quantised one."""
    if dtype is torch.int8:
        return p.dtype if p.ndim < 2 else None
    return p.dtype if dtype is None else dtype


def quantise(m: Tensor) -> tuple[Tensor, Tensor]:
    """int8 values of the shape (..., n) of ``m``, and fp32 scales (..., ceil(n / 64))."""
    n = m.shape[-1]
    blocks = torch.nn.functional.pad(m.float(), (0, -n % BLOCK)).unflatten(-1, (-1, BLOCK))
    scale = blocks.abs().amax(-1) / 127
    # A block of zeros stays one: 0 / 1.
    q = (blocks / torch.where(scale == 0, 1.0, scale).unsqueeze(-1)).round_()
    return q.flatten(-2)[..., :n].to(torch.int8), scale


def dequantise(q: Tensor, scale: Tensor) -> Tensor:
    """The fp32 values (..., n) of int8 values and their scales."""
    return q.float().mul_(scale.repeat_interleave(BLOCK, dim=-1)[..., : q.shape[-1]])


def _zero_scales(p: Tensor) -> Tensor:
    blocks = -(-p.shape[-1] // BLOCK)
    mine = torch.zeros((*local(p).shape[:-1], blocks), device=local(p).device)
    if not isinstance(p, DTensor):
        return mine
    if any(not (place.is_replicate() or place.is_shard(0)) for place in p.placements):
        raise UserError(
            "`optimizer.momentum_dtype` int8 needs parameters that are sharded by rows, got one "
            f"placed as {p.placements}: use bfloat16 with tensor parallelism."
        )
    shape = torch.Size((*p.shape[:-1], blocks))
    stride = torch.empty(shape, device="meta").stride()
    return DTensor.from_local(
        mine, p.device_mesh, p.placements, run_check=False, shape=shape, stride=stride
    )
