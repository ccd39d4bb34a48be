# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""ALiBi inside the dot product: how exact its positions are, and what it does not allocate."""

from __future__ import annotations

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.models.attention.alibi import alibi_slopes
from foundry_plugins.models.attention.augmented import LONGEST, augmented_attention, positions
from foundry_plugins.models.attention.reference import reference_attention

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("heads", [1, 8, 12, 16, 48])
@pytest.mark.parametrize(("queries", "keys"), [(300, 300), (1, 4096), (5, 700)])
def test_products_are_the_bias_up_to_a_constant_of_the_query(
    dtype: torch.dtype, heads: int, queries: int, keys: int
) -> None:
    q_HTE, k_SE = positions(heads, queries, keys, dtype, CPU)
    assert q_HTE.shape == (heads, queries, 8)
    assert k_SE.shape == (keys, 8)
    found = q_HTE.double() @ k_SE.double().T
    slopes = alibi_slopes(heads).double()
    bias = slopes[:, None, None] * torch.arange(keys, dtype=torch.float64)
    difference = found - bias
    spread = difference.amax(-1) - difference.amin(-1)
    # The parts of a slope hold 24 bits between them: what is left grows with the key.
    assert spread.max() <= (2**-24 if dtype == torch.bfloat16 else 2**-50) * bias.max()
    # Near keys have small sums: the query's own is within one part in 2**16 of its position.
    own = found[:, range(queries), range(keys - queries, keys)].abs()
    assert (own <= slopes[:, None] * keys * 2**-15).all()


@pytest.mark.parametrize("heads", [12])
def test_fp32_is_as_exact_as_the_relative_bias_at_2048_tokens(heads: int) -> None:
    torch.manual_seed(heads)
    shapes = [(1, heads, 2048, 64), (1, 1, 2048, 64), (1, 1, 2048, 64)]
    exact = [torch.randn(shape).double().requires_grad_() for shape in shapes]
    expected = reference_attention(*exact, scale=0.125)
    upstream = torch.randn(expected.shape)
    expected.backward(upstream.double())
    fast = [x.detach().float().requires_grad_() for x in exact]
    found = augmented_attention(*fast, scale=0.125)
    found.backward(upstream)
    pairs = [(found, expected), *((x.grad, y.grad) for x, y in zip(fast, exact, strict=True))]
    for got, wanted in pairs:
        assert got is not None
        assert wanted is not None
        error = (got.double() - wanted).abs().max() / wanted.abs().max()
        assert error <= 2e-6


def test_bf16_keeps_positions_that_bf16_cannot_hold() -> None:
    """With equal scores but for ALiBi, the weights are known; bf16 positions would round them."""
    heads, length = 8, 1500
    q = torch.zeros(1, heads, length, 16, dtype=torch.bfloat16)
    v = torch.zeros(1, 1, length, 16, dtype=torch.bfloat16)
    v[0, 0, 1001] = 1  # 1001 is no number of bf16, nor are its neighbours
    out = augmented_attention(q, v * 0, v, scale=1.0)[0, :, 1001:, 0].double()
    slopes = alibi_slopes(heads).double()
    distance = torch.arange(length - 1001, dtype=torch.float64)
    seen = torch.arange(1002, length + 1, dtype=torch.float64)
    whole = torch.exp(-slopes[:, None] * distance)
    weight = whole * (1 - torch.exp(-slopes[:, None])) / (1 - torch.exp(-slopes[:, None] * seen))
    torch.testing.assert_close(out, weight, rtol=2**-7, atol=1e-7)


def test_no_tensor_of_queries_by_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    from foundry_plugins.models.attention import augmented

    seen: list[dict[str, object]] = []

    def watch(*tensors: torch.Tensor, **options: object) -> torch.Tensor:
        seen.append(options)
        return torch.nn.functional.scaled_dot_product_attention(*tensors, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(augmented, "scaled_dot_product_attention", watch)
    q, k = torch.randn(2, 4, 32, 8), torch.randn(2, 1, 32, 8)
    augmented_attention(q, k, k, scale=1.0)
    mask = torch.ones(2, 1, 1, 32, dtype=torch.bool)
    augmented_attention(q, k, k, scale=1.0, mask=mask)
    assert seen[0]["attn_mask"] is None
    assert seen[0]["is_causal"]
    given = seen[1]["attn_mask"]
    assert isinstance(given, torch.Tensor)
    assert given.dtype == torch.bool
    assert given.shape == (2, 1, 32, 32)  # one for all heads


def test_what_it_takes() -> None:
    limit = LONGEST[torch.bfloat16]
    assert limit == 65_536
    many = torch.zeros(1, 1, limit + 1, 8, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="65536 positions"):
        augmented_attention(many[:, :, :1], many, many, scale=1.0)
    half = torch.zeros(1, 1, 2, 8, dtype=torch.float16)
    with pytest.raises(UserError, match="takes fp32 and bf16 only"):
        augmented_attention(half, half, half, scale=1.0)
