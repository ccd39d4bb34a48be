# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from foundry_plugins.models.flops import training_flops

SIZES = {"d_model": 48, "n_heads": 6, "n_layers": 2, "max_seq_len": 32, "vocab_size": 128}


def build(**section: Any) -> Any:
    from llmfoundry.utils.builders import build_composer_model

    return build_composer_model(
        name="code_mpt_causal_lm",
        cfg={**SIZES, **section},
        tokenizer=None,
        init_context=contextlib.nullcontext(),
    )


def test_by_hand() -> None:
    # 10 weights: 2 * 4 * 10 = 80 each sample; scores and values: 4 * 3 layers * 2 wide * 4 * 4.
    assert training_flops(1, 4, 10, 3, 2) == 3 * (80 + 4 * 3 * 2 * 16)
    assert training_flops(5, 4, 10, 3, 2) == 5 * training_flops(1, 4, 10, 3, 2)
    assert training_flops(1, 4, 10, 3, 2, window=3) == 3 * (80 + 4 * 3 * 2 * 12)
    assert training_flops(1, 4, 10, 3, 2, window=9) == training_flops(1, 4, 10, 3, 2)


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_by_hand(tied: bool) -> None:
    model = build(tie_word_embeddings=tied)
    d, hidden, vocabulary = 48, 256, 128
    layer = (6 + 2) * 8 * d + d * d + 3 * d * hidden
    weights = 2 * layer + vocabulary * d
    batch = {"input_ids": torch.zeros(2, 32)}
    assert model.flops_per_batch(batch) == 3 * 2 * (2 * 32 * weights + 4 * 2 * d * 32**2)


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"tie_word_embeddings": False, "block_type": "parallel", "no_bias": False},
        {"attn_config": {"attn_type": "causal_attention", "kv_n_heads": 2}},
        {
            "attn_config": {"attn_type": "causal_attention", "t5_bias": True},
            "ffn_config": {"ffn_type": "mptmlp"},
        },
    ],
)
def test_equals_what_torch_counts(section: dict[str, Any]) -> None:
    """Of the forward pass; torch counts no attention kernel of the CPU, hence the meta device."""
    model = build(init_device="meta", **section)
    tokens = torch.zeros(2, 32, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.model(tokens)
    assert model.flops_per_batch({"input_ids": tokens}) == 3 * counter.get_total_flops()


def test_foundry_counts_what_multiplies_nothing() -> None:
    from llmfoundry.models.mpt.modeling_mpt import ComposerMPTCausalLM

    attention = {"attn_type": "causal_attention"}
    model = build(tie_word_embeddings=False, attn_config=attention)
    batch = {"input_ids": torch.zeros(1, 32)}
    excess = ComposerMPTCausalLM.flops_per_batch(model, batch) - model.flops_per_batch(batch)
    norms, positions = (2 * 2 + 1) * 48, 32 * 48
    assert excess == 3 * 2 * 32 * (norms + positions)
