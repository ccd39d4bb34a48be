# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from foundry_plugins.contract.errors import UserError
from foundry_plugins.optim import momentum
from foundry_plugins.optim.lion import LionW


def test_a_block_by_hand() -> None:
    m = torch.zeros(2, 66)
    m[0, :3] = torch.tensor([1.27, -0.64, 0.004])
    m[0, 64] = 12.7
    q, scale = momentum.quantise(m)
    assert q[0, :4].tolist() == [127, -64, 0, 0]
    assert q[0, 64:].tolist() == [127, 0]
    torch.testing.assert_close(scale, torch.tensor([[0.01, 0.1], [0.0, 0.0]]))
    torch.testing.assert_close(momentum.dequantise(q, scale)[0, 1], torch.tensor(-0.64))
    assert momentum.dequantise(q, scale)[1].abs().max() == 0


@given(
    columns=st.integers(1, 200),
    exponent=st.floats(-30, 30),
    seed=st.integers(0, 1000),
)
@settings(deadline=None)
def test_off_by_at_most_half_a_256th_of_the_block_maximum(
    columns: int, exponent: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    m = torch.randn(3, columns, generator=generator) * math.exp2(exponent)
    q, scale = momentum.quantise(m)
    assert q.shape == m.shape
    assert scale.shape == (3, -(-columns // momentum.BLOCK))
    error = (momentum.dequantise(q, scale) - m).abs()
    assert (error <= scale.repeat_interleave(64, -1)[:, :columns] * 0.5001).all()


def test_rows_are_encoded_on_their_own() -> None:
    """What re-sharding relies on: rows encoded apart are the rows of the whole."""
    m = torch.randn(7, 130, generator=torch.Generator().manual_seed(0))
    whole = momentum.quantise(m)
    parts = [momentum.quantise(m[:4]), momentum.quantise(m[4:])]
    for i in range(2):
        assert torch.equal(whole[i], torch.cat([part[i] for part in parts]))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", list(momentum.DTYPES))
def test_a_state_loads_in_the_loader_format(name: str, dtype: str) -> None:
    weights = momentum.DTYPES[dtype]
    generator = torch.Generator().manual_seed(1)
    p = nn.Parameter(torch.randn(4, 70, generator=generator).to(weights))
    bias = nn.Parameter(torch.zeros(3, dtype=weights))
    saving = LionW([p, bias], lr=0.1, momentum_dtype=name)
    for parameter in (p, bias):
        parameter.grad = torch.randn(parameter.shape, generator=generator).to(weights)
    saving.step()
    expected = momentum.read(saving.state[p]).float()
    for other in (*momentum.DTYPES, None):
        loading = LionW([p, bias], lr=0.1, momentum_dtype=other)
        loading.load_state_dict(copy.deepcopy(saving.state_dict()))
        state = loading.state[p]
        found = momentum.read(state).float()
        tolerance = 0.0 if other in (name, "float32") else 0.01 * float(expected.abs().max())
        torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)
        assert ("exp_avg_int8" in state) == (other == "int8")
        if other in ("float32", "bfloat16"):
            assert state["exp_avg"].dtype == momentum.DTYPES[other]
        # Without rows there is nothing to quantise.
        assert list(loading.state[bias]) == ["exp_avg"]
        loading.step()


def test_int8_takes_a_quarter_of_the_memory() -> None:
    p = nn.Parameter(torch.zeros(64, 640))
    optimizer = LionW([p], lr=0.1, momentum_dtype="int8")
    p.grad = torch.ones_like(p)
    optimizer.step()
    size = sum(x.numel() * x.element_size() for x in optimizer.state[p].values())
    assert size / p.numel() == 1.0625


def test_int8_without_any_matrix_is_refused() -> None:
    p = nn.Parameter(torch.zeros(3))
    optimizer = LionW([p], lr=0.1, momentum_dtype="int8")
    p.grad = torch.ones_like(p)
    with pytest.raises(UserError, match="momentum_dtype"):
        optimizer.step()
