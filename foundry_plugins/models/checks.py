# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a ``model`` section may say: each rule names the key, what was got and what to do.

Foundry stores unknown keys in the configuration and never looks at them again, and finds many
mistakes only in the first forward pass. All rules here hold before anything is built.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

import torch
from llmfoundry.models.layers.ffn import resolve_ffn_act_fn
from packaging.version import Version

from foundry_plugins.contract.errors import UserError, did_you_mean, require
from foundry_plugins.models.blocks import BLOCK_TYPES, PARALLEL
from foundry_plugins.models.values import is_number, is_whole

ALIBI, CAUSAL = "alibi_multiquery_attention", "causal_attention"
OURS = (ALIBI, CAUSAL)
_FOUNDRYS = ("multihead_attention", "grouped_query_attention", "multiquery_attention")
_FFN_TYPES = ("mptmlp", "mptglu")
_LOSSES = ("torch_crossentropy", "fused_crossentropy")
# What functions of torch.nn.functional raise that are no activations, or get wrong arguments.
_ACTIVATION_ERRORS = (KeyError, IndexError, TypeError, ValueError, RuntimeError, AttributeError)
_HF_ROPES = ("no_scaling", "linear", "dynamic", "llama3")
_INSTALL = "install it with `pip install foundry-plugins[gpu]`"


def check_sizes(section: Mapping[str, Any]) -> None:
    """Widths, heads and rates."""
    for key in ("d_model", "n_heads", "n_layers", "max_seq_len", "vocab_size"):
        value = section[key]
        require(
            is_whole(value, 1),
            f"`model.{key}` must be a whole number above 0, got {value!r}.",
        )
    d_model, n_heads = section["d_model"], section["n_heads"]
    require(
        d_model % n_heads == 0,
        f"`model.d_model` ({d_model}) must be a multiple of `model.n_heads` ({n_heads}).",
    )
    head_dim = section.get("head_dim")
    require(
        head_dim in (None, d_model // n_heads),
        f"`model.head_dim` must be d_model / n_heads = {d_model // n_heads}, got {head_dim}; "
        "Foundry's fused projection cuts at d_model. Remove the key.",
    )
    rates = {key: section.get(key, 0.0) for key in ("resid_pdrop", "emb_pdrop")}
    rates["attn_config.attn_pdrop"] = section["attn_config"].get("attn_pdrop", 0.0)
    for key, rate in rates.items():
        require(
            is_number(rate) and 0 <= rate < 1,
            f"`model.{key}` is a probability in [0, 1), got {rate!r}.",
        )


def check_block(section: Mapping[str, Any]) -> None:
    """The block's kind and its MLP."""
    block_type = section["block_type"]
    require(
        block_type in BLOCK_TYPES,
        f"`model.block_type` must be {' or '.join(BLOCK_TYPES)}, got {block_type!r}"
        f"{did_you_mean(str(block_type), BLOCK_TYPES)}.",
    )
    overrides = section.get("block_overrides")
    require(
        overrides is None
        or (block_type != PARALLEL and section["attn_config"]["attn_type"] in _FOUNDRYS),
        "`model.block_overrides` can be used only with `block_type: sequential` and one of "
        f"Foundry's attention types ({', '.join(_FOUNDRYS)}).",
    )
    if str(section["norm_type"]).lower() == "triton_rmsnorm":
        needs_flash_attn("model.norm_type: triton_rmsnorm", "use rmsnorm")
    ffn = section["ffn_config"]
    require(
        ffn["ffn_type"] in _FFN_TYPES,
        f"`model.ffn_config.ffn_type` must be {' or '.join(_FFN_TYPES)}, got {ffn['ffn_type']!r}"
        f"{did_you_mean(str(ffn['ffn_type']), _FFN_TYPES)}.",
    )
    activation = ffn.get("ffn_act_fn")
    require(
        _is_elementwise(activation),
        "`model.ffn_config.ffn_act_fn` must name an elementwise function of torch.nn.functional "
        "and its arguments, such as {name: gelu, approximate: tanh}, {name: relu} or {name: elu}; "
        f"got {activation!r}.",
    )


def _is_elementwise(activation: Any) -> bool:
    """Whether numbers come out the same alone and among others: not of softmax, nor of dropout."""
    sample = torch.linspace(-1, 1, 64)
    try:
        function = resolve_ffn_act_fn(dict(activation) if activation else None)
        together = function(sample.clone())
        apart = torch.cat([function(part.clone()) for part in sample.split(8)])
    except _ACTIVATION_ERRORS:
        return False
    return together.shape == sample.shape and torch.allclose(together, apart)


def check_attention(section: Mapping[str, Any]) -> None:
    """Attention type, key/value heads and kernel."""
    attention, n_heads = section["attn_config"], section["n_heads"]
    kind = attention["attn_type"]
    require(
        kind in (*OURS, *_FOUNDRYS),
        f"`model.attn_config.attn_type` must be one of {', '.join((*OURS, *_FOUNDRYS))}, "
        f"got {kind!r}{did_you_mean(str(kind), (*OURS, *_FOUNDRYS))}.",
    )
    require(
        kind == ALIBI or "kernel" not in attention,
        f"`model.attn_config.kernel` is read only with attn_type: {ALIBI}, got {kind}; remove it.",
    )
    groups = attention.get("kv_n_heads")
    fixed = kind in ("multihead_attention", "multiquery_attention")
    require(
        not (fixed and groups is not None),
        f"`model.attn_config.kv_n_heads` cannot be given with {kind}; remove it or choose "
        "grouped_query_attention.",
    )
    require(
        kind != "grouped_query_attention" or groups is not None,
        "`model.attn_config.kv_n_heads` is missing, which grouped_query_attention needs.",
    )
    good = is_whole(groups, 1) and groups <= n_heads and n_heads % groups == 0
    require(
        groups is None or good,
        f"`model.attn_config.kv_n_heads` must divide `model.n_heads` ({n_heads}), got {groups!r}; "
        "every key/value head serves the same number of query heads.",
    )
    if attention.get("attn_impl") == "flash":
        needs_flash_attn("model.attn_config.attn_impl: flash", "set attn_impl to torch")
    require(
        not attention.get("attn_pdrop") or kind in OURS or attention.get("attn_impl") == "flash",
        f"`model.attn_config.attn_pdrop` cannot be used with {kind} and `attn_impl: torch`, whose "
        f"backward pass fails with it; choose {' or '.join(OURS)}.",
    )
    tuning = attention.get("attn_temperature_tuning") or {}
    require(
        not tuning.get("attn_scale") or kind in _FOUNDRYS,
        f"`model.attn_config.attn_temperature_tuning` cannot be used with {kind}; leave it out or "
        "choose one of Foundry's attention types.",
    )
    require(
        not (attention.get("qk_ln") and attention.get("qk_gn")),
        "`model.attn_config.qk_ln` cannot be used together with qk_gn; keep one of them.",
    )
    window = attention.get("sliding_window_size", -1)
    require(
        is_whole(window, -1),
        f"`model.attn_config.sliding_window_size` counts keys before the query's own: 0 or more, "
        f"or -1 for all, got {window!r}.",
    )


def check_positions(section: Mapping[str, Any]) -> None:
    """One kind of position at most, and one that the attention type can do."""
    attention = section["attn_config"]
    kind = attention["attn_type"]
    asked = {
        "attn_config.alibi": bool(attention.get("alibi")),
        "attn_config.rope": bool(attention.get("rope")),
        "attn_config.t5_bias": bool(attention.get("t5_bias")),
        "learned_pos_emb": bool(section["learned_pos_emb"]),
    }
    chosen = [key for key, value in asked.items() if value]
    require(
        len(chosen) < 2,
        f"`model.{chosen[0] if chosen else ''}` cannot be used together with "
        f"`model.{chosen[-1] if chosen else ''}`: a model has one kind of position. Keep one; "
        f"alibi goes with {ALIBI}, the others with {CAUSAL}.",
    )
    require(
        kind != ALIBI or asked["attn_config.alibi"],
        f"`model.attn_config.alibi` must be true with {ALIBI}, got false; set it to true, or "
        f"choose attn_type: {CAUSAL} for a model without ALiBi.",
    )
    require(
        kind != CAUSAL or not asked["attn_config.alibi"],
        f"`model.attn_config.alibi` must be false with {CAUSAL}; choose attn_type: {ALIBI}.",
    )
    bias_max = attention.get("alibi_bias_max", 8)
    require(
        kind != ALIBI or bias_max == 8,
        f"`model.attn_config.alibi_bias_max` must be 8, got {bias_max}; servers compute the slopes "
        "of the paper and read no other value.",
    )
    if asked["attn_config.t5_bias"]:
        _check_t5(attention)
    if asked["attn_config.rope"]:
        _check_rope(section)


def _check_t5(attention: Mapping[str, Any]) -> None:
    buckets = attention.get("t5_bias_buckets", 32)
    furthest = attention.get("t5_bias_max_distance", 128)
    require(
        attention["attn_type"] == CAUSAL,
        f"`model.attn_config.t5_bias` needs attn_type: {CAUSAL}, got {attention['attn_type']}.",
    )
    require(
        is_whole(buckets, 2) and buckets % 2 == 0,
        f"`model.attn_config.t5_bias_buckets` must be even and at least 2, got {buckets!r}.",
    )
    require(
        is_whole(furthest, buckets // 2 + 1),
        "`model.attn_config.t5_bias_max_distance` must be above half of t5_bias_buckets "
        f"({buckets // 2}), got {furthest!r}.",
    )


def _check_rope(section: Mapping[str, Any]) -> None:
    attention, head_dim = section["attn_config"], section["d_model"] // section["n_heads"]
    require(
        head_dim % 2 == 0,
        f"`model.attn_config.rope` turns pairs of numbers, so d_model / n_heads must be even, got "
        f"{section['d_model']} / {section['n_heads']} = {head_dim}.",
    )
    implementation = attention.get("rope_impl")
    require(
        implementation in ("hf", "dail"),
        f"`model.attn_config.rope_impl` must be hf or dail, got {implementation!r}.",
    )
    scaling = attention.get("rope_hf_config") or {}
    require(
        scaling.get("type", _HF_ROPES[0]) in _HF_ROPES,
        f"`model.attn_config.rope_hf_config.type` must be one of {', '.join(_HF_ROPES)}, "
        f"got {scaling.get('type')!r}.",
    )
    factor = scaling.get("factor", 1.0)
    require(
        is_number(factor) and factor >= 1,
        f"`model.attn_config.rope_hf_config.factor` must be a number from 1, got {factor!r}.",
    )
    if implementation == "dail":
        needs_flash_attn("model.attn_config.rope_impl: dail", "set rope_impl to hf")
    theta = attention.get("rope_theta", 10000)
    require(
        is_number(theta) and theta > 0,
        f"`model.attn_config.rope_theta` must be a number above 0, got {theta!r}.",
    )


def check_loss(loss_fn: Any) -> None:
    """The loss function and what it needs."""
    require(
        loss_fn in _LOSSES,
        f"`model.loss_fn` must be {' or '.join(_LOSSES)}, got {loss_fn!r}.",
    )
    if loss_fn == "fused_crossentropy":
        needs_flash_attn("model.loss_fn: fused_crossentropy", "use torch_crossentropy")


def needs_flash_attn(setting: str, instead: str, least: str = "2.4.2") -> None:
    """Raises unless flash-attn is installed.

    Raises:
        UserError: naming the setting that asked for it.
    """
    try:
        found = importlib.metadata.version("flash-attn")
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"`{setting}` needs flash-attn >= {least}, which is not installed; {_INSTALL} (it "
            f"compiles with nvcc), or {instead}."
        ) from None
    require(
        Version(found) >= Version(least),
        f"`{setting}` needs flash-attn >= {least}, got {found}; {_INSTALL}, or {instead}.",
    )
