# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from foundry_plugins.optim.lion import LionW

DECAY = {"weight_decay": 0.01, "weight_decay_mode": "decoupled"}


@pytest.mark.parametrize("name", [None, "int8"])
def test_norms_of_what_the_step_did(name: str | None) -> None:
    generator = torch.Generator().manual_seed(0)
    p = nn.Parameter(torch.randn(3, 7, generator=generator))
    other = nn.Parameter(torch.ones(2))
    # The rates of a parameter's own group count, not those of the first.
    optimizer = LionW(
        [{"params": [other]}, {"params": [p], "lr": 0.2}], lr=0.1, momentum_dtype=name, **DECAY
    )
    for _ in range(3):
        before = p.detach().clone()
        p.grad = torch.randn(3, 7, generator=generator)
        optimizer.step()
    found = optimizer.report_per_parameter_metrics(p, "net.0", {"kept": 1})
    assert found.pop("kept") == 1
    assert found.keys() == {f"l2_norm/{x}/net.0" for x in ("moment", "param", "update", "grad")}
    assert p.grad is not None
    torch.testing.assert_close(found["l2_norm/grad/net.0"], p.grad.norm())
    torch.testing.assert_close(found["l2_norm/param/net.0"], p.detach().norm())
    moved = (p.detach() - before).norm()
    torch.testing.assert_close(found["l2_norm/update/net.0"], moved, rtol=2e-3, atol=0)
    assert optimizer.report_per_parameter_metrics(other, "other", {}) == {}


def test_a_parameter_without_state_still_tells_its_gradient() -> None:
    p = nn.Parameter(torch.tensor([3.0, 4.0]))
    p.grad = torch.tensor([0.0, 2.0])
    found = LionW([p], lr=0.1).report_per_parameter_metrics(p, "w", {})
    assert {name: float(x) for name, x in found.items()} == {
        "l2_norm/param/w": 5.0,
        "l2_norm/grad/w": 2.0,
    }


def test_reduction_undoes_the_squares() -> None:
    optimizer = LionW([nn.Parameter(torch.ones(1))], lr=0.1)
    squares = optimizer.pre_reduce_metrics({"l2_norm/grad/w": torch.tensor(3.0)})
    assert float(squares["l2_norm/grad/w"]) == 9.0
    assert math.isclose(float(optimizer.dist_reduce_metrics(squares)["l2_norm/grad/w"]), 3.0)
