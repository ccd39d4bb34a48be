# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError

SIZES: dict[str, Any] = {
    "d_model": 48,
    "n_heads": 6,
    "n_layers": 2,
    "max_seq_len": 32,
    "vocab_size": 128,
}


CAUSAL = {"attn_type": "causal_attention"}


def build(**section: Any) -> Any:
    from llmfoundry.utils.builders import build_composer_model

    return build_composer_model(
        name="code_mpt_causal_lm",
        cfg={**SIZES, **section},
        tokenizer=None,
        init_context=contextlib.nullcontext(),
    ).eval()


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(1)
    built = build()
    for parameter in built.parameters():
        parameter.data.mul_(3)  # larger than at initialisation, so that differences show
    return built


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return torch.randint(0, 128, (3, 32), generator=torch.Generator().manual_seed(2))


def test_equals_foundrys_own_model_with_the_same_weights(model: Any, tokens: torch.Tensor) -> None:
    from llmfoundry.models.mpt.modeling_mpt import ComposerMPTCausalLM

    theirs = ComposerMPTCausalLM(
        loss_fn="torch_crossentropy",
        **SIZES,
        no_bias=True,
        norm_type="rmsnorm",
        ffn_config={"ffn_type": "mptglu", "ffn_act_fn": {"name": "silu"}, "ffn_hidden_size": 256},
        attn_config={"attn_type": "multiquery_attention", "attn_impl": "torch", "alibi": True},
    ).eval()
    theirs.load_state_dict(model.state_dict())
    mask = torch.ones(3, 32, dtype=torch.bool)
    mask[1, :9] = False
    with torch.no_grad():
        for kwargs in ({}, {"attention_mask": mask}):
            ours = model.model(tokens, **kwargs).logits[mask]
            expected = theirs.model(tokens, **kwargs).logits[mask]
            # Foundry anchors ALiBi at the last key, which costs it digits.
            torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-3)


def test_foundrys_model_can_use_the_attention_class(model: Any, tokens: torch.Tensor) -> None:
    from llmfoundry.models.mpt.modeling_mpt import ComposerMPTCausalLM

    host = ComposerMPTCausalLM(
        loss_fn="torch_crossentropy",
        **SIZES,
        no_bias=True,
        norm_type="rmsnorm",
        ffn_config={"ffn_type": "mptglu", "ffn_act_fn": {"name": "silu"}, "ffn_hidden_size": 256},
        attn_config={
            "attn_type": "alibi_multiquery_attention",
            "attn_impl": "torch",
            "alibi": True,
        },
    ).eval()
    host.load_state_dict(model.state_dict())
    mask = torch.ones(3, 32, dtype=torch.bool)
    mask[0, :5] = False
    with torch.no_grad():
        found = host.model(tokens, attention_mask=mask).logits[mask]
        torch.testing.assert_close(found, model.model(tokens, attention_mask=mask).logits[mask])


def test_generates_the_same_with_and_without_cache(model: Any, tokens: torch.Tensor) -> None:
    padded = tokens[:, :12].clone()
    mask = torch.ones_like(padded)
    mask[0, :5] = 0  # left padding
    runs = [
        model.model.generate(
            padded, attention_mask=mask, max_new_tokens=15, do_sample=False, use_cache=cached
        )
        for cached in (True, False)
    ]
    assert torch.equal(*runs)
    alone = model.model.generate(padded[:1, 5:], max_new_tokens=15, do_sample=False)
    assert torch.equal(alone[0, 7:], runs[0][0, 12:])


def test_documents_do_not_see_each_other(tokens: torch.Tensor) -> None:
    torch.manual_seed(1)
    masked = build(attn_config={"attn_uses_sequence_id": True})
    number = torch.cat([torch.zeros(3, 20), torch.ones(3, 12)], dim=1).long()
    changed = tokens.clone()
    changed[:, :20] = 5
    with torch.no_grad():
        before = masked.model(tokens, sequence_id=number).logits
        after = masked.model(changed, sequence_id=number).logits
        assert torch.equal(before[:, 20:], after[:, 20:])
        assert not torch.allclose(before[:, :20], after[:, :20])
        alone = masked.model(tokens[:, 20:], sequence_id=number[:, 20:]).logits
    torch.testing.assert_close(before[:, 20:], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"n_layerz": 3}, "`model.n_layerz` is not a known key .did you mean 'n_layers'"),
        ({"attn_config": {"kernle": "sdpa"}}, "model.attn_config.kernle"),
        ({"attn_config": {"kernel": "cuda"}}, "kernel. must be one of auto, reference, sdpa"),
        ({"attn_config": {"kernel": "flash"}}, "attn_config.kernel: flash. needs flash-attn"),
        (
            {"attn_config": {"kernel": "flex", "attn_pdrop": 0.1}},
            "attn_pdrop. must be 0 with .kernel: flex., got 0.1",
        ),
        ({"attn_config": {"alibi": False}}, "alibi. must be true"),
        ({"attn_config": {"rope": True, "rope_impl": "hf"}}, "rope"),
        ({"attn_config": {"alibi_bias_max": 16}}, "alibi_bias_max. must be 8"),
        ({"attn_config": {"sliding_window_size": 8}}, "sliding_window_size"),
        ({"ffn_config": {"ffn_typ": "mptglu"}}, "model.ffn_config.ffn_typ"),
        ({"n_heads": 5}, "must be a multiple of"),
        ({"n_heads": 7}, "model.d_model. .48. must be a multiple of .model.n_heads. .7."),
        ({"n_heads": 0}, "model.n_heads. must be a whole number above 0"),
        ({"head_dim": 16}, "model.head_dim. must be d_model / n_heads = 8, got 16"),
        ({"resid_pdrop": 1.5}, "model.resid_pdrop"),
        ({"attn_config": {"attn_pdrop": -1}}, "model.attn_config.attn_pdrop"),
        (
            {"attn_config": {"attn_type": "multiquery_attention", "attn_pdrop": 0.1}},
            "attn_pdrop. cannot be used with multiquery_attention and .attn_impl: torch",
        ),
        ({"attn_config": {"kv_n_heads": 4}}, "kv_n_heads. must divide .model.n_heads. .6., got 4"),
        (
            {"attn_config": {"attn_type": "multiquery_attention", "kv_n_heads": 2}},
            "kv_n_heads. cannot be given with multiquery_attention",
        ),
        ({"attn_config": {"attn_type": "grouped_query_attention"}}, "kv_n_heads. is missing"),
        ({"attn_config": {"attn_type": "alibi_attention"}}, "did you mean '"),
        ({"attn_config": {"attn_impl": "flash"}}, "attn_impl: flash. needs flash-attn"),
        ({"attn_config": CAUSAL | {"alibi": True}}, "alibi. must be false with causal_attention"),
        (
            {"attn_config": CAUSAL | {"kernel": "sdpa"}},
            "kernel. is read only with attn_type: alibi_multiquery_attention, got causal_attention",
        ),
        (
            {"attn_config": {"attn_type": "multihead_attention", "kernel": "sdpa"}},
            "kernel. is read only with attn_type: alibi_multiquery_attention, got multihead",
        ),
        ({"d_model": None}, "model.d_model. must be a whole number above 0, got None"),
        ({"attn_config": {"kv_n_heads": True}}, "kv_n_heads. must divide .* got True"),
        ({"resid_pdrop": False}, "model.resid_pdrop. is a probability"),
        (
            {"attn_config": CAUSAL | {"rope": True, "t5_bias": True}},
            "rope. cannot be used together with .model.attn_config.t5_bias",
        ),
        (
            {"attn_config": CAUSAL | {"rope": True}, "learned_pos_emb": True},
            "attn_config.rope. cannot be used together with .model.learned_pos_emb",
        ),
        ({"learned_pos_emb": True}, "alibi. cannot be used together with .model.learned_pos_emb"),
        ({"attn_config": CAUSAL | {"rope": True, "rope_impl": "dail"}}, "dail. needs flash-attn"),
        ({"attn_config": CAUSAL | {"rope": True, "rope_theta": 0}}, "rope_theta"),
        ({"n_heads": 16, "attn_config": CAUSAL | {"rope": True}}, "must be even, got 48 / 16 = 3"),
        ({"attn_config": CAUSAL | {"t5_bias": True, "t5_bias_buckets": 7}}, "t5_bias_buckets"),
        (
            {"attn_config": CAUSAL | {"t5_bias": True, "t5_bias_max_distance": 16}},
            "t5_bias_max_distance. must be above half of t5_bias_buckets .16., got 16",
        ),
        (
            {"attn_config": {"attn_type": "multihead_attention", "t5_bias": True}},
            "t5_bias. needs attn_type: causal_attention",
        ),
        ({"attn_config": CAUSAL | {"sliding_window_size": -3}}, "sliding_window_size"),
        ({"attn_config": {"qk_ln": True, "qk_gn": True}}, "qk_ln. cannot .* qk_gn"),
        ({"block_type": "paralel"}, "block_type. must be .*did you mean 'parallel'"),
        (
            {"block_overrides": {"order": [{"name": "default", "repeat": 2}], "overrides": {}}},
            "model.block_overrides",
        ),
        ({"ffn_config": {"ffn_type": "mb_moe"}}, "ffn_type. must be mptmlp or mptglu"),
        ({"ffn_config": {"ffn_act_fn": {"name": "gelou"}}}, "ffn_act_fn. must name"),
        ({"ffn_config": {"ffn_act_fn": {"name": "linear"}}}, "ffn_act_fn. must name"),
        ({"norm_type": "batchnorm"}, "`model.norm_type` must be one of"),
        ({"use_pad_tok_in_ffn": False}, "In .model.: .* flash-attn"),
        ({"loss_fn": "fused_crossentropy"}, "loss_fn: fused_crossentropy. needs flash-attn"),
        ({"loss_fn": "mse"}, "loss_fn. must be torch_crossentropy or fused_crossentropy"),
    ],
)
def test_names_the_key_of_a_mistake(section: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(**section)


def test_training_and_validation_make_no_cache(model: Any, tokens: torch.Tensor) -> None:
    """It would hold the keys and values of every layer, activation checkpointing or not."""
    assert model({"input_ids": tokens}).past_key_values is None
    assert model.model(input_ids=tokens).past_key_values is not None


def test_documents_cover_the_tokens_and_come_without_a_cache(tokens: torch.Tensor) -> None:
    model = build(attn_config={"attn_uses_sequence_id": True}).model
    documents = torch.zeros_like(tokens)
    with pytest.raises(UserError, match="`sequence_id` must cover all"):
        model(input_ids=tokens, sequence_id=documents[:, :-1])
    cache = model(input_ids=tokens, sequence_id=documents, use_cache=True).past_key_values
    with pytest.raises(UserError, match="with `past_key_values` leave it out"):
        model(input_ids=tokens[:, :1], sequence_id=documents[:, :1], past_key_values=cache)


def test_foundrys_blocks_remain_available() -> None:
    built = build(
        norm_type="layernorm",
        ffn_config={"ffn_type": "mptmlp"},
        attn_config={"attn_type": "grouped_query_attention", "kv_n_heads": 2, "alibi": True},
    )
    assert built.model(torch.zeros(1, 8, dtype=torch.long)).logits.shape == (1, 8, 128)
