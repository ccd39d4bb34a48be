# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Values that Foundry would train with, or find wrong only when the weights are made."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.models.config import CodeMPTConfig, check_model_section

SIZES: dict[str, Any] = {
    **{"d_model": 24, "n_heads": 6, "n_layers": 2, "max_seq_len": 16, "vocab_size": 64},
}
CAUSAL: dict[str, Any] = {"attn_type": "causal_attention"}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"norm_eps": -1.0}, "`model.norm_eps` must be a number above 0, got -1.0"),
        ({"norm_eps": "1e-5"}, "`model.norm_eps` must be a number above 0, got '1e-5'"),
        ({"norm_eps": float("nan")}, "`model.norm_eps` must be a number above 0, got nan"),
        ({"norm_eps": None}, "`model.norm_eps`"),
        ({"norm_type": "batchnorm"}, "`model.norm_type` must be one of .*layernorm.*'batchnorm'"),
        ({"norm_type": "rms_norm"}, "got 'rms_norm' .did you mean 'rmsnorm'"),
        ({"norm_type": None}, "`model.norm_type`"),
        ({"norm_type": "triton_rmsnorm"}, "norm_type: triton_rmsnorm. needs flash-attn"),
        ({"fc_type": "linear"}, "`model.fc_type` must be one of torch"),
        ({"fc_type": {"name": "te"}}, "`model.fc_type` must be one of torch"),
        ({"init_device": "gpu"}, "`model.init_device` must be one of cpu, cuda, meta, mixed"),
        ({"logit_scale": 0}, "`model.logit_scale` must be a number other than 0, or inv_sqrt"),
        ({"logit_scale": "sqrt"}, "`model.logit_scale`"),
        ({"final_logit_softcapping": 0}, "`model.final_logit_softcapping`"),
        ({"expansion_ratio": 0}, "`model.expansion_ratio` must be a number above 0, got 0"),
        ({"n_layers": 2.0}, "`model.n_layers` must be a whole number above 0, got 2.0"),
        ({"max_seq_len": float("inf")}, "`model.max_seq_len`"),
        ({"no_bias": "no"}, "`model.no_bias` must be true or false, got 'no'"),
        ({"attn_config": {"alibi": "false"}}, "`model.attn_config.alibi` must be true or false"),
        ({"attn_config": {"clip_qkv": -2.0}}, "`model.attn_config.clip_qkv` must be a number"),
        ({"attn_config": {"softmax_scale": "x"}}, "`model.attn_config.softmax_scale`"),
        ({"attn_config": {"seq_parallel_world_size": 2}}, "seq_parallel_world_size. must be 1"),
        ({"ffn_config": {"ffn_hidden_size": 0}}, "ffn_hidden_size. must be a whole number above"),
        ({"ffn_config": {"ffn_hidden_size": 10.5}}, "ffn_hidden_size. .* got 10.5"),
        ({"attn_config": CAUSAL | {"rope": True, "rope_hf_config": {"type": "yarn"}}}, "'yarn'"),
        (
            {"attn_config": CAUSAL | {"rope": True, "rope_hf_config": {"factor": 0}}},
            "rope_hf_config.factor` must be a number from 1, got 0",
        ),
        ({"init_config": {"name": "xavier"}}, "`model.init_config`: .*'xavier'.*xavier_normal_"),
        ({"init_config": {"name": "baseline_"}}, "`model.init_config`: .*init_std"),
        ({"init_config": {"name": "baseline_", "init_std": -1}}, "init_config.init_std`"),
        ({"init_config": {"fan_mode": "fan"}}, "`model.init_config`: Mode fan not supported"),
        ({"init_config": {"emb_init_std": 0}}, "`model.init_config.emb_init_std`"),
        ({"ffn_config": {"ffn_act_fn": {"name": "softmax", "dim": -1}}}, "elementwise"),
        ({"ffn_config": {"ffn_act_fn": {"name": "softmax", "dim": 5}}}, "elementwise"),
        ({"ffn_config": {"ffn_act_fn": {"name": "dropout"}}}, "elementwise"),
        ({"ffn_config": {"ffn_act_fn": {"name": "gelu", "approximate": "x"}}}, "elementwise"),
    ],
)
def test_the_key_is_named(section: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        CodeMPTConfig(**(SIZES | section))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"attn_config": {"rope_theta": 5.0}}, "rope_theta` is read only with .*rope: true"),
        ({"attn_config": CAUSAL | {"alibi_bias_max": 4}}, "alibi_bias_max` is read only with"),
        ({"attn_config": CAUSAL | {"t5_bias_buckets": 8}}, "t5_bias_buckets` is read only with"),
        (
            {"ffn_config": {"fc_type": "te"}},
            "`model.ffn_config.fc_type` is not read; set .model.fc",
        ),
    ],
)
def test_what_nothing_reads_is_refused(section: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_model_section(SIZES | section)


@pytest.mark.parametrize(
    "section",
    [
        {"logit_scale": "inv_sqrt_d_model", "final_logit_softcapping": 30.0},
        {"norm_type": "RMSNorm", "norm_eps": 1e-6},
        {"attn_config": CAUSAL | {"alibi_bias_max": 8, "rope_theta": 10000}},
        {"fc_type": {"name": "torch"}, "ffn_config": {"fc_type": {"name": "torch", "bias": False}}},
        {"attn_config": {"clip_qkv": 6, "softmax_scale": 0.2}},
        {"attn_config": CAUSAL | {"rope": True, "rope_hf_config": {"type": "linear", "factor": 2}}},
        {"init_config": {"name": "baseline_", "init_std": 0.02}, "init_device": "meta"},
        *({"ffn_config": {"ffn_act_fn": {"name": n}}} for n in ("elu", "relu", "gelu", "mish")),
        {"ffn_config": {"ffn_act_fn": {"name": "relu", "inplace": True}}},
    ],
)
def test_what_works_is_allowed(section: dict[str, Any]) -> None:
    check_model_section(SIZES | section)
    config = CodeMPTConfig(**SIZES, **section)
    # As transformers reloads it.
    again = CodeMPTConfig.from_dict(config.to_dict())
    assert again.to_dict() == config.to_dict()


def test_the_expansion_ratio_is_read_by_gated_layers_too() -> None:
    assert CodeMPTConfig(**SIZES).ffn_config["ffn_hidden_size"] == 256
    config = CodeMPTConfig(**SIZES, expansion_ratio=3)
    assert "ffn_hidden_size" not in config.ffn_config
    again = CodeMPTConfig.from_dict(config.to_dict())
    assert "ffn_hidden_size" not in again.ffn_config


def test_checks_leave_the_random_numbers_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    CodeMPTConfig(**SIZES)
    assert torch.equal(torch.rand(3), expected)
