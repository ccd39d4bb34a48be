# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered model ``code_mpt_causal_lm``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from llmfoundry.models.mpt.modeling_mpt import ComposerMPTCausalLM, MPTForCausalLM, MPTModel
from llmfoundry.utils.builders import build_metric
from transformers.generation.utils import GenerationMixin
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.contract.errors import require
from foundry_plugins.host import MaskingMPTModel, average_over_ranks
from foundry_plugins.models.config import ATTENTION, CodeMPTConfig, check_model_section

_GENERATION_METRICS = ("infill_exact_match",)


class CodeMPTModel(MaskingMPTModel):
    """The transformer without its head; blocks, names and initialisation are MPT's."""

    config_class = CodeMPTConfig

    def visible_keys(
        self, attention_mask: torch.Tensor | None, sequence_id: torch.Tensor | None
    ) -> torch.Tensor | None:
        """Joins padding (B, S) and document (B, T) masks; see the base class."""
        mask = None
        if attention_mask is not None and not bool(attention_mask.all()):
            mask = attention_mask[:, None, None, :]
        if self.attn_uses_sequence_id and sequence_id is not None:
            same = sequence_id[:, None, :, None] == sequence_id[:, None, None, :]
            mask = same if mask is None else mask & same
        return mask


# Foundry's generation methods predate the mixin's signatures; transformers calls them by keyword.
class CodeMPTForCausalLM(  # pyright: ignore[reportIncompatibleMethodOverride]
    MPTForCausalLM, GenerationMixin
):
    """The language model as transformers sees it."""

    config_class = CodeMPTConfig

    @property
    def backbone_model_class(self) -> type[Any]:
        """Our mask for our attention, Foundry's bias for Foundry's."""
        ours = self.config.attn_config["attn_type"] == ATTENTION
        return CodeMPTModel if ours else MPTModel


class ComposerCodeMPTCausalLM(ComposerMPTCausalLM):
    """A decoder for code, with Foundry's MPT keys and defaults that servers can load.

    Without further keys: sequential blocks, ALiBi + multi-query attention, RMSNorm, SwiGLU, no
    biases, tied embeddings. Any other key of Foundry's ``mpt_causal_lm`` can be set; a key that
    nothing reads raises. ``loss_fn`` defaults to ``torch_crossentropy``, which needs no extra
    package. Validation reports bits per byte beside Foundry's metrics.

    Example:
        ```yaml
        model:
          name: code_mpt_causal_lm
          d_model: 64
          n_heads: 4
          n_layers: 2
          max_seq_len: 64
          vocab_size: 512
          resid_pdrop: 0.1
        ```

    Raises:
        UserError: for an unknown key or sizes that do not fit together.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase | None = None,
        use_train_metrics: bool = True,
        additional_train_metrics: list[str] | None = None,
        loss_fn: str = "torch_crossentropy",
        **section: Any,
    ) -> None:
        check_model_section(section)
        vocab_size = section.get("vocab_size", CodeMPTConfig().vocab_size)
        if tokenizer is not None:
            require(
                len(tokenizer) <= vocab_size,
                f"`model.vocab_size` is {vocab_size} but the tokenizer has {len(tokenizer)} "
                "entries; set it to at least that many.",
            )
        super().__init__(
            tokenizer=tokenizer,
            use_train_metrics=use_train_metrics,
            additional_train_metrics=["bits_per_byte", *(additional_train_metrics or [])],
            loss_fn=loss_fn,
            **section,
        )
        # Only on the evaluation side: these read generated text, which training batches lack.
        assert self.val_metrics is not None
        for name in _GENERATION_METRICS:
            metric = build_metric(name, {})
            self.val_metrics[type(metric).__name__] = metric

    def loss(self, outputs: Any, batch: Mapping[str, Any]) -> Any:
        """Mean loss in nats per predicted token."""
        loss = super().loss(outputs, batch)
        assert isinstance(loss, torch.Tensor)  # a dict only from mixture-of-experts layers
        return average_over_ranks(loss, self.model)

    @property
    def model_class(self) -> type[CodeMPTForCausalLM]:
        """The transformers class that holds the weights."""
        return CodeMPTForCausalLM

    @property
    def config_class(self) -> type[CodeMPTConfig]:
        """The configuration built from the YAML's ``model`` section."""
        return CodeMPTConfig
