# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every kernel against a float64 loop over queries, forward and all gradients."""

from __future__ import annotations

import math

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.models.attention.alibi import alibi_slopes
from foundry_plugins.models.attention.augmented import augmented_attention
from foundry_plugins.models.attention.blocked import blocked_attention
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.sdpa import sdpa_attention

KERNELS = {
    "reference": reference_attention,
    "sdpa": sdpa_attention,
    "augmented": augmented_attention,
    "blocked": blocked_attention,
}


def oracle(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    scale: float,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """One query of one head at a time, from the formula."""
    batch, heads, queries, _ = q.shape
    keys = k.shape[2]
    slopes = alibi_slopes(heads).double()
    rows = []
    for b in range(batch):
        for h in range(heads):
            for t in range(queries):
                position = keys - queries + t
                seen = [j for j in range(position + 1) if mask is None or bool(mask[b, 0, t, j])]
                group = h // (heads // k.shape[1])
                scores = [
                    scale * (q[b, h, t] @ k[b, group, j]) + slopes[h] * (j - position) for j in seen
                ]
                weights = torch.softmax(torch.stack(scores), 0)
                rows.append(sum(w * v[b, group, j] for w, j in zip(weights, seen, strict=True)))
    return torch.stack(rows).view(batch, heads, queries, -1)


def inputs(heads: int, kv: int, queries: int, keys: int, size: int = 8) -> list[torch.Tensor]:
    torch.manual_seed(heads * 100 + queries)
    shapes = [(2, heads, queries, size), (2, kv, keys, size), (2, kv, keys, size)]
    return [torch.randn(shape, dtype=torch.float64) for shape in shapes]


def documents(queries: int, keys: int) -> torch.Tensor:
    """Documents of lengths 1, 2, 3, ... : a key is seen by queries of its own document."""
    number = torch.repeat_interleave(torch.arange(keys), torch.arange(1, keys + 1))[:keys]
    same = number[keys - queries :, None] == number[None, :]
    return same.expand(2, 1, queries, keys)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("heads", "kv", "queries", "keys", "masked"),
    [
        (4, 1, 9, 9, False),
        (6, 1, 7, 7, True),
        (3, 3, 5, 5, False),
        (4, 2, 6, 6, True),
        (4, 1, 1, 8, False),  # a decoding step
        (4, 1, 3, 8, True),
        (1, 1, 1, 1, False),
    ],
)
def test_equals_the_definition(
    kernel: str, heads: int, kv: int, queries: int, keys: int, masked: bool
) -> None:
    mask = documents(queries, keys) if masked else None
    scale = 1 / math.sqrt(8)
    exact = [x.requires_grad_() for x in inputs(heads, kv, queries, keys)]
    expected = oracle(*exact, scale, mask)
    upstream = torch.randn_like(expected)
    expected.backward(upstream)

    fast = [x.detach().float().requires_grad_() for x in exact]
    found = KERNELS[kernel](*fast, scale=scale, mask=mask)
    found.backward(upstream.float())
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=2e-6)
    for x, y in zip(fast, exact, strict=True):
        torch.testing.assert_close(x.grad.double(), y.grad, rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_query_without_keys_stays_finite(kernel: str) -> None:
    q, k, v = (x.float().requires_grad_() for x in inputs(4, 1, 5, 5))
    mask = torch.ones(2, 1, 1, 5, dtype=torch.bool)
    mask[0, :, :, :3] = False  # left padding: the first three queries see nothing
    out = KERNELS[kernel](q, k, v, scale=1.0, mask=mask)
    out.sum().backward()
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(x.grad).all() for x in (q, k, v))
    alone = KERNELS[kernel](q[:1, :, 3:], k[:1, :, 3:], v[:1, :, 3:], scale=1.0)
    torch.testing.assert_close(out[:1, :, 3:], alone)


def test_bf16_is_computed_in_fp32() -> None:
    q, k, v = (x.bfloat16() for x in inputs(4, 1, 64, 64))
    out = reference_attention(q, k, v, scale=0.3)
    assert out.dtype == torch.bfloat16
    expected = reference_attention(q.double(), k.double(), v.double(), scale=0.3)
    torch.testing.assert_close(out.double(), expected, rtol=2**-7, atol=2**-9)
    with pytest.raises(UserError, match="takes fp32 only"):
        sdpa_attention(q, k, v, scale=0.3)
