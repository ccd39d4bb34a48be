# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Compares Triton's kernel with the plain path under Triton's interpreter, which cuts bf16 values
instead of rounding them and has no fma: bf16 weights are compared where they are drawn."""

from __future__ import annotations

import torch
from torch import Tensor

from foundry_plugins.optim import compiled, plain, triton_kernels
from foundry_plugins.optim.compiled import Piece
from foundry_plugins.optim.rounding import random_numbers

SIZES = (4096, 7, 0, 5000)
LR, BETA1, BETA2, DECAY = 1e-2, 0.95, 0.4, 1e-3
KEY = (123456789, 4000000000)


def tensors(p_dtype: torch.dtype, m_dtype: torch.dtype) -> list[tuple[Tensor, Tensor, Tensor]]:
    torch.manual_seed(1)
    return [
        (torch.randn(n).to(p_dtype), torch.randn(n).to(p_dtype), torch.randn(n).to(m_dtype))
        for n in SIZES
    ]


def compare(p_dtype: torch.dtype, m_dtype: torch.dtype, factor: float | None) -> None:
    key = KEY if p_dtype is torch.bfloat16 else None
    fast, slow = tensors(p_dtype, m_dtype), tensors(p_dtype, m_dtype)
    rates = (LR, BETA1, BETA2, DECAY)
    table = compiled.table_of(
        [Piece(p, g, m, rates, i, factor, 5, key) for i, (p, g, m) in enumerate(fast)]
    )
    triton_kernels.launch(table, p_dtype, m_dtype, torch.device("cpu"))
    for (p, g, m), (p2, _, m2) in zip(slow, fast, strict=True):
        numbers = None if key is None else random_numbers(p.numel(), 5, key, p.device)
        plain.lion_step_(
            *(p, g, m),
            **{"lr": LR, "beta1": BETA1, "beta2": BETA2, "decay": DECAY},
            factor=factor,
            numbers=numbers,
        )
        torch.testing.assert_close(p2, p, rtol=0, atol=0)
        atol = 1e-6 if m_dtype is torch.float32 else 0.04
        torch.testing.assert_close(m2, m, rtol=0, atol=atol)


if __name__ == "__main__":
    compare(torch.float32, torch.float32, None)
    compare(torch.float32, torch.bfloat16, 1.3)
    compare(torch.bfloat16, torch.bfloat16, None)
    compare(torch.bfloat16, torch.float32, 1.3)
