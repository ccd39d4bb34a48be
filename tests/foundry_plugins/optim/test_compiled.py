# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from foundry_plugins.optim import compiled
from foundry_plugins.optim.lion import LionW

# Odd sizes end where vector instructions do not reach; 600,000 elements go to two threads, and the
# plain path takes them in two parts.
SIZES = [(3, 5), (), (0,), (1,), (257,), (64, 33), (600_000,)]
DECAY = {"weight_decay": 0.3, "weight_decay_mode": "lr_coupled"}


def model(dtype: torch.dtype) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(s, generator=generator).to(dtype)) for s in SIZES]


def groups(parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    # Betas below a half too: torch's lerp then starts from its other end.
    return [{"params": parameters[:4]}, {"params": parameters[4:], "betas": (0.3, 0.4), "lr": 3e-3}]


def train(parameters: list[nn.Parameter], optimizer: LionW, steps: int, seed: int = 1) -> None:
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for i, p in enumerate(parameters):
            g = torch.randn(p.shape, generator=generator).to(p.dtype)
            # Some elements have neither gradient nor, at first, momentum.
            has_none = not p.requires_grad or (step == 3 and i == 2)
            p.grad = None if has_none else torch.where(g.abs() < 0.3, 0.0, g)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * (1 - step / 20)
        optimizer.step()


def states(optimizer: LionW) -> list[torch.Tensor]:
    entries = optimizer.state_dict()["state"].values()
    return [value for entry in entries for value in entry.values()]


@pytest.fixture
def two_threads() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("cautious", [False, True])
@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        (torch.float32, {}),
        (torch.float32, {"momentum_dtype": "bfloat16"}),
        (torch.bfloat16, {}),
        (torch.bfloat16, {"momentum_dtype": "float32", "stochastic_rounding": True}),
    ],
    ids=["fp32", "fp32-bf16", "bf16", "bf16-rounded"],
)
def test_equals_the_plain_path_bit_for_bit(
    dtype: torch.dtype, options: dict[str, Any], cautious: bool
) -> None:
    settings = {"lr": 1e-2, "cautious": cautious, **DECAY, **options}
    fast, slow = model(dtype), model(dtype)
    one = LionW(groups(fast), **settings)
    other = LionW(groups(slow), compiled=False, **settings)
    for parameters, optimizer in ((fast, one), (slow, other)):
        train(parameters, optimizer, 8)
    for a, b in zip(fast, slow, strict=True):
        assert torch.equal(a, b)
    for a, b in zip(states(one), states(other), strict=True):
        assert torch.equal(a, b)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_many_small_tensors_equal_the_plain_path_bit_for_bit(dtype: torch.dtype) -> None:
    """More than one lot of the plain path; some end inside a tile, some before the one before."""
    fast = [nn.Parameter(torch.randn(4000 + 100 * (i % 5)).to(dtype)) for i in range(40)]
    fast += [nn.Parameter(torch.randn(3, 7).to(dtype)) for _ in range(3)]
    slow = copy.deepcopy(fast)
    one = LionW(groups(fast), lr=1e-2, **DECAY)
    other = LionW(groups(slow), lr=1e-2, compiled=False, **DECAY)
    for parameters, optimizer in ((fast, one), (slow, other)):
        train(parameters, optimizer, 5)
    for a, b in zip([*fast, *states(one)], [*slow, *states(other)], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("is_compiled", [True, False])
def test_a_momentum_that_is_no_number_moves_no_weight(
    dtype: torch.dtype, is_compiled: bool
) -> None:
    p = nn.Parameter(torch.ones(40, dtype=dtype))
    optimizer = LionW([p], lr=0.5, compiled=is_compiled)
    for gradient in (torch.ones(40), torch.zeros(40)):
        p.grad = gradient.to(dtype)
        optimizer.step()
        optimizer.state[p]["exp_avg"][7] = float("nan")
    assert p[7] == 0.5
    assert p[8] == 0.0


def test_the_log_tells_the_path_once(caplog: pytest.LogCaptureFixture) -> None:
    parameters = model(torch.float32)
    parameters.append(nn.Parameter(torch.ones(2, dtype=torch.float64)))
    optimizer = LionW(parameters, lr=1e-2)
    with caplog.at_level(logging.INFO):
        train(parameters, optimizer, 2)
    (record,) = (r for r in caplog.records if "tensors take" in r.message)
    assert "7 of 8 tensors take the compiled cpu path in 1 launches" in record.message
    caplog.clear()
    with caplog.at_level(logging.INFO):
        train(parameters, LionW(parameters, lr=1e-2, compiled=False), 1)
    assert "0 of 8 tensors" in caplog.text


def change_layout(parameters: list[nn.Parameter], _: LionW) -> None:
    parameters[0].grad = None
    parameters[0].data = parameters[0].data.t().contiguous().t()


def move(parameters: list[nn.Parameter], _: LionW) -> None:
    parameters[4].data = parameters[4].data.clone()


def forget_momentum(parameters: list[nn.Parameter], optimizer: LionW) -> None:
    del optimizer.state[parameters[5]]


def add_group(parameters: list[nn.Parameter], optimizer: LionW) -> None:
    parameters.append(nn.Parameter(torch.ones(4)))
    optimizer.add_param_group({"params": parameters[-1:]})


def load(_: list[nn.Parameter], optimizer: LionW) -> None:
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))


def replace_momentum(parameters: list[nn.Parameter], optimizer: LionW) -> None:
    state = optimizer.state[parameters[5]]
    state["exp_avg"] = torch.ones_like(state["exp_avg"])


def move_momentum(parameters: list[nn.Parameter], optimizer: LionW) -> None:
    state = optimizer.state[parameters[4]]
    state["exp_avg"].data = state["exp_avg"].clone()


def freeze(parameters: list[nn.Parameter], _: LionW) -> None:
    parameters[4].requires_grad_(False)
    parameters[4].grad = None


def freeze_with_a_gradient(parameters: list[nn.Parameter], _: LionW) -> None:
    parameters[4].requires_grad_(False)


def turn_in_place(parameters: list[nn.Parameter], _: LionW) -> None:
    # The same memory and as many elements, in another order.
    parameters[0].grad = None
    parameters[0].data = parameters[0].data.view(5, 3).t()


def shrink_in_place(parameters: list[nn.Parameter], optimizer: LionW) -> None:
    p = parameters[4]
    p.grad = None
    p.data = p.data[:100]
    optimizer.state[p]["exp_avg"].data = optimizer.state[p]["exp_avg"].data[:100]


def lower_the_rate(_: list[nn.Parameter], optimizer: LionW) -> None:
    optimizer.param_groups[1]["lr"] = optimizer.param_groups[1]["initial_lr"] = 1e-4


CHANGES = [change_layout, move, forget_momentum, add_group, load, replace_momentum, move_momentum]
CHANGES += [freeze, freeze_with_a_gradient, turn_in_place, shrink_in_place, lower_the_rate]


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_between_steps_is_noticed(change: Any) -> None:
    fast, slow = model(torch.float32), model(torch.float32)
    one, other = LionW(groups(fast), lr=1e-2), LionW(groups(slow), lr=1e-2, compiled=False)
    for parameters, optimizer in ((fast, one), (slow, other)):
        train(parameters, optimizer, 2)
        change(parameters, optimizer)
        train(parameters, optimizer, 3, seed=2)
    for a, b in zip(fast, slow, strict=True):
        assert torch.equal(a, b)
    for a, b in zip(states(one), states(other), strict=True):
        assert torch.equal(a, b)


def test_no_step_goes_beyond_a_parameter_that_became_shorter() -> None:
    whole = torch.zeros(9)
    p = nn.Parameter(whole)
    optimizer = LionW([p], lr=1.0)
    for elements in (9, 9, 4):
        p.grad = None
        p.data = whole[:elements]
        p.grad = torch.ones(elements)
        state = optimizer.state[p]
        if state:
            state["exp_avg"].data = state["exp_avg"].data[:elements]
        optimizer.step()
    assert whole.tolist() == [-3.0] * 4 + [-2.0] * 5


def test_a_frozen_parameter_stays_with_the_gradient_it_had() -> None:
    p, other = nn.Parameter(torch.zeros(5)), nn.Parameter(torch.zeros(5))
    optimizer = LionW([p, other], lr=1.0)
    for moved in (-1.0, -2.0, -3.0):
        p.grad, other.grad = torch.ones(5), torch.ones(5)
        p.requires_grad_(moved > -3)
        optimizer.step()
        assert other.tolist() == [moved] * 5
    assert p.tolist() == [-2.0] * 5


def test_a_parameter_that_outgrew_its_gradient_is_no_step() -> None:
    p = nn.Parameter(torch.zeros(4))
    optimizer = LionW([p], lr=1.0)
    for _ in range(2):
        p.grad = torch.ones(4)
        optimizer.step()
    p.data = torch.zeros(4096)
    with pytest.raises(RuntimeError, match="size"):
        optimizer.step()


def test_another_dtype_in_the_same_memory_is_noticed() -> None:
    fast, slow = model(torch.bfloat16), model(torch.bfloat16)
    one, other = LionW(groups(fast), lr=1e-2), LionW(groups(slow), lr=1e-2, compiled=False)
    for parameters, optimizer in ((fast, one), (slow, other)):
        train(parameters, optimizer, 2)
        for p in parameters:
            p.grad = None
            p.data = p.data.view(torch.float16)
        train(parameters, optimizer, 2, seed=2)
    for a, b in zip([*fast, *states(one)], [*slow, *states(other)], strict=True):
        assert torch.equal(a.view(torch.int16), b.view(torch.int16))


def test_another_layout_of_gradients_is_noticed() -> None:
    fast = [nn.Parameter(torch.zeros(3, 5)) for _ in range(200)]
    slow = copy.deepcopy(fast)
    one, other = LionW(fast, lr=1e-2), LionW(slow, lr=1e-2, compiled=False)
    generator = torch.Generator().manual_seed(0)
    for step in range(6):
        for i, (p, q) in enumerate(zip(fast, slow, strict=True)):
            g = torch.randn(5, 3, generator=generator).t()
            # Most lie as their parameters do, one does not, in another block each time.
            p.grad = g if i == 90 * step % 200 and step > 1 else g.contiguous()
            q.grad = g.clone()
        one.step()
        other.step()
    for a, b in zip([*fast, *states(one)], [*slow, *states(other)], strict=True):
        assert torch.equal(a, b)


def test_a_gradient_that_is_not_finite_is_noticed_in_a_kept_step() -> None:
    parameters = [nn.Parameter(torch.zeros(3, 5)) for _ in range(200)]
    optimizer = LionW(parameters, lr=1e-2)
    for step in range(4):
        for p in parameters:
            p.grad = torch.ones(3, 5)
        if step == 2:
            parameters[150].grad = torch.full((3, 5), float("nan"))
        optimizer.step()
    assert optimizer.skipped_steps == 1
    assert torch.equal(torch.stack(list(parameters)), torch.full((200, 3, 5), -0.03))


def test_a_gradient_where_there_was_none_and_the_reverse() -> None:
    a, b = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(3))
    optimizer = LionW([a, b], lr=1.0)
    for has_a, has_b in ((True, False), (True, False), (True, True), (False, True), (False, True)):
        a.grad = torch.ones(3) if has_a else None
        b.grad = torch.ones(3) if has_b else None
        optimizer.step()
    assert a.tolist() == [-3.0] * 3
    assert b.tolist() == [-3.0] * 3


@given(
    exponent=st.integers(-126, 127),
    place=st.integers(0, 99),
    bad=st.sampled_from([None, float("nan"), float("inf"), float("-inf")]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
@settings(max_examples=60, deadline=None)
def test_finds_what_is_not_finite(
    exponent: int, place: int, bad: float | None, dtype: torch.dtype
) -> None:
    tensors = [torch.full((99,), -(2.0**exponent)).to(dtype), torch.ones(1, dtype=dtype)]
    if bad is not None:
        tensors[place // 99].view(-1)[place % 99] = bad
    assert compiled.finite(tensors) is (bad is None)
