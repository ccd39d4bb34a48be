# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Decoding through ``generate`` and through the forward pass, for every kind of position."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError

SIZES: dict[str, Any] = {
    "d_model": 48,
    "n_heads": 6,
    "n_layers": 2,
    "max_seq_len": 24,
    "vocab_size": 128,
}
CAUSAL = {"attn_type": "causal_attention"}
POSITIONS: dict[str, dict[str, Any]] = {
    "alibi": {"attn_type": "alibi_multiquery_attention"},
    "alibi, grouped": {"attn_type": "alibi_multiquery_attention", "kv_n_heads": 2},
    "rope": CAUSAL | {"rope": True, "kv_n_heads": 1},
    "window": CAUSAL | {"rope": True, "kv_n_heads": 3, "sliding_window_size": 5},
    "t5": CAUSAL | {"t5_bias": True},
    "learned": CAUSAL,
}
GOES_ON = [name for name in POSITIONS if name != "learned"]

Models = Callable[[str], Any]


@pytest.fixture(scope="module")
def models() -> Models:
    from llmfoundry.utils.builders import build_composer_model

    made: dict[str, Any] = {}

    def get(position: str) -> Any:
        if position not in made:
            torch.manual_seed(1)
            built: Any = build_composer_model(
                name="code_mpt_causal_lm",
                cfg={**SIZES, "attn_config": dict(POSITIONS[position])},
                tokenizer=None,
                init_context=contextlib.nullcontext(),
            )
            made[position] = built.model.eval()
            for parameter in made[position].parameters():
                parameter.data.mul_(3)  # larger than at initialisation, so that differences show
        return made[position]

    return get


def prompt(length: int, rows: int = 3) -> torch.Tensor:
    return torch.randint(1, 128, (rows, length), generator=torch.Generator().manual_seed(2))


def greedy(model: Any, ids: torch.Tensor, new: int, **options: Any) -> torch.Tensor:
    options = {"do_sample": False, "pad_token_id": 0, "eos_token_id": None} | options
    return model.generate(ids, max_new_tokens=new, **options)[:, ids.shape[1] :]


@pytest.mark.parametrize("position", POSITIONS)
def test_left_padding_changes_no_token(models: Models, position: str) -> None:
    model = models(position)
    lengths = (10, 4, 1)
    rows = [prompt(length, 1) for length in lengths]
    ids = torch.cat([torch.nn.functional.pad(row, (10 - row.shape[1], 0)) for row in rows])
    mask = torch.arange(10) >= 10 - torch.tensor(lengths).unsqueeze(1)
    together = greedy(model, ids, 14, attention_mask=mask)
    alone = torch.cat([greedy(model, row, 14) for row in rows])
    assert torch.equal(together, alone)
    assert torch.equal(together, greedy(model, ids, 14, attention_mask=mask, use_cache=False))
    assert len(together.unique()) > 5


@pytest.mark.parametrize("position", GOES_ON)
def test_goes_on_beyond_the_trained_length(models: Models, position: str) -> None:
    model = models(position)
    ids = prompt(40)  # longer than `max_seq_len` by itself
    found = greedy(model, ids, 30)
    assert torch.equal(found, greedy(model, ids, 30, use_cache=False))
    assert model.config.max_seq_len == 24
    with torch.no_grad():
        whole = model(torch.cat([ids, found], 1)).logits[:, 39:-1]
    assert torch.equal(whole.argmax(-1), found)


def test_training_samples_may_not_be_longer(models: Models) -> None:
    model = models("alibi").train()
    try:
        with pytest.raises(UserError, match=r"model.max_seq_len` is 24, got a sample of 25 tokens"):
            model(prompt(25))
    finally:
        model.eval()


def test_learned_positions_end(models: Models) -> None:
    model = models("learned")
    assert greedy(model, prompt(20), 5).shape == (3, 5)  # the last token is never read
    for ids, new in ((prompt(20), 6), (prompt(25), 1)):
        with pytest.raises(UserError, match=r"max_seq_len` is 24, got a sample of 25 tokens"):
            greedy(model, ids, new)


@pytest.mark.parametrize("position", POSITIONS)
def test_two_branches_of_a_prefix(models: Models, position: str) -> None:
    model = models(position)
    ids = prompt(16)
    with torch.no_grad():
        whole = model(ids).logits
        other = ids.clone()
        other[:, 8:] = other[:, 8:].flip(1)
        expected = model(other).logits
        past = model(ids[:, :8], use_cache=True).past_key_values
        branches = [past, past]
        for t in range(8, 16):  # in turns, so that one could overwrite the other
            for number, (text, wanted) in enumerate(((ids, whole), (other, expected))):
                out = model(text[:, t : t + 1], past_key_values=branches[number], use_cache=True)
                branches[number] = out.past_key_values
                torch.testing.assert_close(out.logits[:, 0], wanted[:, t], rtol=1e-3, atol=5e-3)


@pytest.mark.parametrize("position", ["alibi", "t5"])
def test_searches_that_reorder_the_cache(models: Models, position: str) -> None:
    model = models(position)
    for options in ({"num_beams": 4}, {"num_beams": 4, "num_return_sequences": 3}):
        found, expected = (
            greedy(model, prompt(6), 12, use_cache=cached, **options) for cached in (True, False)
        )
        assert torch.equal(found, expected)


def test_layout_of_the_cache_is_foundrys(models: Models) -> None:
    model = models("alibi, grouped")
    with torch.no_grad():
        past = model(prompt(5), use_cache=True).past_key_values
        past = model(prompt(1), past_key_values=past, use_cache=True).past_key_values
        assert model(prompt(5), use_cache=False).past_key_values is None
    assert isinstance(past, tuple)
    assert len(past) == 2
    assert [tuple(x.shape) for x in past[0]] == [(3, 2, 8, 6), (3, 2, 6, 8)]


def test_a_mask_must_cover_the_cache(models: Models) -> None:
    model = models("alibi")
    with torch.no_grad():
        past = model(prompt(5), use_cache=True).past_key_values
        with pytest.raises(UserError, match=r"must cover all 6 tokens, .* got 1"):
            model(prompt(1), past_key_values=past, attention_mask=torch.ones(3, 1))


def test_several_tokens_behind_a_cache(models: Models) -> None:
    for position in POSITIONS:
        model = models(position)
        ids = prompt(12)
        with torch.no_grad():
            past = model(ids[:, :5], use_cache=True).past_key_values
            rest = model(ids[:, 5:], past_key_values=past, use_cache=True).logits
            expected = model(ids).logits[:, 5:]
        torch.testing.assert_close(rest, expected, rtol=1e-4, atol=1e-3)


def test_a_backward_pass_through_the_cache(models: Models) -> None:
    model = models("alibi")
    ids = prompt(6)
    gradients = []
    for split in (False, True):
        model.zero_grad()
        if split:
            past = model(ids[:, :5], use_cache=True).past_key_values
            logits = model(ids[:, 5:], past_key_values=past, use_cache=True).logits
        else:
            logits = model(ids).logits[:, 5:]
        logits.square().mean().backward()
        gradients.append(model.transformer.blocks[0].attn.Wqkv.weight.grad.clone())
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def foundrys(models: Models) -> Any:
    """Foundry's model with the weights of ours."""
    from llmfoundry.models.mpt.modeling_mpt import ComposerMPTCausalLM

    section: dict[str, Any] = SIZES | {
        "max_seq_len": 64,
        "no_bias": True,
        "norm_type": "rmsnorm",
        "ffn_config": {
            "ffn_type": "mptglu",
            "ffn_act_fn": {"name": "silu"},
            "ffn_hidden_size": 256,
        },
        "attn_config": {"attn_type": "multiquery_attention", "attn_impl": "torch", "alibi": True},
    }
    theirs = ComposerMPTCausalLM(loss_fn="torch_crossentropy", **section).model.eval()
    theirs.load_state_dict(models("alibi").state_dict())
    return theirs


def steps(model: Any, text: torch.Tensor, known: int) -> torch.Tensor:
    """Logits of the last token of the known ones, and of each further one, with the cache."""
    found, past, ids = [], None, text[:, :known]
    for t in range(known, text.shape[1] + 1):
        out = model(ids, past_key_values=past, use_cache=True)
        past, ids = out.past_key_values, text[:, t : t + 1]
        found.append(out.logits[:, -1].float())
    return torch.stack(found, 1)


def test_same_tokens_as_foundrys_own_model(models: Models, foundrys: Any) -> None:
    ours = models("alibi")
    for length in (1, 8, 20):
        text = prompt(length)
        found = greedy(ours, text, 40)
        assert torch.equal(found, greedy(foundrys, text, 40))
        assert torch.equal(found, greedy(ours, text, 40))
    with torch.no_grad():
        logits = [steps(model, prompt(60), 20) for model in (ours, foundrys)]
    torch.testing.assert_close(*logits, rtol=1e-4, atol=1e-3)


def test_bf16_is_no_worse_than_foundrys(models: Models, foundrys: Any) -> None:
    ours = models("alibi")
    text = prompt(60)
    with torch.no_grad():
        exact = steps(ours, text, 20)
        with torch.autocast("cpu", torch.bfloat16):
            errors = [(steps(model, text, 20) - exact).norm() for model in (ours, foundrys)]
    assert errors[0] < 1.1 * errors[1]
    assert errors[0] < 0.1 * exact.norm()
