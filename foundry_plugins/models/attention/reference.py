# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The definition of causal ALiBi attention, written plainly: the oracle of every other kernel.

    scores = scale * q k^T + slope * (j - i),  masked keys and j > i set to the dtype's minimum
    out    = dropout(softmax(scores)) v

Scores and softmax are fp32 whatever the inputs are. Memory: two (B, H, T, S) fp32 tensors.

Shapes: B batch, H query heads, K key/value heads (H % K == 0), T queries, S keys, D head size.
"""

from __future__ import annotations

import torch

from foundry_plugins.models.attention.alibi import relative_bias
from foundry_plugins.models.attention.visible import Visible, dense_mask


def reference_attention(
    q_BHTD: torch.Tensor,
    k_BKSD: torch.Tensor,
    v_BKSD: torch.Tensor,
    *,
    scale: float,
    mask: torch.Tensor | Visible | None = None,
    dropout_p: float = 0.0,
) -> torch.Tensor:
    """Attends causally with ALiBi; query t stands at position S - T + t.

    Args:
        q_BHTD: Queries.
        k_BKSD: Keys, shared by H / K query heads each.
        v_BKSD: Values.
        scale: Factor on q k^T.
        mask: A `Visible`, or boolean, broadcastable to (B, H, T, S); False hides a key. A query
            that sees no key (left padding) attends evenly instead of giving NaN.
        dropout_p: Probability of dropping an attention weight.

    Returns:
        (B, H, T, D) in the dtype of ``q_BHTD``.
    """
    heads, queries, keys = q_BHTD.shape[1], q_BHTD.shape[2], k_BKSD.shape[2]
    repeats = heads // k_BKSD.shape[1]
    k_BHSD = k_BKSD.repeat_interleave(repeats, dim=1)
    v_BHSD = v_BKSD.repeat_interleave(repeats, dim=1)
    # float64 inputs stay float64: tests use them as the yardstick.
    compute = torch.promote_types(q_BHTD.dtype, torch.float32)
    scores_BHTS = q_BHTD.to(compute) @ k_BHSD.to(compute).transpose(-1, -2) * scale
    scores_BHTS = scores_BHTS + relative_bias(heads, queries, keys, q_BHTD.device)
    lowest = torch.finfo(compute).min
    visible = dense_mask(mask)
    if visible is not None:
        scores_BHTS = scores_BHTS.masked_fill(~visible, lowest)
    weights_BHTS = torch.softmax(scores_BHTS.clamp(min=lowest), dim=-1)
    weights_BHTS = torch.dropout(weights_BHTS, dropout_p, train=dropout_p > 0)
    return (weights_BHTS @ v_BHSD.to(compute)).to(q_BHTD.dtype)
