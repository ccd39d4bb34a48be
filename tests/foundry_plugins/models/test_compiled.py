# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""torch.compile changes nothing and sees each kind of model as one graph.

But for an ``attention_mask``: there the host looks into it, which breaks the graph.
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch

MODELS: dict[str, dict[str, Any]] = {
    "alibi": {"block_type": "parallel"},
    "rope": {
        "attn_config": {
            **{"attn_type": "causal_attention", "rope": True},
            **{"kv_n_heads": 2, "sliding_window_size": 9},
        }
    },
    "learned": {"attn_config": {"attn_type": "causal_attention", "attn_uses_sequence_id": True}},
    "t5": {"attn_config": {"attn_type": "causal_attention", "t5_bias": True}},
}


def build(section: dict[str, Any]) -> Any:
    from llmfoundry.utils.builders import build_composer_model

    torch.manual_seed(2)
    sizes = {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 24, "vocab_size": 64}
    return build_composer_model(
        name="code_mpt_causal_lm",
        cfg=sizes | section,
        tokenizer=None,
        init_context=contextlib.nullcontext(),
    ).train()


@pytest.mark.parametrize("name", MODELS)
def test_one_graph_and_the_same_gradients(name: str) -> None:
    model = build(MODELS[name])
    tokens = torch.randint(0, 64, (2, 24), generator=torch.Generator().manual_seed(5))
    batch = {"input_ids": tokens, "labels": tokens}
    if name == "learned":
        batch["sequence_id"] = torch.cat([torch.zeros(2, 9), torch.ones(2, 15)], dim=1).long()
    losses, gradients = [], []
    for forward in (model, torch.compile(model, backend="aot_eager", fullgraph=True)):
        model.zero_grad()
        loss = model.loss(forward(batch), batch)
        loss.backward()
        losses.append(loss.detach())
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    torch.testing.assert_close(losses[0], losses[1])
    for eager, compiled in zip(*gradients, strict=True):
        torch.testing.assert_close(eager, compiled, rtol=1e-4, atol=1e-6)


def test_padding_and_other_lengths() -> None:
    """Few graphs for all lengths: a message that held one would make a graph for each."""
    from torch._dynamo.testing import CompileCounterWithBackend

    model = build(MODELS["alibi"])
    counter = CompileCounterWithBackend("aot_eager")
    torch._dynamo.reset()
    compiled = torch.compile(model, backend=counter)
    for length in range(13, 24):
        tokens = torch.randint(0, 64, (2, length))
        mask = torch.ones(2, length, dtype=torch.bool)
        mask[1, length - 4 :] = False
        batch = {"input_ids": tokens, "labels": tokens, "attention_mask": mask}
        expected = model(batch).logits[mask]
        torch.testing.assert_close(compiled(batch).logits[mask], expected, rtol=1e-4, atol=1e-5)
        if length == 16:
            graphs = counter.frame_count
    assert counter.frame_count == graphs
