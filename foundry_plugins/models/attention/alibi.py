# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Attention with linear biases (ALiBi; Press et al. 2022, arXiv 2108.12409).

Head h adds slope[h] * (j - i) to the score of query i and key j <= i. Slopes are a geometric
sequence from 2**(-8/P) where P is the number of heads rounded up to a power of two (section 3):
for 8 heads 1/2, 1/4, ... 1/256. When P exceeds the number of heads, every second slope of the
longer sequence comes first, then the ones between, cut to the number of heads.

Shapes: H query heads, T queries, S keys (S >= T; the last query sees every key).
"""

from __future__ import annotations

import functools

import torch

_MAX_BIAS = 8.0


def alibi_slopes(n_heads: int) -> torch.Tensor:
    """The slopes, fp32, shape (H,), all positive."""
    power = 1 << (n_heads - 1).bit_length()
    exponents = torch.arange(1, power + 1, dtype=torch.float64) * (-_MAX_BIAS / power)
    slopes = torch.exp2(exponents)
    if power != n_heads:
        slopes = torch.cat([slopes[1::2], slopes[0::2]])[:n_heads]
    return slopes.float()


def relative_bias(n_heads: int, queries: int, keys: int, device: torch.device) -> torch.Tensor:
    """Causal ALiBi bias, fp32, shape (1, H, T, S): -inf where the key lies after the query.

    Distances are taken before scaling, so that near keys keep all their digits however long the
    sequence is (a bias anchored at the last key loses them).
    """
    i_T1 = torch.arange(keys - queries, keys, device=device).unsqueeze(1)
    j_1S = torch.arange(keys, device=device).unsqueeze(0)
    distance_TS = j_1S - i_T1
    bias_HTS = alibi_slopes(n_heads).to(device).view(-1, 1, 1) * distance_TS
    return bias_HTS.masked_fill(distance_TS > 0, float("-inf")).unsqueeze(0)


@functools.lru_cache(maxsize=2)
def shared_relative_bias(n_heads: int, length: int, device: torch.device) -> torch.Tensor:
    """`relative_bias` of a square context, kept so that all layers and steps share one tensor."""
    # A tensor made under inference_mode could not be saved for a later backward pass.
    with torch.inference_mode(False):
        return relative_bias(n_heads, length, length, device)
