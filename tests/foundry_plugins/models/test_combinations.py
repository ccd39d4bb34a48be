# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every kind of block, norm, MLP, attention and position, alone and together."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import pytest
import torch
from torch import nn

from foundry_plugins.contract.errors import UserError

SIZES = {"d_model": 24, "n_heads": 6, "n_layers": 2, "max_seq_len": 24, "vocab_size": 64}
POSITIONS: dict[str, dict[str, Any]] = {
    "alibi": {"attn_type": "alibi_multiquery_attention"},
    "rope": {"attn_type": "causal_attention", "rope": True},
    "learned": {"attn_type": "causal_attention"},
    "t5": {"attn_type": "causal_attention", "t5_bias": True, "t5_bias_max_distance": 20},
    "foundry_alibi": {"attn_type": "multiquery_attention", "alibi": True},
    "foundry_rope": {"attn_type": "multihead_attention", "rope": True},
}
MLPS: dict[str, dict[str, Any]] = {
    "swiglu": {"ffn_type": "mptglu"},
    "gelu": {"ffn_type": "mptmlp"},
    "relu": {"ffn_type": "mptmlp", "ffn_act_fn": {"name": "relu"}},
    "elu": {"ffn_type": "mptmlp", "ffn_act_fn": {"name": "elu"}},
    "geglu": {"ffn_type": "mptglu", "ffn_act_fn": {"name": "gelu"}},
    "reglu": {"ffn_type": "mptglu", "ffn_act_fn": {"name": "relu"}},
}
OURS = [name for name in POSITIONS if not name.startswith("foundry")]
CHOICES = {
    "position": [*POSITIONS],
    "kv_n_heads": [1, 2, 6],
    "mlp": [*MLPS],
    "block_type": ["sequential", "parallel"],
    "norm_type": ["rmsnorm", "layernorm", "low_precision_layernorm"],
    "tie_word_embeddings": [True, False],
    "no_bias": [True, False],
    "documents": [True, False],
    "window": [None, 5],
    "dropout": [0.0, 0.2],
    "qk_ln": [False, True],
}


def allowed(choice: dict[str, Any]) -> bool:
    foundrys = choice["position"].startswith("foundry")
    heads = {"foundry_alibi": 1, "foundry_rope": 6}.get(choice["position"])
    return not (
        (choice["window"] and choice["position"] == "alibi")
        or (foundrys and (choice["kv_n_heads"] != heads or choice["dropout"]))
    )


def covering() -> list[dict[str, Any]]:
    """Choices that hold every allowed pair of values: few, and no two keys left untried."""
    generator = torch.Generator().manual_seed(7)
    wanted = {
        (a, x, b, y)
        for a, b in itertools.combinations(CHOICES, 2)
        for x, y in itertools.product(range(len(CHOICES[a])), range(len(CHOICES[b])))
    }
    found: list[dict[str, Any]] = []
    idle = 0
    while wanted and idle < 300:
        best: tuple[int, dict[str, int]] = (0, {})
        for _ in range(30):
            index = {
                k: int(torch.randint(len(v), (), generator=generator)) for k, v in CHOICES.items()
            }
            if allowed({k: CHOICES[k][i] for k, i in index.items()}):
                new = sum(index[a] == x and index[b] == y for a, x, b, y in wanted)
                best = max(best, (new, index), key=lambda pair: pair[0])
        idle = 0 if best[0] else idle + 1
        if best[0]:
            index = best[1]
            wanted = {w for w in wanted if not (index[w[0]] == w[1] and index[w[2]] == w[3])}
            found.append({k: CHOICES[k][i] for k, i in index.items()})
    return found


COVERING = covering()


def section(choice: dict[str, Any]) -> dict[str, Any]:
    attention = dict(POSITIONS[choice["position"]])
    if not choice["position"].startswith("foundry"):
        attention["kv_n_heads"] = choice["kv_n_heads"]
    if choice["window"]:
        attention["sliding_window_size"] = choice["window"]
    attention["attn_uses_sequence_id"] = choice["documents"]
    attention["attn_pdrop"] = choice["dropout"]
    attention["qk_ln"] = choice["qk_ln"]
    return {
        **{k: choice[k] for k in ("block_type", "norm_type", "tie_word_embeddings", "no_bias")},
        "attn_config": attention,
        "ffn_config": dict(MLPS[choice["mlp"]]),
        "resid_pdrop": choice["dropout"],
        "emb_pdrop": choice["dropout"],
    }


def build(tokenizer: Any = None, **options: Any) -> Any:
    from llmfoundry.utils.builders import build_composer_model

    torch.manual_seed(3)
    return build_composer_model(
        name="code_mpt_causal_lm",
        cfg={**SIZES, **options},
        tokenizer=tokenizer,
        init_context=contextlib.nullcontext(),
    )


def tokens() -> torch.Tensor:
    return torch.randint(0, 64, (2, 24), generator=torch.Generator().manual_seed(5))


DOCUMENT = torch.tensor([[0] * 14 + [1] * 10, [3] + [0] * 4 + [2] * 19])


@pytest.mark.parametrize("choice", COVERING, ids=lambda c: "-".join(map(str, c.values())))
def test_trains(choice: dict[str, Any]) -> None:
    model = build(**section(choice)).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    batch = {"input_ids": tokens(), "labels": tokens()}
    if choice["documents"]:
        batch["sequence_id"] = DOCUMENT
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = model.loss(model(batch), batch)
        loss.backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            # Learned positions beyond the sample and the table's far distances stay unused.
            assert parameter.grad.abs().sum() > 0, name
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("documents", [False, True])
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("position", OURS)
def test_trains_in_bf16(position: str, autocast: bool, documents: bool) -> None:
    """With bf16 parameters, and with fp32 ones under autocast, which is ``amp_bf16``."""
    attention = POSITIONS[position] | {"attn_uses_sequence_id": documents}
    block_type = "parallel" if documents else "sequential"
    model = build(attn_config=attention, block_type=block_type).train()
    if not autocast:
        model = model.to(torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    batch = {"input_ids": tokens(), "labels": tokens(), "sequence_id": DOCUMENT}
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = model.loss(model(batch), batch)
        loss.backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


def test_the_choices_cover_every_value() -> None:
    for key, values in CHOICES.items():
        assert {choice[key] for choice in COVERING} == {*values}
    assert len(COVERING) < 60


@pytest.mark.parametrize("position", OURS)
@pytest.mark.parametrize("window", [None, 5])
def test_documents_do_not_see_each_other(position: str, window: int | None) -> None:
    if position == "alibi" and window:
        return
    attention = POSITIONS[position] | {"attn_uses_sequence_id": True}
    model = build(
        attn_config=attention | ({"sliding_window_size": window} if window else {})
    ).eval()
    changed = tokens()
    changed[0, :14] = 9
    with torch.no_grad():
        before = model.model(tokens(), sequence_id=DOCUMENT).logits
        after = model.model(changed, sequence_id=DOCUMENT).logits
        assert torch.equal(before[0, 14:], after[0, 14:])
        assert not torch.allclose(before[0, 5:14], after[0, 5:14], atol=1e-4)
        if position != "learned":  # whose positions count on through a sample, as GPT-2's do
            alone = model.model(tokens()[:1, 14:], sequence_id=DOCUMENT[:1, 14:]).logits
            torch.testing.assert_close(before[:1, 14:], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block_type", ["sequential", "parallel"])
@pytest.mark.parametrize("position", OURS)
@pytest.mark.parametrize("window", [None, 5])
def test_generates_the_same_with_and_without_cache(
    position: str, block_type: str, window: int | None
) -> None:
    if position == "alibi" and window:
        return
    attention = dict(POSITIONS[position]) | ({"sliding_window_size": window} if window else {})
    model = build(block_type=block_type, attn_config=attention).eval()
    for parameter in model.parameters():
        parameter.data.mul_(2)  # so that the most likely token is clear
    prompt = tokens()[:, :8]
    mask = torch.ones_like(prompt)
    mask[0, :3] = 0  # left padding
    with_cache, without = (
        model.model.generate(
            prompt, attention_mask=mask, max_new_tokens=12, do_sample=False, use_cache=cached
        )
        for cached in (True, False)
    )
    assert torch.equal(with_cache, without)
    alone = model.model.generate(prompt[:1, 3:], max_new_tokens=12, do_sample=False)
    assert torch.equal(alone[0, 5:], with_cache[0, 8:])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"kv_n_heads": 6, "sliding_window_size": 4}, {"sliding_window_size": 4}),
        ({"rope": True}, {"rope": True, "rope_impl": "hf"}),
        (
            {"rope": True, "kv_n_heads": 2, "sliding_window_size": 4},
            {"rope": True, "rope_impl": "hf", "kv_n_heads": 2, "sliding_window_size": 4},
        ),
        ({"kv_n_heads": 1, "attn_uses_sequence_id": True}, {"attn_uses_sequence_id": True}),
    ],
)
def test_equals_foundrys_attention(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    groups = ours.get("kv_n_heads", 6)
    kind = {1: "multiquery", 6: "multihead"}.get(groups, "grouped_query")
    options: dict[str, Any] = {"norm_type": "layernorm", "no_bias": False}
    model = build(attn_config={"attn_type": "causal_attention"} | ours, **options).eval()
    host = build(attn_config={"attn_type": f"{kind}_attention"} | theirs, **options).eval()
    host.load_state_dict(model.state_dict())
    sequence_id = {"sequence_id": DOCUMENT} if "attn_uses_sequence_id" in ours else {}
    with torch.no_grad():
        torch.testing.assert_close(
            model.model(tokens(), **sequence_id).logits,
            host.model(tokens(), **sequence_id).logits,
            rtol=1e-4,
            atol=1e-5,
        )


def test_the_parallel_block_is_its_formula() -> None:
    from llmfoundry.models.layers.blocks import MPTBlock

    model = build(block_type="parallel").eval()
    block = model.model.transformer.blocks[0]
    assert isinstance(block, MPTBlock)
    assert not [name for name, _ in block.named_parameters() if name.startswith("norm_2")]
    x = torch.randn(2, 24, 24)
    with torch.no_grad():
        a = block.norm_1(x)
        expected = x + block.attn(a)[0] + block.ffn(a)
        torch.testing.assert_close(block(x)[0], expected)
        # Sequential blocks look at what attention added; these do not.
        torch.testing.assert_close(block(x)[0] - x - block.ffn(a), block.attn(a)[0])


def test_t5s_table_is_one_for_all_layers() -> None:
    model = build(attn_config=POSITIONS["t5"])
    tables = [name for name, _ in model.named_parameters() if "t5_bias" in name]
    assert tables == ["model.transformer.t5_bias.table.weight"]


@pytest.mark.parametrize("position", OURS)
@pytest.mark.parametrize("init", ["kaiming_normal_", "baseline_", "neox_init_"])
def test_every_parameter_is_initialised_after_the_meta_device(position: str, init: str) -> None:
    """As sharding does it: each module is made empty by itself, then handed to param_init_fn."""
    options = {
        **{"attn_config": POSITIONS[position], "no_bias": False, "norm_type": "layernorm"},
        **{"init_config": {"name": init, "init_std": 0.02}, "tie_word_embeddings": False},
        **{"block_type": "parallel" if position == "rope" else "sequential", "d_model": 48},
    }
    model = build(init_device="meta", **options)
    assert {p.device.type for p in model.parameters()} == {"meta"}
    assert "meta" not in {b.device.type for b in model.buffers()}
    lm = model.model
    for module in lm.modules():
        if [*module.parameters(recurse=False)]:
            _empty(module)
            lm.param_init_fn(module)
    normal = build(init_device="cpu", **options).model
    for (name, ours), theirs in zip(lm.named_parameters(), normal.parameters(), strict=True):
        assert ours.isfinite().all(), name
        if theirs.std() == 0:
            assert torch.equal(ours, theirs), name
        else:
            assert 0.8 < float(ours.std() / theirs.std()) < 1.25, name
    with torch.no_grad():
        assert lm(tokens()).logits.isfinite().all()


def _empty(module: nn.Module) -> None:
    module.to_empty(device="cpu", recurse=False)
    for parameter in module.parameters(recurse=False):
        parameter.data.fill_(torch.nan)


@pytest.mark.parametrize("position", OURS)
def test_a_sample_may_not_be_longer_than_the_model(position: str) -> None:
    model = build(attn_config=POSITIONS[position])
    with pytest.raises(UserError, match=r"`model.max_seq_len` is 24, got a sample of 25 tokens"):
        model.model(torch.zeros(1, 25, dtype=torch.long))


def test_learned_positions_end_where_they_end() -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers.tokenization_utils_fast import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"a": 0}, unk_token="a"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=25)
    build(attn_config=POSITIONS["rope"], tokenizer=tokenizer)
    with pytest.raises(UserError, match=r"model_max_length` is 25, .* `model.max_seq_len: 24`"):
        build(attn_config=POSITIONS["learned"], tokenizer=tokenizer)
