# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Pins the model behaviour of the host that `foundry_plugins/models` works around."""

from __future__ import annotations

from typing import Any

import pytest
import torch


def mpt(**options: Any) -> Any:
    from llmfoundry.models.mpt import MPTConfig, MPTForCausalLM

    attention = {"attn_impl": "torch", **options.pop("attn_config", {})}
    sizes = {"d_model": 128, "n_heads": 4, "n_layers": 1, "vocab_size": 256, "max_seq_len": 16}
    return MPTForCausalLM(MPTConfig(**sizes, attn_config=attention, **options))


def test_attention_dropout_fails_in_the_backward_pass() -> None:
    """If it passes one day, `attn_pdrop` may be allowed with Foundry's own attention types."""
    model = mpt(attn_config={"attn_pdrop": 0.5}).train()
    logits = model(torch.zeros(1, 8, dtype=torch.long)).logits
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        logits.sum().backward()


def test_an_untied_head_keeps_torchs_default_on_the_cpu() -> None:
    """If it passes one day, `CodeMPTForCausalLM.__init__` has nothing left to do."""
    init = {"name": "baseline_", "init_std": 0.5}
    head = mpt(tie_word_embeddings=False, init_config=init).lm_head
    # torch's default is uniform with a deviation of 1 / sqrt(3 * 128).
    assert float(head.weight.std()) == pytest.approx((3 * 128) ** -0.5, rel=0.05)


def test_inputs_longer_than_the_configuration_says_are_refused() -> None:
    """If it passes one day, `MaskingMPTModel.allow_any_length` has nothing left to do."""
    model = mpt(attn_config={"alibi": True}, learned_pos_emb=False).eval()
    with pytest.raises(AssertionError, match="seq_len=17"):
        model(torch.zeros(1, 17, dtype=torch.long))
