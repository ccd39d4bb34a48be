# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stochastic rounding of fp32 values to bf16, its randomness a hash instead of a generator.

A bf16 weight keeps 8 bits, so a step far below its last bit is lost by rounding to the nearest: at
lr 5e-5, 43 % of weights of size 0.02 never move. Rounding up with the probability of the part that
is cut off keeps the mean: bits below the cut get a uniform 16-bit number added, the rest is cut.
A value that bf16 holds is never changed.

The number of an element is H(H(low ^ k0) ^ k1 ^ high), with `low` and `high` the halves of its
index in the whole tensor, k0 and k1 the halves of `hash64(seed, step, tensor)`, and H the 32-bit
mixer "lowbias32" of Wellons' hash prospector (github.com/skeeto/hash-prospector, public domain).
So a run decides it, and no world size, order of tensors in memory or other draw does.
Source of the method: Zamirai et al. 2020, "Revisiting BFloat16 Training", arXiv 2010.06192.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, Replicate, Shard

from foundry_plugins.contract.stateless_hash import hash64

MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
_LOW = 0xFFFFFFFF


def key_of(seed: int, step: int, tensor: int) -> tuple[int, int]:
    """The two 32-bit halves of the key of a tensor's numbers at a step."""
    key = hash64("stochastic_rounding", seed, step, tensor)
    return key & _LOW, key >> 32


def random_numbers(count: int, first: int, key: tuple[int, int], device: torch.device) -> Tensor:
    """(count,) int64 numbers in [0, 2**32) of the elements from index ``first`` on."""
    element = torch.arange(first, first + count, dtype=torch.int64, device=device)
    return _mix(_mix((element & _LOW) ^ key[0]) ^ key[1] ^ (element >> 32))


def _mix(h: Tensor) -> Tensor:
    h = ((h ^ (h >> 16)) * MULTIPLIERS[0]) & _LOW
    h = ((h ^ (h >> 15)) * MULTIPLIERS[1]) & _LOW
    return h ^ (h >> 16)


def round_stochastically(x: Tensor, numbers: Tensor) -> Tensor:
    """fp32 ``x`` as bf16; ``numbers`` has one integer an element, of which 16 bits are used."""
    bits = x.contiguous().view(torch.int32)
    drawn = bits + (numbers.view(x.shape) & 0xFFFF).to(torch.int32)
    # Cut by arithmetic, which keeps the sign bit where it is.
    return (drawn >> 16 << 16).view(torch.float32).bfloat16()


def first_element(p: Tensor) -> int:
    """The index in the whole tensor of the first element of this rank's piece of it.

    Known for what FSDP2 makes, rows in equal pieces of which the last may be shorter. For other
    pieces, FSDP1's among them, each rank counts from 0 on its own: sound, but then the world size
    decides which number an element gets.
    """
    if not isinstance(p, DTensor):
        return 0
    sharded = [i for i, place in enumerate(p.placements) if not isinstance(place, Replicate)]
    if len(sharded) != 1 or type(p.placements[sharded[0]]) is not Shard or p.ndim == 0:
        return 0
    if not p.placements[sharded[0]].is_shard(0) or p.shape[0] == 0:
        return 0
    coordinate = p.device_mesh.get_coordinate()
    assert coordinate is not None
    rows_a_rank = -(-p.shape[0] // p.device_mesh.size(sharded[0]))
    row = min(coordinate[sharded[0]] * rows_a_rank, p.shape[0])
    return row * (p.numel() // p.shape[0])
