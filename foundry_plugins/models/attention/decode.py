# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Attention of one new token over a cache: the heads that share keys are rows of one product.

    (B, H, 1, D) becomes (B, K, H / K, D):   q k^T is (H / K, D) (D, S) a group, the rest alike

With multi-query attention that is one matrix product a layer for all heads, and the cache is read
once instead of H times; nothing is repeated. ALiBi is one row of (H, S) numbers, made once for many
steps and all layers. Scores and softmax are fp32 whatever the inputs are.

Shapes: B batch, H query heads, K key/value heads, S keys (the query is the last), D head size.
"""

from __future__ import annotations

import functools

import torch
from torch.nn.functional import scaled_dot_product_attention

from foundry_plugins.models.attention.alibi import relative_bias


def decode_attention(
    q_BH1D: torch.Tensor,
    k_BKSD: torch.Tensor,
    v_BKSD: torch.Tensor,
    *,
    scale: float,
    mask: torch.Tensor | None = None,
    alibi: bool = False,
    window: int | None = None,
) -> torch.Tensor:
    """Attends from the last position; same results as the kernel of whole contexts.

    Args:
        q_BH1D: The queries of one token.
        k_BKSD: Keys, shared by H / K query heads each.
        v_BKSD: Values.
        scale: Factor on q k^T.
        mask: Broadcastable to (B, H, 1, S). Boolean: False hides a key, but not the query's own.
            Or additive and complete.
        alibi: Whether ALiBi is added.
        window: Keys that a query may see at most, itself included; None for all.

    Returns:
        (B, H, 1, D) in the dtype of ``q_BH1D``.
    """
    if window is not None:
        k_BKSD, v_BKSD = k_BKSD[:, :, -window:], v_BKSD[:, :, -window:]
        mask = None if mask is None else mask[..., -window:]
    batch, heads, _, size = q_BH1D.shape
    groups, keys = k_BKSD.shape[1:3]
    rows = (batch, groups, heads // groups, size)
    bias = _bias(mask, alibi, heads, keys, k_BKSD.device)
    if bias is not None and bias.shape[1] == heads:
        bias = bias.reshape(-1, groups, heads // groups, keys)
    attend = _products if _wide(q_BH1D) else scaled_dot_product_attention
    return attend(q_BH1D.reshape(rows), k_BKSD, v_BKSD, bias, scale=scale).reshape(q_BH1D.shape)


def _wide(q: torch.Tensor) -> bool:
    """Whether torch's kernel would add the fp32 bias in a narrower dtype, or not run at all."""
    return q.dtype == torch.float64 or (q.dtype != torch.float32 and q.device.type != "cpu")


def _products(
    q_BKGD: torch.Tensor,
    k_BKSD: torch.Tensor,
    v_BKSD: torch.Tensor,
    bias: torch.Tensor | None,
    *,
    scale: float,
) -> torch.Tensor:
    compute = torch.promote_types(q_BKGD.dtype, torch.float32)
    scores_BKGS = (q_BKGD.to(compute) * scale) @ k_BKSD.to(compute).transpose(2, 3)
    if bias is not None:
        scores_BKGS += bias
    return (torch.softmax(scores_BKGS, dim=-1) @ v_BKSD.to(compute)).to(q_BKGD.dtype)


def _bias(
    mask: torch.Tensor | None, alibi: bool, heads: int, keys: int, device: torch.device
) -> torch.Tensor | None:
    """What is added to the scores, fp32: (1, H, 1, S) with ALiBi, the mask's shape without."""
    bias = _alibi_row(heads, keys, device) if alibi else None
    if mask is None or mask.dtype != torch.bool:
        return bias if mask is None else mask.float()
    hidden = ~mask
    hidden[..., -1] = False
    if bias is None:
        bias = torch.zeros((), device=device)
    return bias.masked_fill(hidden, torch.finfo(bias.dtype).min)


def _alibi_row(heads: int, keys: int, device: torch.device) -> torch.Tensor:
    """(1, H, 1, S): the end of a longer row, since distances count back from the last key."""
    return _long_alibi_row(heads, 1 << keys.bit_length(), device)[..., -keys:]


@functools.lru_cache(maxsize=2)
def _long_alibi_row(heads: int, keys: int, device: torch.device) -> torch.Tensor:
    # A tensor made under inference_mode could not be used outside of it.
    with torch.inference_mode(False):
        return relative_bias(heads, 1, keys, device)
