# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The step of Lion over many CUDA tensors as one launch, in Triton.

As in `kernels.py` a launch takes a table of addresses; each program does one chunk of one tensor.
20 bytes a parameter move in fp32, the least there is, where separate torch operations move 52.
Which chunk is whose depends on sizes alone and stays on the device; a step sends the table, 64
bytes a tensor.

The compiler may join the decay's product and the step's sum into one rounding, so a weight can
differ from that of `plain.py` by its last bit. Random numbers are those of `rounding.py`.
"""

from __future__ import annotations

import functools
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from foundry_plugins.optim.compiled import Table

_CHUNK = 4096
_TYPES = {torch.float32: tl.float32, torch.bfloat16: tl.bfloat16}


@triton.jit
def _mixed(h):
    h = (h ^ (h >> 16)) * 0x7FEB352D
    h = (h ^ (h >> 15)) * 0x846CA68B
    return h ^ (h >> 16)


@triton.jit
def _lerp(m, g, weight):
    near = weight < 0.5
    return tl.fma(
        tl.where(near, weight, weight - 1.0) + tl.zeros_like(m), g - m, tl.where(near, m, g)
    )


@triton.jit
def _sign(x):
    return (x > 0).to(tl.float32) - (x < 0).to(tl.float32)


@triton.jit
def _step(
    owners,
    rows,
    rates,
    keys,
    tensors,
    P_TYPE: tl.constexpr,
    M_TYPE: tl.constexpr,
    CAUTIOUS: tl.constexpr,
    ROUNDED: tl.constexpr,
    ALIGNED: tl.constexpr,
    CHUNK: tl.constexpr,
):
    # Triton reads annotations, so there are none but its own.
    # owners (programs, 2): which tensor, and the chunk in it. rows (6, tensors), rates and keys
    # with a row a tensor, as told in kernels.py.
    program = tl.program_id(0)
    r = tl.load(owners + 2 * program)
    begin = tl.load(owners + 2 * program + 1).to(tl.int64) * CHUNK
    at_p = tl.load(rows + r).to(tl.pointer_type(P_TYPE))  # pyright: ignore[reportArgumentType]
    at_g = tl.load(rows + tensors + r).to(tl.pointer_type(P_TYPE))  # pyright: ignore[reportArgumentType]
    at_m = tl.load(rows + 2 * tensors + r).to(tl.pointer_type(M_TYPE))  # pyright: ignore[reportArgumentType]
    count = tl.load(rows + 3 * tensors + r)
    if ALIGNED:
        count = tl.multiple_of(count, 16)
        at_p = tl.multiple_of(at_p, 16)
        at_g = tl.multiple_of(at_g, 16)
        at_m = tl.multiple_of(at_m, 16)
    i = begin + tl.arange(0, CHUNK)
    inside = i < count
    g = tl.load(at_g + i, mask=inside, other=0.0).to(tl.float32)
    m = tl.load(at_m + i, mask=inside, other=0.0).to(tl.float32)
    p = tl.load(at_p + i, mask=inside, other=0.0).to(tl.float32)
    direction = _sign(_lerp(m, g, tl.load(rates + 4 * r + 2)))
    if CAUTIOUS:
        direction = tl.where(direction == _sign(g), direction, 0.0)
    p = p * tl.load(rates + 4 * r) + tl.load(rates + 4 * r + 1) * direction
    if ROUNDED:
        element = i + tl.load(rows + 5 * tensors + r)
        low = (element & 0xFFFFFFFF).to(tl.uint32)
        high = (element >> 32).to(tl.uint32)
        h = _mixed(low ^ tl.load(keys + 2 * r).to(tl.uint32))
        h = _mixed(h ^ tl.load(keys + 2 * r + 1).to(tl.uint32) ^ high)
        bits = (p.to(tl.uint32, bitcast=True) + (h & 0xFFFF)) >> 16
        tl.store(at_p + i, bits.to(tl.uint16).to(tl.bfloat16, bitcast=True), mask=inside)
    else:
        tl.store(at_p + i, p.to(P_TYPE), mask=inside)
    tl.store(at_m + i, _lerp(m, g, tl.load(rates + 4 * r + 3)).to(M_TYPE), mask=inside)


def launch(table: Table, p_dtype: torch.dtype, m_dtype: torch.dtype, device: torch.device) -> None:
    """The step of a table of tensors on one device.

    One launch, or two: tensors whose addresses and sizes are multiples of 16 are read in larger
    words than the others.
    """
    aligned = (table.rows[:4] % 16 == 0).all(axis=0)
    for is_aligned in (True, False):
        chosen = aligned == is_aligned
        keys = None if table.keys is None else table.keys[chosen]
        part = Table(table.rows[:, chosen], table.rates[chosen], keys, table.cautious)
        owners = _owners(tuple(part.rows[3].tolist()), device)
        if len(owners) > 0:
            _launch(part, owners, p_dtype, m_dtype, is_aligned)


def _launch(
    table: Table, owners: Tensor, p_dtype: torch.dtype, m_dtype: torch.dtype, is_aligned: bool
) -> None:
    rows, rates = _sent(table.rows, owners.device), _sent(table.rates, owners.device)
    keys = rows if table.keys is None else _sent(table.keys.astype(np.int64), owners.device)
    options: dict[str, Any] = {
        "P_TYPE": _TYPES[p_dtype],
        "M_TYPE": _TYPES[m_dtype],
        "CAUTIOUS": table.cautious,
        "ROUNDED": table.keys is not None,
        "ALIGNED": is_aligned,
        "CHUNK": _CHUNK,
        "num_warps": 8,
    }
    with torch.cuda.device(owners.device) if owners.is_cuda else nullcontext():
        _step[(len(owners),)](owners, rows, rates, keys, table.rows.shape[1], **options)


def _sent(array: np.ndarray, device: torch.device) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


@functools.lru_cache(maxsize=16)
def _owners(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    """(programs, 2) int32: the tensor of each program and the chunk of it."""
    chunks = np.array([-(-size // _CHUNK) for size in sizes], dtype=np.int64)
    tensor = np.repeat(np.arange(len(sizes)), chunks)
    chunk = np.arange(len(tensor)) - np.repeat(np.cumsum(chunks) - chunks, chunks)
    return torch.from_numpy(np.stack([tensor, chunk], axis=1).astype(np.int32)).to(device)
