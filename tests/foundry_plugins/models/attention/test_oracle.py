# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Errors of every kernel against float64, forward and all gradients, beside Foundry's ``torch``.

An error is the largest difference over the largest exact value, if that is not next to nothing, as
the gradient of the only key is. fp32: 2e-6 for the kernels with a relative bias, and `augmented`
within that or Foundry's error, whichever is more. bf16: the largest is at most Foundry's or two
roundings of the result, and where a context has more than a handful of tokens, for chance to
cancel, `blocked` and `augmented` have a root mean square of no more than 1.05 of Foundry's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from foundry_plugins.models.attention.alibi import alibi_slopes
from foundry_plugins.models.attention.augmented import augmented_attention
from foundry_plugins.models.attention.blocked import blocked_attention
from foundry_plugins.models.attention.flex import flex_attention
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.sdpa import sdpa_attention
from foundry_plugins.models.attention.visible import Visible

FP32, BF16 = torch.float32, torch.bfloat16
SIZE = 32
SCALE = SIZE**-0.5
LIMIT = 2e-6
NAMES = ("out", "q", "k", "v")
KERNELS: dict[str, Callable[..., torch.Tensor]] = {
    "reference": reference_attention,
    "sdpa": sdpa_attention,
    "augmented": augmented_attention,
    "blocked": blocked_attention,
    "flex": flex_attention,
}
LONG_ENOUGH = {"blocked": 17, "augmented": 17}
MASKS = ("none", "documents", "any order", "left padding")
CASES = [
    (heads, groups, length, masked)
    for length in (1, 2, 3, 17, 256)
    for heads in (12, 20)
    for groups in (1, 4, heads)
    for masked in (MASKS if length == 17 else MASKS[:2] if length == 256 else MASKS[:1])
] + [
    (12, 1, 1024, "none"),
    (20, 4, 1024, "documents"),
    (12, 12, 1024, "any order"),
    (20, 1, 1024, "left padding"),
]
LONG = [
    (heads, groups, length, masked)
    for length in (2048, 4096)
    for heads, groups, masked in ((12, 1, "none"), (20, 4, "documents"), (12, 12, "left padding"))
]


def mask_of(kind: str, length: int) -> Visible | None:
    position = torch.arange(length)
    if kind == "none":
        return None
    if kind == "left padding":
        return Visible((position >= length // 3).unsqueeze(0), None, length, length)
    if kind == "documents":  # of one token, of two, and longer; numbers fall
        borders = torch.tensor([1, 2, 4, length // 2, length // 2 + 1])
        documents = -(position[:, None] >= borders).sum(-1)
        return Visible(None, documents.unsqueeze(0), length, length)
    return Visible(None, (position * 7 % 5).unsqueeze(0), length, length)


def oracle(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Visible | None) -> torch.Tensor:
    """The formula, in float64, one head at a time."""
    heads, length = q.shape[1:3]
    position = torch.arange(length, dtype=torch.float64)
    distance = position[None, :] - position[:, None]
    hidden = distance > 0
    if mask is not None:
        hidden = hidden | ~mask.mask()[0, 0]
        hidden = hidden & (distance != 0)  # what padding attends to is compared nowhere
    found = []
    for h, slope in enumerate(alibi_slopes(heads).double()):
        group = h // (heads // k.shape[1])
        scores = SCALE * q[0, h] @ k[0, group].T + slope * distance
        found.append(scores.masked_fill(hidden, -torch.inf).softmax(-1) @ v[0, group])
    return torch.stack(found).unsqueeze(0)


def foundry(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Visible | None
) -> torch.Tensor:
    """As its MPT calls it: an fp32 bias counted from the last key."""
    from llmfoundry.models.layers.attention import (
        build_alibi_bias,
        scaled_multihead_dot_product_attention,
    )

    heads, length = q.shape[1:3]
    bias = build_alibi_bias(heads, length, full=mask is not None, dtype=FP32)
    if mask is not None:
        bias = bias.masked_fill(~mask.causal_mask(), torch.finfo(FP32).min)
    out = scaled_multihead_dot_product_attention(
        *(x.transpose(1, 2).flatten(2) for x in (q, k, v)),
        *(heads, k.shape[1]),
        softmax_scale=SCALE,
        attn_bias=bias,
        is_causal=True,
        training=True,
    )[0]
    return out.view(1, length, heads, SIZE).transpose(1, 2)


def errors(
    attend: Callable[..., torch.Tensor],
    given: list[torch.Tensor],
    upstream: torch.Tensor,
    exact: Any,
) -> list[tuple[float, float]]:
    """The largest and the root mean square, of the output and each gradient."""
    inputs = [x.clone().requires_grad_() for x in given]
    out = attend(*inputs)
    found = [out * (upstream != 0), *torch.autograd.grad(out, inputs, upstream)]
    return [
        (
            float((ours.double() - wanted).abs().max() / wanted.abs().max().clamp(min=0.5)),
            float((ours.double() - wanted).norm() / wanted.norm().clamp(min=0.5)),
        )
        for ours, wanted in zip(found, exact, strict=True)
    ]


def compare(dtype: torch.dtype, heads: int, groups: int, length: int, masked: str) -> None:
    torch.manual_seed(length + heads)
    given = [torch.randn(1, h, length, SIZE).to(dtype) for h in (heads, groups, groups)]
    mask = mask_of(masked, length)
    upstream = torch.randn(1, heads, length, SIZE).to(dtype)
    if mask is not None and mask.seen_BS is not None:
        upstream = upstream * mask.seen_BS[:, None, :, None]  # nobody reads padding
    doubles = [x.double().requires_grad_() for x in given]
    expected = oracle(*doubles, mask)
    exact = [
        expected.detach() * (upstream != 0),
        *torch.autograd.grad(expected, doubles, upstream.double(), allow_unused=True),
    ]
    theirs = errors(lambda *x: foundry(*x, mask), given, upstream, exact)
    for name, kernel in KERNELS.items():
        if (name == "sdpa" and dtype == BF16) or (name == "flex" and length > 256):
            continue
        ours = errors(lambda *x, k=kernel: k(*x, scale=SCALE, mask=mask), given, upstream, exact)
        for what, (found, mean), (host, its_mean) in zip(NAMES, ours, theirs, strict=True):
            limit = bound(dtype, name, host)
            assert found <= limit, (name, what, found, host)
            if dtype == BF16 and length >= LONG_ENOUGH.get(name, length + 1):
                assert mean <= 1.05 * its_mean, (name, what, mean, its_mean)


def bound(dtype: torch.dtype, kernel: str, host: float) -> float:
    """Of the largest error, given Foundry's."""
    if dtype == FP32:
        return max(host, LIMIT) if kernel == "augmented" else LIMIT
    return max(host, 2 * 2**-8)


@pytest.mark.parametrize("dtype", [FP32, BF16], ids=["fp32", "bf16"])
@pytest.mark.parametrize(("heads", "groups", "length", "masked"), CASES)
def test_errors(dtype: torch.dtype, heads: int, groups: int, length: int, masked: str) -> None:
    compare(dtype, heads, groups, length, masked)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [FP32, BF16], ids=["fp32", "bf16"])
@pytest.mark.parametrize(("heads", "groups", "length", "masked"), LONG)
def test_errors_of_long_contexts(
    dtype: torch.dtype, heads: int, groups: int, length: int, masked: str
) -> None:
    compare(dtype, heads, groups, length, masked)
