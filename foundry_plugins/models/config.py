# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration of ``code_mpt_causal_lm``: Foundry's MPT keys with defaults for code models.

Defaults give the block of Refact-1.6B's kind that llama.cpp and transformers can serve: sequential
attention and MLP, RMSNorm, SwiGLU, ALiBi, multi-query attention, no biases.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Mapping
from typing import Any

from llmfoundry.models.mpt.configuration_mpt import MPTConfig
from llmfoundry.models.utils.config_defaults import attn_config_defaults, init_config_defaults

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.models import checks, values
from foundry_plugins.models.blocks import SEQUENTIAL

_MPT_PARAMETERS = {
    name: parameter.default
    for name, parameter in inspect.signature(MPTConfig.__init__).parameters.items()
    if name not in ("self", "kwargs")
}
# Read by Foundry from the same YAML section, by the base class, or here.
_OTHER_KEYS = frozenset(
    {"activation_checkpointing_target", "loss_fn", "pad_token_id", "block_type"}
)
_T5_KEYS = frozenset({"t5_bias", "t5_bias_buckets", "t5_bias_max_distance"})
_READ_WITH = {
    "alibi": ("alibi_bias_max",),
    "rope": ("rope_theta", "rope_hf_config", "rope_dail_config"),
    "t5_bias": ("t5_bias_buckets", "t5_bias_max_distance"),
}
_ATTENTION_KEYS = {*attn_config_defaults, "kernel", "kv_n_heads", "seq_parallel_world_size"}


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

    Args:
        d_model: Width.
        block_type: ``sequential`` or ``parallel``; see ``blocks.py``.
        options: Every other key of ``MPTConfig``.

    Raises:
        UserError: for values that do not fit together.
    """

    model_type = "code_mpt"

    def __init__(self, d_model: int = 2048, block_type: str = SEQUENTIAL, **options: Any) -> None:
        attention: dict[str, Any] = {"attn_type": checks.ALIBI, "attn_impl": "torch"}
        attention |= dict(options.pop("attn_config", None) or {})
        attention.setdefault("alibi", attention["attn_type"] == checks.ALIBI)
        # Foundry's default needs flash-attn.
        attention.setdefault("rope_impl", "hf")
        ffn = dict(options.pop("ffn_config", None) or {})
        ffn.setdefault("ffn_type", "mptglu")
        if ffn["ffn_type"] == "mptglu":
            ffn.setdefault("ffn_act_fn", {"name": "silu"})
            if "expansion_ratio" not in options and values.is_whole(d_model, 1):
                ffn.setdefault("ffn_hidden_size", swiglu_hidden_size(d_model))
        other_positions = any(attention.get(key) for key in ("alibi", "rope", "t5_bias"))
        defaults = {
            **{"no_bias": True, "norm_type": "rmsnorm", "use_cache": True},
            "learned_pos_emb": not other_positions,
        }
        section = {"d_model": d_model, "attn_config": attention, "ffn_config": ffn}
        section |= defaults | options
        whole = _MPT_PARAMETERS | section | {"block_type": block_type}
        values.check_values(whole)
        checks.check_sizes(whole)
        checks.check_block(whole)
        checks.check_attention(whole)
        checks.check_positions(whole)
        values.check_init(whole)
        self.block_type = block_type
        super().__init__(**section)

    def _validate_config(self) -> None:
        with warnings.catch_warnings():
            # It does not know T5's bias, and a model without positions is asked for by name.
            warnings.filterwarnings("ignore", "Positional information not being provided")
            super()._validate_config()


def check_model_section(section: Mapping[str, Any]) -> None:
    """Raises for keys under ``model:`` that nothing would read.

    Foundry stores unknown keys in the configuration and never looks at them again, so a typo
    trains another model than the YAML says.

    Raises:
        UserError: naming the key and the nearest one.
    """
    reject_unknown_keys("model", section, {*_MPT_PARAMETERS} | _OTHER_KEYS)
    attention = section.get("attn_config") or {}
    reject_unknown_keys("model.attn_config", attention, _ATTENTION_KEYS | _T5_KEYS)
    reject_unknown_keys(
        "model.ffn_config",
        section.get("ffn_config") or {},
        {"ffn_type", "ffn_act_fn", "ffn_hidden_size", "fc_type"},
    )
    reject_unknown_keys(
        "model.init_config", section.get("init_config") or {}, {*init_config_defaults}
    )
    _reject_unread_keys(section, attention)


def _reject_unread_keys(section: Mapping[str, Any], attention: Mapping[str, Any]) -> None:
    """Known keys that belong to something that is switched off."""
    alibi = attention.get("attn_type", checks.ALIBI) == checks.ALIBI
    switched_on = {"alibi": attention.get("alibi", alibi)}
    switched_on |= {switch: attention.get(switch, False) for switch in ("rope", "t5_bias")}
    for switch, keys in _READ_WITH.items():
        for key in keys:
            require(
                # The host fills its defaults into sections that it has built from.
                switched_on[switch] is not False
                or attention.get(key) in (None, attn_config_defaults.get(key)),
                f"`model.attn_config.{key}` is read only with `model.attn_config.{switch}: true`; "
                "remove it, or switch that on.",
            )
    ffn = section.get("ffn_config") or {}
    # The host copies the model's into sections that it has built from.
    fc_type = values.fc_name(section.get("fc_type"))
    require(
        values.fc_name(ffn.get("fc_type", fc_type)) == fc_type,
        "`model.ffn_config.fc_type` is not read; set `model.fc_type`, which holds for all layers.",
    )
