# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every option that changes the function is either exported or refused by name."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.export.architecture import read_architecture
from foundry_plugins.export.checkpoint import Checkpoint, read_checkpoint


@pytest.fixture
def checkpoint(model_checkpoint: Callable[[str], Path]) -> Checkpoint:
    found = read_checkpoint(model_checkpoint("tied"))
    return dataclasses.replace(found, config=copy.deepcopy(found.config))


def test_reads_the_defaults(checkpoint: Checkpoint) -> None:
    a = read_architecture(checkpoint)
    assert (a.d_model, a.n_layers, a.n_heads, a.kv_heads, a.head_dim) == (64, 2, 4, 1, 16)
    assert (a.mlp, a.mlp_hidden_size, a.norm, a.norm_eps) == ("swiglu", 160, "rmsnorm", 1e-5)
    assert (a.alibi_bias_max, a.softmax_scale, a.tied_embeddings) == (8, 0.25, True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("logit_scale", "inv_sqrt_d_model"),
        ("final_logit_softcapping", 30.0),
        ("block_overrides", {"order": []}),
        ("use_pad_tok_in_ffn", False),
        ("norm_type", "p_norm"),
        ("attn_config.alibi", False),
        ("attn_config.rope", True),
        ("attn_config.qk_ln", True),
        ("attn_config.clip_qkv", 6.0),
        ("attn_config.sliding_window_size", 64),
        ("attn_config.attn_logit_softcapping", 50.0),
        ("attn_config.fused_qkv", False),
        ("attn_config.attn_temperature_tuning.attn_scale", 0.1),
        ("attn_config.attn_type", "other_attention"),
        ("ffn_config.ffn_act_fn", {"name": "gelu"}),
        ("ffn_config.ffn_type", "mb_moe"),
    ],
)
def test_options_without_an_equal_are_refused(
    checkpoint: Checkpoint, key: str, value: object
) -> None:
    *parents, last = key.split(".")
    section: dict[str, Any] = checkpoint.config
    for parent in parents:
        section = section.setdefault(parent, {})
    section[last] = value
    with pytest.raises(UserError, match=last):
        read_architecture(checkpoint)


def _with(checkpoint: Checkpoint, **weights: torch.Tensor | None) -> Checkpoint:
    changed = {**checkpoint.weights, **weights}
    kept = {name: tensor for name, tensor in changed.items() if tensor is not None}
    return dataclasses.replace(checkpoint, weights=kept)


def test_weights_must_be_those_of_the_architecture(checkpoint: Checkpoint) -> None:
    block = "transformer.blocks.0"
    cases = {
        "biases": {f"{block}.attn.out_proj.bias": torch.zeros(64)},
        "parallel": {f"{block}.norm_2.weight": None},
        "Wqkv.weight has shape": {f"{block}.attn.Wqkv.weight": torch.zeros(64, 64)},
        "none \\(absent\\)": {"transformer.norm_f.weight": None},
        "lm_head": {"lm_head.weight": torch.zeros(768, 64)},
        "NaN": {"transformer.norm_f.weight": torch.full((64,), float("nan"))},
    }
    for message, weights in cases.items():
        with pytest.raises(UserError, match=message):
            read_architecture(_with(checkpoint, **weights))
