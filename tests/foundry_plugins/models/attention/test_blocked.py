# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Attention in blocks: where blocks end, what is hidden, dropout, and what is kept."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from foundry_plugins.contract.errors import UserError
from foundry_plugins.models.attention import blocked
from foundry_plugins.models.attention.blocked import blocked_attention
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.visible import Visible


def inputs(batch: int, heads: int, groups: int, queries: int, keys: int) -> list[torch.Tensor]:
    torch.manual_seed(heads + keys)
    # As the layer has them: (B, T, heads, D), seen the other way.
    shapes = [(batch, queries, heads, 8), (batch, keys, groups, 8), (batch, keys, groups, 8)]
    return [torch.randn(shape).transpose(1, 2).requires_grad_() for shape in shapes]


def results(kernel: Any, given: list[torch.Tensor], upstream: torch.Tensor, **options: Any) -> Any:
    out = kernel(*given, scale=0.3, **options)
    return [out * (upstream != 0), *torch.autograd.grad(out, given, upstream)]


def alike(found: Any, expected: Any) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_wherever_blocks_end(data: st.DataObject) -> None:
    """Sizes, sharing, padding and documents of any kind, continued contexts too."""
    batch = data.draw(st.integers(1, 3))
    heads, groups = data.draw(st.sampled_from([(1, 1), (4, 1), (4, 2), (12, 4), (20, 20)]))
    keys = data.draw(st.integers(1, 20))
    queries = data.draw(st.sampled_from([1, keys, (keys + 1) // 2]))
    given = inputs(batch, heads, groups, queries, keys)
    upstream = torch.randn(given[0].shape)
    mask = None
    kind = data.draw(st.sampled_from(["none", "padding", "documents"]))
    if kind == "padding":
        left = data.draw(st.integers(0, keys - queries))
        mask = (torch.arange(keys) >= left).view(1, 1, 1, -1)
    elif kind == "documents" and queries == keys:
        numbers = st.lists(st.integers(0, 2), min_size=keys, max_size=keys)
        documents = torch.tensor([data.draw(numbers) for _ in range(batch)])
        mask = Visible(None, documents, queries, keys)
    expected = results(reference_attention, given, upstream, mask=mask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocked, "_FEWEST", data.draw(st.integers(1, 6)))
        patch.setattr(blocked, "_ROWS", data.draw(st.integers(1, 100)))
        patch.setattr(blocked, "_PARTS", data.draw(st.integers(1, 4)))
        patch.setattr(blocked, "_SCORES", data.draw(st.sampled_from([1, 2000, 1 << 20])))
        alike(results(blocked_attention, given, upstream, mask=mask), expected)


def test_dropout_is_the_same_in_both_passes() -> None:
    """With the identity for values the output is the dropped weights themselves."""
    heads, length, dropout = 2, 90, 0.25
    q, k, _ = inputs(1, heads, 1, length, length)
    v = torch.eye(length).expand(1, 1, -1, -1).clone().requires_grad_()
    pad = (0, length - 8)
    q, k = (torch.nn.functional.pad(x.detach(), pad).requires_grad_() for x in (q, k))
    torch.manual_seed(1)
    weights = blocked_attention(q, k, v, scale=0.3, dropout_p=dropout)
    whole = reference_attention(q, k, v, scale=0.3)
    kept = (weights != 0).float() / (1 - dropout)
    torch.testing.assert_close(weights, whole * kept)
    share = (weights != 0).sum() / (whole != 0).sum()
    assert abs(float(share) - (1 - dropout)) < 0.02
    upstream = torch.randn(weights.shape)
    alike(
        torch.autograd.grad(weights, (q, k), upstream),
        torch.autograd.grad(whole * kept, (q, k), upstream),
    )
    values = (weights.detach().transpose(-1, -2) @ upstream).sum(1, keepdim=True)
    torch.manual_seed(1)
    again = blocked_attention(q, k, v, scale=0.3, dropout_p=dropout)
    assert torch.equal(again, weights)
    torch.testing.assert_close(torch.autograd.grad(again, v, upstream)[0], values)


def test_nothing_of_queries_by_keys_is_kept() -> None:
    given = inputs(2, 4, 1, 50, 50)
    sizes: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        blocked_attention(*given, scale=1.0)
    assert sorted(sizes) == sorted(x.numel() for x in given)


def test_products_stop_at_the_diagonal_and_are_counted_on_the_meta_device() -> None:
    q, k, v = (x.detach().to("meta").requires_grad_() for x in inputs(1, 4, 1, 256, 256))
    with FlopCounterMode(display=False) as counter:
        out = blocked_attention(q, k, v, scale=1.0)
        out.sum().backward()
    assert out.shape == q.shape
    blocks = sum(range(32, 257, 32)) * 32
    assert counter.get_total_flops() == 2 * 7 * 4 * 8 * blocks


def test_bf16_shared_gradients_are_added_in_fp32() -> None:
    """One value's gradient is 4 * 300, of ones: bf16 would stop adding at 256."""
    q, k, v = (torch.zeros(1, h, 300, 8, dtype=torch.bfloat16) for h in (4, 1, 1))
    v.requires_grad_()
    hidden = torch.zeros(1, 1, 300, 300, dtype=torch.bool)
    hidden[..., 0] = True  # everyone sees the first token and itself
    k[..., 0, 0], q[..., 0] = 100, 100
    out = blocked_attention(q, k, v, scale=1.0, mask=hidden)
    out.sum().backward()
    assert v.grad is not None
    assert v.grad[0, 0, 0].tolist() == [1200.0] * 8


def test_what_it_takes() -> None:
    half = torch.zeros(1, 1, 2, 8, dtype=torch.float16)
    with pytest.raises(UserError, match="takes fp32 and bf16 only"):
        blocked_attention(half, half, half, scale=1.0)
