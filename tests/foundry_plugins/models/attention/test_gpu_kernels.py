# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The kernels on a GPU, with torch alone: against a float64 oracle, and through which of torch's.

Run by ``make gpu-check``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from foundry_plugins.models.attention import flex
from foundry_plugins.models.attention.alibi import alibi_slopes
from foundry_plugins.models.attention.augmented import augmented_attention
from foundry_plugins.models.attention.decode import decode_attention
from foundry_plugins.models.attention.flash import flash_attention, installed
from foundry_plugins.models.attention.flex import flex_attention
from foundry_plugins.models.attention.reference import reference_attention
from foundry_plugins.models.attention.sdpa import sdpa_attention
from foundry_plugins.models.attention.visible import Visible

pytestmark = pytest.mark.gpu
FP32, BF16 = torch.float32, torch.bfloat16
KERNELS: dict[str, Callable[..., torch.Tensor]] = {
    "reference": reference_attention,
    "sdpa": sdpa_attention,
    "augmented": augmented_attention,
    "flex": flex_attention,
} | ({"flash": flash_attention} if installed() else {})
TAKES = {"sdpa": (FP32,), "flash": (BF16,)}
LENGTH = 1100  # no multiple of a block


def oracle(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None
) -> torch.Tensor:
    heads, length, size = q.shape[1:]
    k, v = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (k, v))
    position = torch.arange(length, device=q.device)
    distance = (position[None, :] - position[:, None]).double()
    slopes = alibi_slopes(heads).to(q.device).double()
    scores = q @ k.transpose(2, 3) * size**-0.5 + slopes[:, None, None] * distance
    allowed = (distance <= 0) if mask is None else mask & (distance <= 0)
    return scores.masked_fill(~allowed, -torch.inf).softmax(-1) @ v


def errors(
    kernel: str, dtype: torch.dtype, heads: int, groups: int, masked: bool
) -> tuple[list[float], list[float]]:
    """Relative errors of output and gradients: the kernel's, and rounded exact ones'."""
    torch.manual_seed(heads)
    given = [
        torch.randn(2, h, LENGTH, 64, device="cuda").to(dtype) for h in (heads, groups, groups)
    ]
    mask = None
    if masked:
        borders = torch.tensor([[0, 1, 500, 501, 700], [0, 30, 60, 1000, 1099]], device="cuda")
        position = torch.arange(LENGTH, device="cuda")
        documents = (position[None, :, None] >= borders[:, None, :]).sum(-1)
        mask = Visible(None, documents, LENGTH, LENGTH)
    upstream = torch.randn(2, heads, LENGTH, 64, device="cuda").to(dtype)
    exact = [x.double().requires_grad_() for x in given]
    expected = oracle(*exact, None if mask is None else mask.mask())
    wanted = [expected, *torch.autograd.grad(expected, exact, upstream.double())]
    inputs = [x.clone().requires_grad_() for x in given]
    out = KERNELS[kernel](*inputs, scale=64**-0.5, mask=mask)
    found = [out, *torch.autograd.grad(out, inputs, upstream)]
    pairs = list(zip(found, wanted, strict=True))
    ours = [float((x.double() - y).abs().max() / y.abs().max()) for x, y in pairs]
    rounded = [float((y.to(dtype).double() - y).abs().max() / y.abs().max()) for _, y in pairs]
    return ours, rounded


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [FP32, BF16], ids=["fp32", "bf16"])
@pytest.mark.parametrize(("heads", "groups"), [(16, 1), (12, 4), (20, 20)])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_the_oracle(
    kernel: str, dtype: torch.dtype, heads: int, groups: int, masked: bool
) -> None:
    if dtype not in TAKES.get(kernel, (FP32, BF16)):
        return
    ours, rounded = errors(kernel, dtype, heads, groups, masked)
    # bf16: a few roundings of inputs to the products inside, beside that of the result.
    limits = [1e-5 if dtype == FP32 else 2**-6 + 4 * error for error in rounded]
    assert all(error <= limit for error, limit in zip(ours, limits, strict=True)), ours


@pytest.mark.parametrize("groups", [1, 4, 16])
def test_augmented_reaches_the_flash_kernel(groups: int) -> None:
    inputs = [
        torch.randn(2, h, 512, 64, device="cuda", dtype=BF16).requires_grad_()
        for h in (16, groups, groups)
    ]
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # raises if it cannot be used
        augmented_attention(*inputs, scale=0.125).sum().backward()


def test_flex_is_compiled_once_for_a_shape() -> None:
    from torch._dynamo.utils import counters

    torch.compiler.reset()
    flex.compiled.cache_clear()
    counters.clear()
    graphs = []
    for length in (256, 256, 256, 512, 512):
        documents = torch.randint(0, 3, (2, length), device="cuda").sort(1).values
        inputs = [
            torch.randn(2, h, length, 64, device="cuda", dtype=BF16).requires_grad_()
            for h in (8, 1, 1)
        ]
        mask = Visible(None, documents, length, length)
        flex_attention(*inputs, scale=0.125, mask=mask).sum().backward()
        graphs.append(counters["stats"]["unique_graphs"])
    assert graphs == [1, 1, 1, 2, 2]


@pytest.mark.parametrize("gradients", [True, False])
def test_flex_takes_many_kinds_of_input(gradients: bool) -> None:
    """Short contexts, 12 heads for a key head, and more kinds than Dynamo compiles by itself."""
    for batch, length in [(b, t) for b in (1, 2, 3) for t in (1, 17, 40, 127, 130)]:
        documents = torch.randint(0, 2, (batch, length), device="cuda").sort(1).values
        q, k, v = (
            torch.randn(batch, h, length, 64, device="cuda", dtype=BF16, requires_grad=gradients)
            for h in (12, 1, 1)
        )
        for mask in (None, Visible(None, documents, length, length)):
            expected = reference_attention(q, k, v, scale=0.125, mask=mask)
            found = flex_attention(q, k, v, scale=0.125, mask=mask)
            torch.testing.assert_close(found, expected, rtol=2**-6, atol=2**-6)


@pytest.mark.parametrize("dtype", [FP32, BF16], ids=["fp32", "bf16"])
def test_a_step_of_decoding_is_the_last_row(dtype: torch.dtype) -> None:
    q, k, v = (torch.randn(2, h, 300, 64, device="cuda").to(dtype) for h in (16, 1, 1))
    expected = reference_attention(q, k, v, scale=0.125)[:, :, -1:]
    found = decode_attention(q[:, :, -1:], k, v, scale=0.125, alibi=True)
    tolerance = 1e-5 if dtype == FP32 else 2**-7
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
