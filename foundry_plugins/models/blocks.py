# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The two blocks of ``code_mpt_causal_lm``.

    sequential    x = x + attention(norm_1(x));  x = x + mlp(norm_2(x))
    parallel      a = norm_1(x);                 x = x + attention(a) + mlp(a)

The parallel one has a single norm and lets both matrix products start from the same input: GPT-J's
block, and PaLM's (Chowdhery et al. 2022, arXiv 2204.02311, section 2), which found it 15 % faster
at large scale and no worse from 62B parameters on. Refact's blog describes it as LLaMA's; LLaMA and
the released Refact-1.6B are sequential.
"""

from __future__ import annotations

from typing import Any

import torch
from llmfoundry.models.layers.blocks import MPTBlock

SEQUENTIAL, PARALLEL = "sequential", "parallel"
BLOCK_TYPES = (SEQUENTIAL, PARALLEL)


class ParallelMPTBlock(MPTBlock):
    """Attention and MLP side by side.

    A subclass because the host finds blocks to shard and to checkpoint by this type.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.norm_2 = None

    # The host passes all but x by keyword.
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        x: torch.Tensor,
        past_key_value: tuple[torch.Tensor, torch.Tensor] | None = None,
        attn_bias: torch.Tensor | None = None,
        rotary_emb_w_meta_info: dict[str, Any] | None = None,
        attention_mask: torch.Tensor | None = None,
        is_causal: bool = True,
        output_attentions: bool = False,
        **attention_inputs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, tuple[torch.Tensor, torch.Tensor] | None]:
        """The host's contract: the new x, attention weights or None, the layer's new cache."""
        a = self.norm_1(x)
        attended, weights, past_key_value = self.attn(
            a,
            past_key_value=past_key_value,
            attn_bias=attn_bias,
            rotary_emb_w_meta_info=rotary_emb_w_meta_info,
            attention_mask=attention_mask,
            is_causal=is_causal,
            needs_weights=output_attentions,
            **attention_inputs,
        )
        mlp = self.apply_ffn(attention_mask, a)  # type: ignore[arg-type]
        x = x + (self.resid_attn_dropout(attended) + self.resid_ffn_dropout(mlp))
        return x, weights, past_key_value


def block_class(block_type: str) -> type[MPTBlock]:
    """The class of a ``block_type``."""
    return ParallelMPTBlock if block_type == PARALLEL else MPTBlock
