# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Causal attention without ALiBi, through torch's ``scaled_dot_product_attention``.

For models whose positions come from elsewhere: learned, RoPE, T5's bias, or none. Without a mask
or a window no (T, S) tensor exists and SDPA's flash kernels apply. A window holds the ``window``
last keys, the query's own included (Beltagy et al. 2020, arXiv 2004.05150; Mistral's).

Shapes: B batch, H query heads, K key/value heads (H % K == 0), T queries, S keys, D head size.
"""

from __future__ import annotations

import functools

import torch
from torch.nn.functional import scaled_dot_product_attention

from foundry_plugins.models.attention.masks import causal_mask
from foundry_plugins.models.attention.visible import (
    Visible,
    by_segments,
    dense_causal_mask,
    worthwhile_segments,
)


def causal_attention(
    q_BHTD: torch.Tensor,
    k_BKSD: torch.Tensor,
    v_BKSD: torch.Tensor,
    *,
    scale: float,
    mask: torch.Tensor | Visible | None = None,
    window: int | None = None,
    dropout_p: float = 0.0,
) -> torch.Tensor:
    """Attends causally; query t stands at position S - T + t.

    Args:
        q_BHTD: Queries.
        k_BKSD: Keys, shared by H / K query heads each.
        v_BKSD: Values.
        scale: Factor on q k^T.
        mask: None; a `Visible`; or boolean, broadcastable to (B, 1, T, S), False hiding a key; or
            an additive bias that hides later keys itself, with which ``window`` is not read.
        window: Keys that a query may see at most, itself included; None for all.
        dropout_p: Probability of dropping an attention weight.

    Returns:
        (B, H, T, D) in the dtype of ``q_BHTD``.
    """
    queries, keys = q_BHTD.shape[2], k_BKSD.shape[2]
    if window is not None and window >= keys:
        window = None
    segments = worthwhile_segments(mask, q_BHTD)
    if segments is not None:
        attend = functools.partial(
            causal_attention, scale=scale, window=window, dropout_p=dropout_p
        )
        return by_segments(attend, q_BHTD, k_BKSD, v_BKSD, segments)
    if isinstance(mask, torch.Tensor) and mask.dtype != torch.bool:
        mask = mask.to(q_BHTD.dtype)
    elif mask is not None:
        mask = dense_causal_mask(mask, queries, keys, window)
    elif window is not None or 1 < queries < keys:
        mask = causal_mask(queries, keys, q_BHTD.device, window)
    heads, groups = q_BHTD.shape[1], k_BKSD.shape[1]
    # The flash kernels of a GPU share keys among heads; elsewhere that is slow, so they are spread:
    # by a view where all heads share one, by a copy otherwise.
    shared = groups not in (1, heads) and q_BHTD.is_cuda and mask is None
    if groups not in (1, heads) and not shared:
        k_BKSD, v_BKSD = (x.repeat_interleave(heads // groups, dim=1) for x in (k_BKSD, v_BKSD))
    elif groups == 1:
        k_BKSD, v_BKSD = (x.expand(-1, heads, -1, -1) for x in (k_BKSD, v_BKSD))
    return scaled_dot_product_attention(
        *(q_BHTD, k_BKSD, v_BKSD),
        attn_mask=mask,
        dropout_p=dropout_p,
        is_causal=mask is None and queries == keys,
        scale=scale,
        enable_gqa=shared,
    )
