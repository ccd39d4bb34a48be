# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered model ``code_mpt_causal_lm``."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import torch
from llmfoundry.models.mpt.modeling_mpt import ComposerMPTCausalLM, MPTForCausalLM, MPTModel
from llmfoundry.utils.builders import build_metric
from transformers.generation.utils import GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.host import average_over_ranks
from foundry_plugins.models.backbone import backbone_class
from foundry_plugins.models.checks import check_loss
from foundry_plugins.models.config import CodeMPTConfig, check_model_section
from foundry_plugins.models.flops import linear_weights, training_flops
from foundry_plugins.models.generates_code import ANSWER_METRICS, GeneratesCode
from foundry_plugins.models.products import use_product

# What the host raises for settings that it finds wrong while it builds.
_HOST_ERRORS = (ValueError, NotImplementedError, ImportError, KeyError, TypeError)
# Tokenizers that know no length of their own report 1e30.
_NO_LENGTH = 1_000_000_000


# Foundry's generation methods predate the mixin's signatures; transformers calls them by keyword.
class CodeMPTForCausalLM(  # pyright: ignore[reportIncompatibleMethodOverride]
    MPTForCausalLM, GenerationMixin
):
    """The language model as transformers sees it."""

    config_class = CodeMPTConfig

    def __init__(self, config: CodeMPTConfig) -> None:
        super().__init__(config)
        # The host makes an untied head after it has initialised everything else, and leaves it at
        # torch's default unless the model came from the meta device.
        if self.lm_head is not None and config.init_device != "meta":
            self.param_init_fn(self.lm_head)
        use_product(self)  # the head, too

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        past_key_values: Any | None = None,
        attention_mask: torch.Tensor | None = None,
        sequence_id: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        return_dict: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        use_cache: bool | None = None,
        inputs_embeds: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        logits_to_keep: int = 0,
    ) -> CausalLMOutputWithPast:
        """The host's, with logits of the last ``logits_to_keep`` positions only, unless that is 0.

        Those of all positions of a prompt can take more memory than everything else.
        """
        given: Any = {
            **{"input_ids": input_ids, "past_key_values": past_key_values, "labels": labels},
            **{"attention_mask": attention_mask, "sequence_id": sequence_id},
            **{"return_dict": return_dict, "output_attentions": output_attentions},
            **{"output_hidden_states": output_hidden_states, "use_cache": use_cache},
            **{"inputs_embeds": inputs_embeds, "position_ids": position_ids},
        }
        if not logits_to_keep:
            return super().forward(**given)

        def keep(module: Any, inputs: Any, output: Any) -> Any:
            output.last_hidden_state = output.last_hidden_state[:, -logits_to_keep:]
            return output

        hook = self.transformer.register_forward_hook(keep)
        try:
            return super().forward(**given)
        finally:
            hook.remove()

    @property
    def backbone_model_class(self) -> type[MPTModel]:
        """Our mask for our attention, Foundry's bias for Foundry's."""
        return backbone_class(self.config)


class ComposerCodeMPTCausalLM(GeneratesCode, ComposerMPTCausalLM):
    """A decoder for code, with Foundry's MPT keys and defaults that servers can load.

    Without further keys: sequential blocks, ALiBi + multi-query attention, RMSNorm, SwiGLU, no
    biases, tied embeddings. Any other key of Foundry's ``mpt_causal_lm`` can be set, and
    ``block_type: parallel``; a key that nothing reads raises, and so do settings that cannot work
    together. ``loss_fn`` defaults to ``torch_crossentropy``, which needs no extra package.
    Validation reports bits per byte beside Foundry's metrics.

    Example:
        ```yaml
        model:
          name: code_mpt_causal_lm
          block_type: sequential
          d_model: 64
          n_heads: 4
          n_layers: 2
          max_seq_len: 64
          vocab_size: 512
          resid_pdrop: 0.1
        ```

    Raises:
        UserError: for an unknown key or settings that do not fit together.
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
        check_loss(loss_fn)
        try:
            config = self.config_class(**section)
            if tokenizer is not None:
                _check_tokenizer(config, tokenizer)
            super().__init__(
                tokenizer=tokenizer,
                use_train_metrics=use_train_metrics,
                additional_train_metrics=["bits_per_byte", *(additional_train_metrics or [])],
                loss_fn=loss_fn,
                **section,
            )
        except UserError:
            raise
        except _HOST_ERRORS as error:
            raise UserError(f"In `model`: {' '.join(str(error).split())}") from error
        # Only on the evaluation side: these read answers, which training batches lack.
        assert self.val_metrics is not None
        for name in ANSWER_METRICS:
            metric = build_metric(name, {})
            self.val_metrics[type(metric).__name__] = metric

    def forward(self, batch: MutableMapping[str, Any]) -> CausalLMOutputWithPast:
        """Logits of a batch, without a cache.

        A cache would hold every layer's keys and values until the step ends, activation
        checkpointing or not, and nobody reads it: generation does not come through here.
        """
        return self.model(
            input_ids=batch.get("input_ids"),
            attention_mask=batch.get("attention_mask"),
            sequence_id=batch.get("sequence_id"),
            inputs_embeds=batch.get("inputs_embeds"),
            position_ids=batch.get("position_ids"),
            use_cache=False,
        )

    def loss(self, outputs: Any, batch: Mapping[str, Any]) -> Any:
        """Mean loss in nats per predicted token."""
        loss = super().loss(outputs, batch)
        assert isinstance(loss, torch.Tensor)  # a dict only from mixture-of-experts layers
        return average_over_ranks(loss, self.model)

    def flops_per_batch(self, batch: Mapping[str, Any]) -> int:
        """Operations of a training step; see ``flops.py`` for what is counted."""
        config = self.model.config
        weights = linear_weights(self.model)
        if config.tie_word_embeddings:
            weights += config.vocab_size * config.d_model
        window = config.attn_config["sliding_window_size"]
        samples, tokens = batch["input_ids"].shape[:2]
        return training_flops(
            *(samples, tokens, weights, config.n_layers, config.d_model),
            window=None if window == -1 else window + 1,
        )

    @property
    def model_class(self) -> type[CodeMPTForCausalLM]:
        """The transformers class that holds the weights."""
        return CodeMPTForCausalLM

    @property
    def config_class(self) -> type[CodeMPTConfig]:
        """The configuration built from the YAML's ``model`` section."""
        return CodeMPTConfig


def _check_tokenizer(config: CodeMPTConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    require(
        len(tokenizer) <= config.vocab_size,
        f"`model.vocab_size` is {config.vocab_size} but the tokenizer has {len(tokenizer)} "
        "entries; set it to at least that many.",
    )
    length = tokenizer.model_max_length
    require(
        not config.learned_pos_emb or length <= config.max_seq_len or length > _NO_LENGTH,
        f"`tokenizer.kwargs.model_max_length` is {length}, but the model has learned positions for "
        f"`model.max_seq_len: {config.max_seq_len}` only; make both the length of the samples.",
    )
