# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from foundry_plugins.optim.lion import LionW
from foundry_plugins.optim.rounding import key_of, random_numbers, round_stochastically

CPU = torch.device("cpu")


def slow_number(element: int, key: tuple[int, int]) -> int:
    """The definition, in Python's integers."""

    def mix(h: int) -> int:
        h = (h ^ (h >> 16)) * 0x7FEB352D % 2**32
        h = (h ^ (h >> 15)) * 0x846CA68B % 2**32
        return h ^ (h >> 16)

    return mix(mix(element % 2**32 ^ key[0]) ^ key[1] ^ (element >> 32))


@given(first=st.integers(0, 2**40), seed=st.integers(0, 2**63 - 1), step=st.integers(1, 10**7))
def test_numbers_are_those_of_the_definition(first: int, seed: int, step: int) -> None:
    key = key_of(seed, step, 3)
    assert random_numbers(4, first, key, CPU).tolist() == [
        slow_number(first + i, key) for i in range(4)
    ]


def test_numbers_are_uniform_and_unlike_those_of_other_steps() -> None:
    a, b = (random_numbers(1 << 16, 0, key_of(0, step, 0), CPU) & 0xFFFF for step in (1, 2))
    for x in (a, b):
        assert abs(float(x.double().mean()) / 65536 - 0.5) < 0.005
        counts = torch.bincount(x >> 12, minlength=16)
        assert float(((counts - 4096) ** 2 / 4096).sum()) < 50
    correlation = torch.corrcoef(torch.stack([a.double(), b.double()]))[0, 1]
    assert abs(float(correlation)) < 0.02


@given(x=st.floats(-(2.0**100), 2.0**100, width=32), number=st.integers(0, 2**32 - 1))
def test_rounds_to_a_neighbour_and_leaves_what_bf16_holds(x: float, number: int) -> None:
    value = torch.tensor([x], dtype=torch.float32)
    found = round_stochastically(value, torch.tensor([number]))
    bits = value.view(torch.int32)
    down = (bits >> 16 << 16).view(torch.float32)
    up = ((bits >> 16) + 1 << 16).view(torch.float32)
    assert found.float().item() in (down.item(), up.item())
    if bits.item() & 0xFFFF == 0:
        assert found.float().item() == x


def test_the_mean_is_kept() -> None:
    x = torch.full((1 << 16,), 1 + 0.3 * 2**-7)
    found = round_stochastically(x, random_numbers(len(x), 0, key_of(0, 1, 0), CPU)).float()
    assert found.unique().tolist() == [1.0, 1 + 2**-7]
    assert abs(float(found.mean() - 1) * 2**7 - 0.3) < 0.01


@pytest.mark.parametrize("compiled", [True, False])
def test_small_steps_move_weights_on_average(compiled: bool) -> None:
    """Rounded to the nearest, a weight of 1 never moves at lr 1e-4: the last bit is 0.0039."""

    def moved(is_stochastic: bool) -> float:
        p = nn.Parameter(torch.ones(4096, dtype=torch.bfloat16))
        optimizer = LionW(
            [p], lr=1e-4, stochastic_rounding=is_stochastic, seed=5, compiled=compiled
        )
        for _ in range(100):
            p.grad = torch.ones_like(p)
            optimizer.step()
        return 1 - float(p.detach().float().mean())

    assert moved(False) == 0.0
    assert moved(True) == pytest.approx(100 * 1e-4, rel=0.05)


def test_a_resumed_run_draws_the_same_numbers() -> None:
    def train(
        steps: int, saved: tuple[dict, torch.Tensor] | None = None
    ) -> tuple[dict, torch.Tensor]:
        p = nn.Parameter(torch.ones(512, dtype=torch.bfloat16) if saved is None else saved[1])
        optimizer = LionW([p], lr=1e-3, stochastic_rounding=True)
        if saved:
            optimizer.load_state_dict(saved[0])
        for _ in range(steps):
            p.grad = torch.ones_like(p)
            optimizer.step()
        return optimizer.state_dict(), p.detach()

    assert torch.equal(train(10)[1], train(4, train(6))[1])
