# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The exported modelling file on its own: ALiBi, caching, padding, precision."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from foundry_plugins.export.modeling_code_mpt import (
    CodeMPTConfig,
    CodeMPTForCausalLM,
    alibi_slopes,
)


def make(**options: Any) -> Any:
    torch.manual_seed(0)
    model = CodeMPTForCausalLM(CodeMPTConfig(vocab_size=97, **options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(12)
    return model


def test_slopes_of_the_paper() -> None:
    # Section 3 of the paper: 8 heads give 1/2, 1/4, ... 1/256.
    assert alibi_slopes(8, 8.0) == [2.0**-k for k in range(1, 9)]
    # 6 heads: the even members of the 8-head sequence, then odd ones.
    assert alibi_slopes(6, 8.0) == [2.0**-k for k in (2, 4, 6, 8, 1, 3)]
    assert alibi_slopes(1, 8.0) == [2.0**-8]


def _slow_logits(model: CodeMPTForCausalLM, ids: list[int]) -> torch.Tensor:
    """The definition, one query, head and key at a time, in fp64."""
    w = {name: tensor.double() for name, tensor in model.state_dict().items()}
    c: Any = model.config
    heads, kv_heads = c.num_attention_heads, c.num_key_value_heads
    size = c.hidden_size // heads

    def norm(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        if c.norm == "layernorm":
            x = x - x.mean(-1, keepdim=True)
        return x / (x.pow(2).mean(-1, keepdim=True) + c.norm_eps).sqrt() * weight

    def attend(x: torch.Tensor, layer: str) -> torch.Tensor:
        qkv = x @ w[f"{layer}.attn.Wqkv.weight"].T
        q = qkv[:, : heads * size].view(-1, heads, size)
        k, v = (t.view(-1, kv_heads, size) for t in qkv[:, heads * size :].chunk(2, dim=-1))
        out = torch.zeros_like(q)
        for i in range(len(ids)):
            for h, slope in enumerate(alibi_slopes(heads, c.alibi_bias_max)):
                shared = h * kv_heads // heads
                scores = torch.stack(
                    [
                        q[i, h] @ k[j, shared] / math.sqrt(size) + slope * (j - i)
                        for j in range(i + 1)
                    ]
                )
                out[i, h] = scores.softmax(0) @ v[: i + 1, shared]
        return out.flatten(1) @ w[f"{layer}.attn.out_proj.weight"].T

    def mlp(x: torch.Tensor, layer: str) -> torch.Tensor:
        up = x @ w[f"{layer}.ffn.up_proj.weight"].T
        if c.mlp == "swiglu":
            gate = x @ w[f"{layer}.ffn.gate_proj.weight"].T
            hidden = gate * torch.sigmoid(gate) * up
        else:
            hidden = up * 0.5 * (1 + torch.erf(up / math.sqrt(2)))
        return hidden @ w[f"{layer}.ffn.down_proj.weight"].T

    x = w["transformer.wte.weight"][ids]
    for index in range(c.num_hidden_layers):
        layer = f"transformer.blocks.{index}"
        x = x + attend(norm(x, w[f"{layer}.norm_1.weight"]), layer)
        x = x + mlp(norm(x, w[f"{layer}.norm_2.weight"]), layer)
    x = norm(x, w["transformer.norm_f.weight"])
    return x @ w.get("lm_head.weight", w["transformer.wte.weight"]).T


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_attention_heads": 6, "hidden_size": 48, "tie_word_embeddings": False},
        {"num_key_value_heads": 2, "norm": "layernorm", "mlp": "gelu", "alibi_bias_max": 4.0},
        {"num_key_value_heads": 4},
    ],
)
def test_equals_the_definition(options: dict[str, Any]) -> None:
    model = make(**options)
    ids = torch.randint(0, 97, (1, 19)).tolist()[0]
    expected = _slow_logits(model, ids)
    assert expected.std() > 0.5
    with torch.inference_mode():
        fp32 = model(torch.tensor([ids])).logits[0]
        fp64 = model.double()(torch.tensor([ids])).logits[0]
    assert torch.allclose(fp64, expected, atol=1e-10)
    assert torch.allclose(fp32.double(), expected, atol=1e-4)


def test_generation_is_the_same_with_and_without_a_cache() -> None:
    model = make(num_hidden_layers=3)
    ids = torch.randint(0, 97, (2, 11))
    cached, plain = (
        model.generate(ids, max_new_tokens=24, do_sample=False, use_cache=use, pad_token_id=0)
        for use in (True, False)
    )
    assert torch.equal(cached, plain)
    beams = model.generate(ids, max_new_tokens=8, num_beams=3, do_sample=False, pad_token_id=0)
    assert beams.shape == (2, 19)


def test_a_prompt_in_two_pieces_gives_the_same_logits() -> None:
    model, ids = make(), torch.randint(0, 97, (1, 20))
    with torch.inference_mode():
        whole = model(ids).logits
        first = model(ids[:, :13], use_cache=True)
        second = model(ids[:, 13:], past_key_values=first.past_key_values)
    assert torch.allclose(torch.cat([first.logits, second.logits], 1), whole, atol=1e-5)


def test_left_padding_changes_nothing() -> None:
    model = make()
    short, long = torch.randint(1, 97, (1, 5)), torch.randint(1, 97, (1, 12))
    padded = torch.cat([torch.zeros(1, 7, dtype=torch.long), short], 1)
    batch = torch.cat([padded, long])
    mask = torch.ones_like(batch)
    mask[0, :7] = 0
    with torch.inference_mode():
        logits = model(batch, attention_mask=mask).logits
        assert torch.allclose(logits[0, 7:], model(short).logits[0], atol=1e-5)
        assert torch.allclose(logits[1], model(long).logits[0], atol=1e-5)
    assert logits.isfinite().all()
    options: dict[str, Any] = {"max_new_tokens": 10, "do_sample": False, "pad_token_id": 0}
    together = model.generate(batch, attention_mask=mask, **options)
    assert torch.equal(together[0, 12:], model.generate(short, **options)[0, 5:])


def test_low_precision_stays_close() -> None:
    model, ids = make(), torch.randint(0, 97, (1, 64))
    with torch.inference_mode():
        exact = model(ids).logits
        rounded = model.bfloat16()(ids).logits
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).abs().mean() < 0.05 * exact.abs().mean()


def test_loss_shifts_and_ignores() -> None:
    model, ids = make(), torch.randint(0, 97, (1, 9))
    labels = ids.clone()
    labels[0, 4] = -100
    out = model(ids, labels=labels)
    expected = torch.nn.functional.cross_entropy(out.logits[0, :-1], labels[0, 1:])
    assert torch.allclose(out.loss, expected)
    assert model(ids, logits_to_keep=2).logits.shape == (1, 2, 97)


@pytest.mark.parametrize("options", [{"block": "parallel"}, {"norm": "batchnorm"}, {"mlp": "relu"}])
def test_unknown_variants_are_named(options: dict[str, Any]) -> None:
    [(option, value)] = options.items()
    with pytest.raises(ValueError, match=f"`{option}` must be .*{value}"):
        CodeMPTForCausalLM(CodeMPTConfig(**options))
