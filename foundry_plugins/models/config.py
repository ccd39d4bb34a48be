# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration of ``code_mpt_causal_lm``: Foundry's MPT keys with defaults for code models.

Defaults give the block of Refact-1.6B's kind that llama.cpp and transformers can serve: sequential
attention and MLP, RMSNorm, SwiGLU, ALiBi, multi-query attention, no biases.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

from llmfoundry.models.mpt.configuration_mpt import MPTConfig
from llmfoundry.models.utils.config_defaults import attn_config_defaults, init_config_defaults

from foundry_plugins.contract.errors import reject_unknown_keys, require

ATTENTION = "alibi_multiquery_attention"
_MPT_KEYS = frozenset(inspect.signature(MPTConfig.__init__).parameters) - {"self", "kwargs"}
# Read by Foundry from the same YAML section, or by the base class.
_OTHER_KEYS = frozenset({"activation_checkpointing_target", "loss_fn", "pad_token_id"})


def swiglu_hidden_size(d_model: int) -> int:
    """Width of a SwiGLU layer: 8/3 of the model's, rounded up to a multiple of 256.

    Two thirds of the usual 4x keeps the parameter count with a third matrix (Shazeer 2020, arXiv
    2002.05202, section 2); the rounding is LLaMA's.
    """
    return 256 * math.ceil((8 * d_model // 3) / 256)


class CodeMPTConfig(MPTConfig):
    """MPT's configuration under its own ``model_type``.

    The type differs from ``mpt`` on purpose: files saved as ``mpt`` reload through a class that
    ignores what is new here, without an error.
    """

    model_type = "code_mpt"

    def __init__(self, d_model: int = 2048, **options: Any) -> None:
        attention: dict[str, Any] = {"attn_type": ATTENTION, "attn_impl": "torch"}
        attention |= dict(options.pop("attn_config", None) or {})
        attention.setdefault("alibi", attention["attn_type"] == ATTENTION)
        ffn = dict(options.pop("ffn_config", None) or {})
        ffn.setdefault("ffn_type", "mptglu")
        if ffn["ffn_type"] == "mptglu":
            ffn.setdefault("ffn_act_fn", {"name": "silu"})
            ffn.setdefault("ffn_hidden_size", swiglu_hidden_size(d_model))
        defaults = {"no_bias": True, "norm_type": "rmsnorm", "use_cache": True}
        super().__init__(
            d_model=d_model, attn_config=attention, ffn_config=ffn, **(defaults | options)
        )
        if self.attn_config["attn_type"] == ATTENTION:
            _check_alibi(self.attn_config)


def _check_alibi(attention: Mapping[str, Any]) -> None:
    require(
        bool(attention["alibi"]),
        "`model.attn_config.alibi` must be true with alibi_multiquery_attention, got false; "
        "set it to true, or choose attn_type: multiquery_attention for a model without ALiBi.",
    )
    require(
        not attention["rope"],
        "`model.attn_config.rope` cannot be used together with ALiBi; keep one of `alibi`, `rope`.",
    )
    require(
        attention["alibi_bias_max"] == 8,
        f"`model.attn_config.alibi_bias_max` must be 8, got {attention['alibi_bias_max']}; "
        "servers compute the slopes of the paper and read no other value.",
    )


def check_model_section(section: Mapping[str, Any]) -> None:
    """Raises for keys under ``model:`` that nothing would read and for sizes that cannot work.

    Foundry stores unknown keys in the configuration and never looks at them again, so a typo
    trains another model than the YAML says.

    Raises:
        UserError: naming the key, what was got and what is allowed.
    """
    reject_unknown_keys("model", section, _MPT_KEYS | _OTHER_KEYS)
    reject_unknown_keys(
        "model.attn_config",
        section.get("attn_config") or {},
        {*attn_config_defaults, "kernel", "kv_n_heads", "seq_parallel_world_size"},
    )
    reject_unknown_keys(
        "model.ffn_config",
        section.get("ffn_config") or {},
        {"ffn_type", "ffn_act_fn", "ffn_hidden_size", "fc_type"},
    )
    reject_unknown_keys(
        "model.init_config", section.get("init_config") or {}, {*init_config_defaults}
    )
    d_model, n_heads = section.get("d_model", 2048), section.get("n_heads", 16)
    require(
        isinstance(n_heads, int) and n_heads > 0 and d_model % n_heads == 0,
        f"`model.d_model` ({d_model}) must be a multiple of `model.n_heads` ({n_heads}).",
    )
    for key in ("resid_pdrop", "emb_pdrop"):
        rate = section.get(key, 0.0)
        require(0 <= rate < 1, f"`model.{key}` is a probability in [0, 1), got {rate}.")
