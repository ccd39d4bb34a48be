# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""ALiBi through torch's ``scaled_dot_product_attention`` with one bias shared by all layers.

The (1, H, T, T) bias does not depend on the batch or the layer, so it is built once for a context
length; keys and values of the shared heads are broadcast, not repeated. With a mask every layer
makes a (B, H, T, T) bias of it. fp32 only: a bf16 bias rounds distances above 256.
"""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention

from foundry_plugins.models.attention.alibi import relative_bias, shared_relative_bias
from foundry_plugins.models.attention.dtypes import check_dtype
from foundry_plugins.models.attention.visible import Visible, dense_mask


def sdpa_attention(
    q_BHTD: torch.Tensor,
    k_BKSD: torch.Tensor,
    v_BKSD: torch.Tensor,
    *,
    scale: float,
    mask: torch.Tensor | Visible | None = None,
    dropout_p: float = 0.0,
) -> torch.Tensor:
    """Same contract as `reference_attention`; raises UserError unless the inputs are fp32."""
    check_dtype("sdpa", q_BHTD.dtype)
    heads, queries, keys = q_BHTD.shape[1], q_BHTD.shape[2], k_BKSD.shape[2]
    if queries == keys:
        bias = shared_relative_bias(heads, keys, q_BHTD.device)
    else:
        bias = relative_bias(heads, queries, keys, q_BHTD.device)
    visible = dense_mask(mask)
    if visible is not None:
        bias = bias.masked_fill(~visible, torch.finfo(bias.dtype).min)
        # A row that is masked throughout must not be all -inf: softmax would give NaN.
        bias = bias.clamp(min=torch.finfo(bias.dtype).min)
    shape = (-1, heads, -1, -1)
    if k_BKSD.shape[1] not in (1, heads):
        repeats = heads // k_BKSD.shape[1]
        k_BKSD, v_BKSD = (x.repeat_interleave(repeats, dim=1) for x in (k_BKSD, v_BKSD))
    return scaled_dot_product_attention(
        q_BHTD, k_BKSD.expand(shape), v_BKSD.expand(shape), bias, dropout_p, scale=scale
    )
