# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered attention class for every kind of position but ALiBi."""

from __future__ import annotations

from typing import Any

import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.models.attention.base import KernelAttention, visible_keys
from foundry_plugins.models.attention.causal import causal_attention
from foundry_plugins.models.attention.visible import Visible


class CausalAttention(KernelAttention):
    """Causal self-attention for learned positions, RoPE, T5's relative bias, or none.

    Foundry's classes do the same through a softmax over a whole (B, H, T, T) tensor unless
    flash-attn is installed, and know no T5 bias; here torch's own kernels do it on any device.

    ``kv_n_heads`` (default: as many as query heads) gives multi-head, grouped-query or multi-query
    attention. ``sliding_window_size`` counts the keys before the query's own that it may see, as in
    Foundry: 4095 for a window of 4096. ``t5_bias``, ``t5_bias_buckets`` and
    ``t5_bias_max_distance``: see ``positions.py``; the table belongs to ``code_mpt_causal_lm``.

    Example:
        ```yaml
        model:
          name: code_mpt_causal_lm
          attn_config:
            attn_type: causal_attention
            alibi: false
            rope: true
            kv_n_heads: 2
            sliding_window_size: 31
        ```

    Raises:
        UserError: at construction, for an option that this class cannot do.
    """

    def __init__(
        self,
        n_heads: int,
        kv_n_heads: int | None = None,
        sliding_window_size: int = -1,
        t5_bias: bool = False,
        t5_bias_buckets: int = 32,
        t5_bias_max_distance: int = 128,
        **options: Any,
    ) -> None:
        super().__init__(
            "causal_attention",
            free=("sliding_window_size",),
            n_heads=n_heads,
            kv_n_heads=n_heads if kv_n_heads is None else kv_n_heads,
            sliding_window_size=sliding_window_size,
            **options,
        )
        self.window = None if sliding_window_size == -1 else sliding_window_size + 1
        self.t5_bias = t5_bias

    def attend(
        self,
        q_BHTD: torch.Tensor,
        k_BKSD: torch.Tensor,
        v_BKSD: torch.Tensor,
        bias: torch.Tensor | Visible | None,
        dropout_p: float,
    ) -> torch.Tensor:
        """See the base class."""
        if self.t5_bias:
            if (
                not isinstance(bias, torch.Tensor)
                or bias.dtype == torch.bool
                or bias.shape[1] != self.n_heads
            ):
                raise UserError(
                    "`model.attn_config.t5_bias` needs the model code_mpt_causal_lm, which holds "
                    "the table of biases; choose it, or set t5_bias to false."
                )
            mask: torch.Tensor | Visible | None = bias
        else:
            mask = visible_keys(bias, k_BKSD.shape[2])
        assert self.softmax_scale is not None  # the host fills it in
        return causal_attention(
            *(q_BHTD, k_BKSD, v_BKSD),
            scale=self.softmax_scale,
            mask=mask,
            window=self.window,
            dropout_p=dropout_p,
        )
