# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest
import torch

from foundry_plugins.models.attention.causal import causal_attention
from foundry_plugins.models.attention.masks import causal_mask, with_itself

SCALE = 0.37


def oracle(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor | None,
    window: int | None,
) -> torch.Tensor:
    """One query at a time, over the keys it sees."""
    batch, heads, queries, size = q.shape
    keys, group = k.shape[2], heads // k.shape[1]
    rows = []
    for b, h, t in itertools.product(range(batch), range(heads), range(queries)):
        i = keys - queries + t
        seen = [
            j
            for j in range(i + 1)
            if (window is None or i - j < window)
            and (mask is None or j == i or bool(mask[b, 0, t if mask.shape[2] > 1 else 0, j]))
        ]
        scores = SCALE * (k[b, h // group, seen] @ q[b, h, t])
        rows.append(torch.softmax(scores, 0) @ v[b, h // group, seen])
    return torch.stack(rows).view(batch, heads, queries, size)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (9, 9), (1, 9), (4, 9)])
@pytest.mark.parametrize("window", [None, 1, 3, 9, 50])
@pytest.mark.parametrize("masked", [None, "padding", "documents"])
def test_equals_the_definition(
    groups: int, queries: int, keys: int, window: int | None, masked: str | None
) -> None:
    torch.manual_seed(queries + keys)
    mask = None
    if masked == "padding":
        mask = torch.ones(2, 1, 1, keys, dtype=torch.bool)
        mask[0, ..., : keys // 2] = False
    elif masked == "documents":
        document = torch.tensor([[3, 3, 0, 0, 0, 1, 2, 2, 2], [5] * 9])[:, :keys]
        mask = document[:, None, keys - queries :, None] == document[:, None, None, :]
    q, k, v = random(2, 6, queries, 4), random(2, groups, keys, 4), random(2, groups, keys, 4)
    tensors = [x.requires_grad_() for x in (q, k, v)]
    found = causal_attention(q, k, v, scale=SCALE, mask=mask, window=window)
    expected = oracle(q, k, v, mask, window)
    torch.testing.assert_close(found, expected)
    weight = random(*found.shape)
    for ours, theirs in zip(
        torch.autograd.grad((found * weight).sum(), tensors),
        torch.autograd.grad((expected * weight).sum(), tensors),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_an_additive_bias_is_taken_as_it_is() -> None:
    q, k, v = random(1, 2, 5, 4), random(1, 2, 5, 4), random(1, 2, 5, 4)
    bias = random(1, 2, 5, 5).masked_fill(~causal_mask(5, 5, q.device), -torch.inf)
    expected = torch.softmax(SCALE * q @ k.transpose(2, 3) + bias, dim=-1) @ v
    torch.testing.assert_close(causal_attention(q, k, v, scale=SCALE, mask=bias), expected)


def test_masks() -> None:
    device = torch.device("cpu")
    assert causal_mask(2, 3, device).tolist() == [[True, True, False], [True, True, True]]
    assert causal_mask(2, 3, device, 2).tolist() == [[True, True, False], [False, True, True]]
    padding = torch.tensor([False, False, True])
    assert with_itself(padding, 2).tolist() == [[False, True, True], [False, False, True]]


def test_dropout_drops() -> None:
    torch.manual_seed(0)
    q, k, v = torch.ones(1, 1, 64, 2), torch.ones(1, 1, 64, 2), torch.ones(1, 1, 64, 2)
    found = causal_attention(q, k, v, scale=1.0, dropout_p=0.5)
    assert found.std() > 0.01
    assert 0.7 < float(found[0, 0, 32:].mean()) < 1.3
