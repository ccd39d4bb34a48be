# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every place in Foundry's own models, with the host's activation checkpointing."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from composer.core import Timestamp
from composer.devices import DeviceCPU
from composer.distributed.activation_checkpointing import apply_ac
from composer.loggers import Logger

from foundry_plugins.callbacks.early_dropout import EarlyDropout

KINDS = {"stochastic_depth": 0.5, "drop_head": 0.25, "layer_drop": 0.2, "token_dropout": 0.1}
SIZES = {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 16, "vocab_size": 64}
PDROP = {"resid_pdrop": 0.1, "emb_pdrop": 0.2, "attn_config": {"attn_pdrop": 0.3}}


def build(name: str, section: dict[str, Any]) -> Any:
    from llmfoundry.utils.builders import build_composer_model

    torch.manual_seed(2)
    section = SIZES | PDROP | section
    if name == "mpt_causal_lm":
        # Foundry's torch attention drops in place what its softmax needs again, and ends there.
        section |= {"attn_config": {"attn_impl": "torch"}, "loss_fn": "torch_crossentropy"}
    return build_composer_model(
        name=name, cfg=section, tokenizer=None, init_context=contextlib.nullcontext()
    ).train()


def begin(model: Any, dropout: EarlyDropout) -> None:
    state = SimpleNamespace(
        model=model,
        device=DeviceCPU(),
        timestamp=Timestamp(batch=3),
        rank_zero_seed=1,
        max_duration=None,
    )
    dropout.before_load(state, Logger(state))  # type: ignore[arg-type]
    dropout.batch_start(state, Logger(state, []))  # type: ignore[arg-type]


MODELS = {
    "sequential": ("code_mpt_causal_lm", {}),
    "parallel": ("code_mpt_causal_lm", {"block_type": "parallel"}),
    "foundry": ("mpt_causal_lm", {}),
    "fused": ("mpt_causal_lm", {"fuse_norm_attn_norm": True}),
}


@pytest.mark.parametrize("kind", MODELS)
def test_every_place_follows_and_both_passes_draw_the_same(kind: str) -> None:
    results = []
    for again in (False, True):
        model = build(*MODELS[kind])
        if again:
            apply_ac(model, True, False, lambda m: type(m).__name__.endswith("MPTBlock"))
        before = model.state_dict().keys()
        begin(model, EarlyDropout(t_end="6ba", **KINDS))
        assert model.state_dict().keys() == before
        probabilities = [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)]
        assert set(probabilities) == {0.05, 0.1}
        attention = {m.attn_dropout_p for m in model.modules() if "attn_dropout_p" in vars(m)}
        assert attention == {0.15 if MODELS[kind][0].startswith("code") else 0.0}
        tokens = torch.randint(0, 64, (4, 16), generator=torch.Generator().manual_seed(5))
        batch = {"input_ids": tokens, "labels": tokens}
        loss = model.loss(model(batch), batch)
        loss.backward()
        results.append((loss.item(), [p.grad for p in model.parameters()]))
    assert results[0][0] == results[1][0]
    for plain, checkpointed in zip(results[0][1], results[1][1], strict=True):
        assert torch.equal(plain, checkpointed)
