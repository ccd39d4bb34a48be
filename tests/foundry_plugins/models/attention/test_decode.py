# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One new token over a cache, against the kernels of whole contexts in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from foundry_plugins.models.attention.causal import causal_attention
from foundry_plugins.models.attention.decode import decode_attention
from foundry_plugins.models.attention.reference import reference_attention

TOLERANCES: dict[torch.dtype, dict[str, Any]] = {
    torch.float32: {"rtol": 1e-5, "atol": 2e-6},
    torch.float64: {"rtol": 1e-6, "atol": 1e-6},
    torch.bfloat16: {"rtol": 2**-7, "atol": 2**-8},
}


def inputs(heads: int, groups: int, keys: int, dtype: torch.dtype) -> list[torch.Tensor]:
    torch.manual_seed(heads + keys)
    q = torch.randn(3, 1, heads, 16).transpose(1, 2)
    # The beginning of a longer buffer, as the cache hands it over.
    k, v = (torch.randn(3, groups, keys + 5, 16)[:, :, :keys] for _ in range(2))
    return [x.to(dtype) for x in (q, k, v)]


def padding(keys: int) -> torch.Tensor:
    mask = torch.ones(3, 1, 1, keys, dtype=torch.bool)
    mask[1, ..., : keys // 2] = False
    mask[2, ..., : keys - 1] = False
    return mask


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("heads", "groups"), [(6, 1), (6, 2), (6, 6), (1, 1)])
@pytest.mark.parametrize("keys", [1, 7, 1500])
def test_equals_the_definition(
    heads: int, groups: int, keys: int, masked: bool, dtype: torch.dtype
) -> None:
    q, k, v = inputs(heads, groups, keys, dtype)
    mask = padding(keys) if masked else None
    found = decode_attention(q, k, v, scale=0.25, mask=mask, alibi=True)
    expected = reference_attention(q.double(), k.double(), v.double(), scale=0.25, mask=mask)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, **TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("window", [None, 1, 4, 50])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_causal_attention(masked: bool, window: int | None, dtype: torch.dtype) -> None:
    q, k, v = inputs(4, 2, 9, dtype)
    mask = padding(9) if masked else None
    found = decode_attention(q, k, v, scale=0.25, mask=mask, window=window)
    wide = [x.double() for x in (q, k, v)]
    expected = causal_attention(*wide, scale=0.25, mask=mask, window=window)
    torch.testing.assert_close(found.double(), expected, **TOLERANCES[dtype])


@pytest.mark.parametrize("batch", [1, 3])
def test_takes_a_complete_bias(batch: int) -> None:
    q, k, v = inputs(4, 2, 9, torch.float32)
    bias = torch.randn(batch, 4, 1, 9)
    bias[:, :, :, :3] = -torch.inf
    found = decode_attention(q, k, v, scale=0.25, mask=bias)
    expected = causal_attention(q, k, v, scale=0.25, mask=bias)
    torch.testing.assert_close(found, expected)


def test_digits_of_near_keys_at_a_far_position() -> None:
    """A bf16 bias would round 8,191 and 8,190 to the same distance."""
    q, k, v = inputs(8, 1, 8192, torch.bfloat16)
    found = decode_attention(q, k, v, scale=0.25, alibi=True)
    expected = reference_attention(q.double(), k.double(), v.double(), scale=0.25)
    torch.testing.assert_close(found.double(), expected, rtol=2**-7, atol=2**-8)
