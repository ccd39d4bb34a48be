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


def test_initialises_on_the_meta_device_and_reports_flops() -> None:
    built = build(init_device="meta")
    assert {p.device.type for p in built.parameters()} == {"meta"}
    n = built.n_active_params
    batch = {"input_ids": torch.zeros(2, 32)}
    assert built.flops_per_batch(batch) == 3 * 2 * (2 * n * 32 + 2 * 4 * 48 * 32**2)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"n_layerz": 3}, "`model.n_layerz` is not a known key .did you mean 'n_layers'"),
        ({"attn_config": {"kernle": "sdpa"}}, "model.attn_config.kernle"),
        ({"attn_config": {"kernel": "cuda"}}, "kernel. must be one of auto, reference, sdpa"),
        ({"attn_config": {"alibi": False}}, "alibi. must be true"),
        ({"attn_config": {"rope": True, "rope_impl": "hf"}}, "rope"),
        ({"attn_config": {"alibi_bias_max": 16}}, "alibi_bias_max. must be 8"),
        ({"attn_config": {"sliding_window_size": 8}}, "sliding_window_size"),
        ({"ffn_config": {"ffn_typ": "mptglu"}}, "model.ffn_config.ffn_typ"),
        ({"n_heads": 5}, "must be a multiple of"),
        ({"resid_pdrop": 1.5}, "model.resid_pdrop"),
    ],
)
def test_names_the_key_of_a_mistake(section: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(**section)


def test_foundrys_blocks_remain_available() -> None:
    built = build(
        norm_type="layernorm",
        ffn_config={"ffn_type": "mptmlp"},
        attn_config={"attn_type": "grouped_query_attention", "kv_n_heads": 2, "alibi": True},
    )
    assert built.model(torch.zeros(1, 8, dtype=torch.long)).logits.shape == (1, 8, 128)
