# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from foundry_plugins.contract.errors import UserError
from foundry_plugins.optim import momentum
from foundry_plugins.optim.lion import LionW
from foundry_plugins.optim.reference import lion_step

RATES = {"lr": 1e-3, "beta1": 0.95, "beta2": 0.98, "decay": 1e-3}
DECAY = {"weight_decay": 1e-3, "weight_decay_mode": "decoupled"}


def stored(m: torch.Tensor, name: str | None) -> torch.Tensor:
    """A float64 momentum as the format keeps it."""
    if name == "int8" and m.ndim >= 2:
        return momentum.dequantise(*momentum.quantise(m.float())).double()
    return m.bfloat16().double() if name == "bfloat16" else m.float().double()


def test_a_cautious_step_by_hand() -> None:
    p = nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = LionW([p], lr=0.1, betas=(0.5, 0.0), cautious=True)
    p.grad = torch.tensor([1.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    optimizer.step()
    assert p.tolist() == pytest.approx([-0.1] * 4)
    # c = (.5 + .5 g): against its gradient in the third, zero in the fourth; half of them agree.
    p.grad = torch.tensor([2.0, 0.5, -0.5, -1.0], dtype=torch.float64)
    optimizer.step()
    assert p.tolist() == pytest.approx([-0.3, -0.3, -0.1, -0.1])


@pytest.mark.parametrize("name", [None, "bfloat16", "int8"])
@pytest.mark.parametrize("cautious", [False, True])
def test_each_step_is_that_of_the_definition(name: str | None, cautious: bool) -> None:
    """300 steps; each is compared from where it starts, for rounding makes paths part."""
    generator = torch.Generator().manual_seed(0)
    p = nn.Parameter(torch.randn(5, 70, generator=generator))
    optimizer = LionW([p], lr=1e-3, cautious=cautious, momentum_dtype=name, **DECAY)
    m = torch.zeros(5, 70, dtype=torch.float64)
    differing = 0
    for _ in range(300):
        before = p.detach().double()
        p.grad = torch.randn(5, 70, generator=generator)
        optimizer.step()
        expected, m = lion_step(before, p.grad.double(), m, cautious=cautious, **RATES)
        # A direction next to zero may round to the other side.
        differing += int(((p.detach().double() - expected).abs() > 3e-7).sum())
        found = momentum.read(optimizer.state[p]).double()
        atol = 0.02 if name else 1e-6
        torch.testing.assert_close(found, stored(m, name), rtol=0, atol=atol)
        m = found
    assert differing <= 2


def test_cautious_with_no_agreement_moves_nothing() -> None:
    p = nn.Parameter(torch.ones(3))
    optimizer = LionW([p], lr=0.1, cautious=True)
    p.grad = torch.zeros(3)
    optimizer.step()
    assert p.tolist() == [1.0] * 3


def test_a_skipped_step_changes_no_option_state() -> None:
    p = nn.Parameter(torch.ones(2, 3, dtype=torch.bfloat16))
    optimizer = LionW(
        [p], lr=0.1, cautious=True, momentum_dtype="int8", stochastic_rounding=True, **DECAY
    )
    p.grad = torch.full_like(p, torch.nan)
    optimizer.step()
    assert optimizer.state_dict()["state"] == {}
    p.grad = torch.ones_like(p)
    optimizer.step()
    assert optimizer.state[p]["step"] == 1
    p.grad = torch.full_like(p, torch.inf)
    optimizer.step()
    assert optimizer.state[p]["step"] == 1
    assert optimizer.skipped_steps == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"momentum_dtype": "int4"}, ["`optimizer.momentum_dtype`", "'int4'", "bfloat16"]),
        ({"momentum_dtype": "bfloat"}, ["did you mean 'bfloat16'"]),
        ({"cautious": "yes"}, ["`optimizer.cautious`", "'yes'"]),
        ({"compiled": 1}, ["`optimizer.compiled`", "1"]),
        ({"seed": -1}, ["`optimizer.seed`", "-1"]),
        ({"stochastic_rounding": True}, ["`optimizer.stochastic_rounding`", "bf16"]),
        ({"stochastic_rounding": "on"}, ["`optimizer.stochastic_rounding`", "'on'"]),
    ],
)
def test_bad_options_are_named(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        LionW([nn.Parameter(torch.ones(2, 2))], lr=1e-3, **settings)
    for word in words:
        assert word in str(error.value)
