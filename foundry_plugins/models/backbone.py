# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The transformer without its head; blocks, names and initialisation are MPT's."""

from __future__ import annotations

from typing import Any

import torch
from llmfoundry.models.layers.blocks import MPTBlock
from llmfoundry.models.layers.custom_embedding import SharedEmbedding
from llmfoundry.models.mpt.configuration_mpt import MPTConfig
from llmfoundry.models.mpt.modeling_mpt import MPTModel
from torch import nn
from transformers.modeling_outputs import BaseModelOutputWithPast

from foundry_plugins.contract.errors import UserError
from foundry_plugins.host import MaskingMPTModel
from foundry_plugins.models.attention.masks import causal_mask
from foundry_plugins.models.attention.visible import Visible
from foundry_plugins.models.blocks import block_class
from foundry_plugins.models.checks import OURS
from foundry_plugins.models.config import CodeMPTConfig
from foundry_plugins.models.positions import T5RelativeBias
from foundry_plugins.models.products import product, use_product


class Embedding(SharedEmbedding):
    """The host's table of embeddings, which is the output head too, with our `product`."""

    def forward(self, input: torch.Tensor, unembed: bool = False) -> torch.Tensor:
        """Embeddings of ids, or logits."""
        return product(input, self.weight) if unembed else super().forward(input)


class FoundryAttentionModel(MPTModel):
    """For Foundry's own attention types, which read an additive bias."""

    config_class = CodeMPTConfig

    def __init__(self, config: CodeMPTConfig) -> None:
        super().__init__(config)
        use_product(self, {SharedEmbedding: Embedding})

    @property
    def block_class(self) -> type[MPTBlock]:
        """Sequential or parallel."""
        return block_class(self.config.block_type)


class CodeMPTModel(MaskingMPTModel):
    """For the attention types of this package, which read a `Visible`, or T5's bias."""

    config_class = CodeMPTConfig

    def __init__(self, config: CodeMPTConfig) -> None:
        super().__init__(config)
        use_product(self, {SharedEmbedding: Embedding})
        self.max_seq_len: int = config.max_seq_len
        if not self.learned_pos_emb:
            self.allow_any_length()

    @property
    def block_class(self) -> type[MPTBlock]:
        """Sequential or parallel."""
        return block_class(self.config.block_type)

    def construct_blocks(self, config: MPTConfig) -> nn.ModuleList:
        """The blocks, and before them the one table that all of them share."""
        attention = config.attn_config
        self.t5_bias = None
        if attention.get("t5_bias"):
            self.t5_bias = T5RelativeBias(
                config.n_heads,
                attention.get("t5_bias_buckets", 32),
                attention.get("t5_bias_max_distance", 128),
                device=config.init_device,
            )
        window = attention["sliding_window_size"]
        self._window = None if window == -1 else window + 1
        return super().construct_blocks(config)

    # The host passes everything by keyword.
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, **inputs: Any
    ) -> BaseModelOutputWithPast:
        """The host's forward pass, after a look at the lengths."""
        present = inputs.get("input_ids")
        present = inputs["inputs_embeds"] if present is None else present
        past = inputs.get("past_key_values")
        self._queries = present.shape[1]
        # Keys are cached as (B, K, D, S).
        self._keys = self._queries + (past[0][0].shape[3] if past and len(past[0]) else 0)
        self._check_lengths(inputs.get("attention_mask"))
        return super().forward(**inputs)

    def _check_lengths(self, attention_mask: torch.Tensor | None) -> None:
        """Learned positions end; others go on, but training samples longer than that are a slip."""
        tokens = self._keys if self.learned_pos_emb else self._queries
        # Messages are made only where they are raised: torch.compile would make a graph for every
        # length that is written into one.
        if tokens > self.max_seq_len and (self.learned_pos_emb or self.training):
            raise UserError(
                f"`model.max_seq_len` is {self.max_seq_len}, got a sample of {tokens} tokens; "
                "shorten the samples (`max_seq_len` of the loader) or make the model's longer."
            )
        covered = self._keys if attention_mask is None else attention_mask.shape[1]
        if covered != self._keys:
            raise UserError(
                f"`attention_mask` must cover all {self._keys} tokens, those of `past_key_values` "
                f"included, got {covered}."
            )

    def visible_keys(
        self, attention_mask: torch.Tensor | None, sequence_id: torch.Tensor | None
    ) -> Visible | torch.Tensor | None:
        """Padding (B, S) and documents (B, T), or None if every key may be seen.

        With T5's bias the result is additive and complete: causality and window are in it, so that
        no layer builds it again. Its shape is (1, H, T, S), and with a padding or document mask
        (B, H, T, S).
        """
        seen = attention_mask
        # A compiled graph cannot depend on what a mask holds.
        if seen is not None and not torch.compiler.is_compiling() and bool(seen.all()):
            seen = None
        document = sequence_id if self.attn_uses_sequence_id else None
        if document is not None and document.shape[1] != self._keys:
            raise UserError(
                f"`sequence_id` must cover all {self._keys} tokens, got {document.shape[1]}; with "
                "`past_key_values` leave it out, which makes one document of the row."
            )
        visible = None
        if seen is not None or document is not None:
            visible = Visible(seen, document, self._queries, self._keys)
        return visible if self.t5_bias is None else self._biased(visible)

    def _biased(self, visible: Visible | None) -> torch.Tensor:
        assert self.t5_bias is not None
        bias = self.t5_bias(self._queries, self._keys)
        if visible is not None:
            mask = visible.causal_mask(self._window)
        elif self._window is not None and self._window < self._keys:
            mask = causal_mask(self._queries, self._keys, bias.device, self._window)
        else:
            return bias
        return bias.masked_fill(~mask, -torch.inf)


def backbone_class(config: Any) -> type[MPTModel]:
    """The class for a configuration's attention type."""
    return CodeMPTModel if config.attn_config["attn_type"] in OURS else FoundryAttentionModel
