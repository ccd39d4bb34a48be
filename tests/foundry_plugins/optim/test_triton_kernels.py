# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from foundry_plugins.optim.lion import LionW

pytest.importorskip("triton")
WORKER = Path(__file__).with_name("triton_worker.py")


def test_interpreted_kernel_equals_the_plain_path() -> None:
    """Triton's own interpreter runs the kernel on the CPU; it is chosen before Triton is loaded."""
    done = subprocess.run(
        [sys.executable, str(WORKER)],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.gpu
@pytest.mark.parametrize("cautious", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_gpu_it_equals_the_plain_path(dtype: torch.dtype, cautious: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(64, 48), (5, 7), (), (9001,)]
    start = [torch.randn(s, generator=generator).to(dtype) for s in shapes]
    runs = []
    for compiled in (True, False):
        parameters = [nn.Parameter(x.cuda()) for x in start]
        optimizer = LionW(
            parameters,
            lr=1e-2,
            weight_decay=0.1,
            weight_decay_mode="lr_coupled",
            cautious=cautious,
            stochastic_rounding=dtype is torch.bfloat16,
            compiled=compiled,
        )
        gradients = torch.Generator().manual_seed(1)
        for _ in range(5):
            for p in parameters:
                p.grad = torch.randn(p.shape, generator=gradients).to("cuda", dtype)
            optimizer.step()
        runs.append((parameters, [optimizer.state[p]["exp_avg"] for p in parameters]))
    for a, b in zip(*(run[0] for run in runs), strict=True):
        # One rounding less may move a weight by its last bit, or by a bf16 step where it is drawn.
        torch.testing.assert_close(
            a, b, rtol=1.6e-2 if dtype is torch.bfloat16 else 1e-6, atol=1e-6
        )
    for a, b in zip(*(run[1] for run in runs), strict=True):
        torch.testing.assert_close(a, b)
