# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The registered layer: which kernel it calls, with what, under autocast and checkpointing."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Any

import pytest
import torch

DOCUMENTS = torch.tensor([[3] * 8 + [0] + [1] * 15, [2, 5] * 12])


def layer(**options: Any) -> Any:
    from foundry_plugins.models.attention.layer import ALiBiMultiQueryAttention

    torch.manual_seed(0)
    return ALiBiMultiQueryAttention(d_model=64, n_heads=4, attn_impl="torch", bias=False, **options)


def model(kernel: str, **options: Any) -> Any:
    from llmfoundry.utils.builders import build_composer_model

    torch.manual_seed(3)
    section = {
        **{"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 24, "vocab_size": 64},
        "attn_config": {"kernel": kernel, "attn_uses_sequence_id": True},
    }
    return build_composer_model(
        name="code_mpt_causal_lm",
        cfg=section | options,
        tokenizer=None,
        init_context=contextlib.nullcontext(),
    ).train()


def step(built: Any, forward: Any, documents: torch.Tensor) -> list[torch.Tensor]:
    tokens = torch.randint(0, 64, (2, 24), generator=torch.Generator().manual_seed(5))
    batch = {"input_ids": tokens, "labels": tokens, "sequence_id": documents}
    built.zero_grad()
    loss = built.loss(forward(batch), batch)
    loss.backward()
    return [loss.detach(), *(parameter.grad.clone() for parameter in built.parameters())]


@pytest.mark.parametrize("documents", [DOCUMENTS, DOCUMENTS[:1].expand(2, 24)])
def test_all_kernels_train_alike(documents: torch.Tensor) -> None:
    expected = None
    for kernel in ("reference", "sdpa", "augmented", "blocked", "flex", "auto"):
        built = model(kernel)
        found = step(built, built, documents)
        expected = expected or found
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kernel", ["augmented", "blocked", "flex", "auto"])
def test_activation_checkpointing_changes_nothing(kernel: str) -> None:
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
        CheckpointImpl,
        checkpoint_wrapper,
    )

    documents = DOCUMENTS[:1].expand(2, 24)
    plain = model(kernel)
    expected = step(plain, plain, documents)
    built = model(kernel)
    blocks = built.model.transformer.blocks
    for index, block in enumerate(blocks):
        # As Composer does it.
        blocks[index] = checkpoint_wrapper(block, checkpoint_impl=CheckpointImpl.NO_REENTRANT)
    for ours, theirs in zip(step(built, built, documents), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kernel", ["augmented", "blocked", "flex", "auto"])
def test_compiles_with_documents(kernel: str) -> None:
    built = model(kernel)
    # On a CPU two stay outside of the graph; the others are in it.
    fullgraph = kernel not in ("blocked", "flex")
    whole = torch.compile(built, backend="aot_eager", fullgraph=fullgraph)
    for documents in (DOCUMENTS, DOCUMENTS[:1].expand(2, 24)):
        expected = step(built, built, documents)
        for ours, theirs in zip(step(built, whole, documents), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_autocast_leaves_the_kernels_their_fp32() -> None:
    from foundry_plugins.models.attention.reference import reference_attention

    attention = layer(kernel="reference")
    q, k, v = (torch.randn(1, h, 40, 16).bfloat16() for h in (4, 1, 1))
    with torch.autocast("cpu", torch.bfloat16):
        found = attention.attend(q, k, v, None, 0.0)
    assert torch.equal(found, reference_attention(q, k, v, scale=0.25))


def test_kernels_of_whole_contexts_leave_a_cache_to_others() -> None:
    attention = layer(kernel="flex")
    q, k = torch.randn(1, 4, 2, 16), torch.randn(1, 1, 9, 16)
    found = attention.attend(q, k, k, None, 0.0)
    torch.testing.assert_close(found, layer(kernel="reference").attend(q, k, k, None, 0.0))


def test_the_kernels_need_only_torch() -> None:
    names = [
        "alibi",
        "augmented",
        "blocked",
        "causal",
        "choose",
        "decode",
        "flash",
        "flex",
        "masks",
        "reference",
        "sdpa",
        "visible",
    ]
    blocked = ("llmfoundry", "composer", "streaming", "transformers", "omegaconf")
    code = (
        f"import sys, importlib\nfor name in {blocked!r}: sys.modules[name] = None\n"
        + "\n".join(
            f"importlib.import_module('foundry_plugins.models.attention.{name}')" for name in names
        )
    )
    subprocess.run([sys.executable, "-c", code], check=True)
