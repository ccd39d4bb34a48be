# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import importlib.util
import logging
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from foundry_plugins.contract.errors import UserError
from foundry_plugins.optim.lion import LionW
from foundry_plugins.optim.reference import lion_step

DECAY = {"weight_decay": 1e-3, "weight_decay_mode": "decoupled"}


def parameter(*values: float, dtype: torch.dtype = torch.float64) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=dtype))


def set_gradients(parameters: Iterable[Tensor], generator: torch.Generator) -> list[Tensor]:
    gradients = []
    for p in parameters:
        p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)
        gradients.append(p.grad.clone())
    return gradients


def foundry_lion() -> ModuleType:
    # Loaded by path: importing llmfoundry as a package costs 20 CPU seconds, this file needs none.
    package = importlib.util.find_spec("llmfoundry")
    assert package is not None
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "optim" / "lion.py"
    spec = importlib.util.spec_from_file_location("foundry_lion", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_steps_by_hand() -> None:
    p = parameter(1.0, -2.0, 0.5)
    decay = {"weight_decay": 0.1, "weight_decay_mode": "lr_coupled"}
    optimizer = LionW([p], lr=0.1, betas=[0.9, 0.5], **decay)
    p.grad = torch.tensor([3.0, -1.0, 0.0], dtype=torch.float64)
    optimizer.step()
    # Shrunk by 0.1 * 0.1 = 1 %: 0.99, -1.98, 0.495. c has the gradient's sign, and sign(0) = 0.
    assert p.tolist() == pytest.approx([0.89, -1.88, 0.495])
    moment = optimizer.state[p]["exp_avg"]
    assert moment.tolist() == pytest.approx([1.5, -0.5, 0.0])
    p.grad = torch.tensor([-13.0, 4.0, 2.0], dtype=torch.float64)
    optimizer.step()
    # c = .9 * 1.5 - 1.3 = .05; -.45 + .4 = -.05; .2: the momentum outvotes two gradients.
    assert p.tolist() == pytest.approx([0.7811, -1.7612, 0.39005])
    assert moment.tolist() == pytest.approx([-5.75, 1.75, 1.0])


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)], ids=["fp64", "fp32"]
)
def test_follows_the_definition_for_hundreds_of_steps(dtype: torch.dtype, tolerance: float) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(7, 5), (3,), (2, 2, 2), ()]
    start = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    parameters = [nn.Parameter(x.to(dtype)) for x in start]
    # The second group overrides rates, betas and the convention of the decay.
    second = {"lr": 3e-4, "betas": (0.9, 0.99), "weight_decay": 0.5}
    second["weight_decay_mode"] = "lr_coupled"
    groups = [{"params": parameters[:2]}, {"params": parameters[2:], **second}]
    optimizer = LionW(groups, lr=1e-3, betas=[0.95, 0.98], **DECAY)
    hyper = [(1e-3, 0.95, 0.98, 1e-3)] * 2 + [(3e-4, 0.9, 0.99, 0.5 * 3e-4)] * 2

    oracle = [p.detach().double() for p in parameters]
    moments = [torch.zeros_like(p) for p in oracle]
    for step in range(300):
        share = 0.0 if step % 50 == 3 else 1 - step / 400
        gradients = set_gradients(parameters, generator)
        missing = step % len(parameters) if step % 3 == 0 else None
        for i, (p, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            if i == missing:
                p.grad = None
                continue
            peak, beta1, beta2, decay = hyper[i]
            oracle[i], moments[i] = lion_step(
                *(oracle[i], gradient.double(), moments[i]),
                **{"lr": peak * share, "beta1": beta1, "beta2": beta2, "decay": decay * share},
            )
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * share
        optimizer.step()
    for p, expected, moment in zip(parameters, oracle, moments, strict=True):
        torch.testing.assert_close(p.detach().double(), expected, atol=tolerance, rtol=0)
        torch.testing.assert_close(
            optimizer.state[p]["exp_avg"].double(), moment, atol=tolerance, rtol=0
        )


def test_bfloat16_weights_are_rounded_once() -> None:
    generator = torch.Generator().manual_seed(1)
    p = nn.Parameter(torch.randn(4096, generator=generator).bfloat16())
    optimizer = LionW([p], lr=0.01, weight_decay=5e-3, weight_decay_mode="decoupled")
    before, moment = p.detach().clone(), torch.zeros(4096, dtype=torch.bfloat16)
    for _ in range(300):
        (gradient,) = set_gradients([p], generator)
        optimizer.step()
        expected, _ = lion_step(
            *(before.double(), gradient.double(), moment.double()),
            **{"lr": 0.01, "beta1": 0.95, "beta2": 0.98, "decay": 5e-3},
        )
        # Through fp32 a tie may fall the other way; two roundings would differ in many elements.
        assert (p.detach() != expected.bfloat16()).sum() <= 4
        before, moment = p.detach().clone(), optimizer.state[p]["exp_avg"].clone()
    assert moment.dtype == torch.bfloat16


@pytest.mark.parametrize("mode", ["decoupled", "lr_coupled"])
def test_equals_the_decoupled_lion_of_foundry(mode: str) -> None:
    reference = foundry_lion().DecoupledLionW
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3))
    theirs = copy.deepcopy(ours)
    # Refact's lr 5e-5 with an lr-coupled decay of 0.8 is 4e-5 in Foundry's convention.
    decay = 4e-5 if mode == "decoupled" else 0.8
    optimizer = LionW(ours.parameters(), lr=5e-5, weight_decay=decay, weight_decay_mode=mode)
    other = reference(theirs.parameters(), lr=5e-5, betas=(0.95, 0.98), weight_decay=4e-5)
    for step in range(200):
        x = torch.randn(4, 6)
        for model, o in ((ours, optimizer), (theirs, other)):
            o.param_groups[0]["lr"] = 5e-5 * (1 - step / 250)
            o.zero_grad()
            model(x).square().mean().backward()
            o.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        if mode == "decoupled":
            assert torch.equal(a, b)
        torch.testing.assert_close(a, b, atol=1e-7, rtol=0)
    # A checkpoint of either loads into the other: same keys, same convention.
    assert optimizer.param_groups[0].keys() >= other.param_groups[0].keys() - {"foreach"}
    assert optimizer.param_groups[0]["weight_decay"] == pytest.approx(4e-5)
    optimizer.load_state_dict(other.state_dict())
    other.load_state_dict(optimizer.state_dict())


def test_runs_the_closure_with_gradients_first_and_returns_its_loss() -> None:
    p = parameter(1.0)
    optimizer = LionW([p], lr=0.1)

    def closure() -> float:
        loss = (p * p).sum()
        loss.backward()
        return loss.item()

    with torch.no_grad():
        assert optimizer.step(closure) == 1.0
    assert p.item() == pytest.approx(0.9)


def test_a_step_at_lr_zero_moves_no_weight_and_makes_the_state() -> None:
    p, frozen = parameter(1.0, 2.0), parameter(3.0)
    optimizer = LionW([p, frozen], lr=0.1, **DECAY)
    optimizer.param_groups[0]["lr"] = 0.0
    p.grad = torch.zeros_like(p)
    assert optimizer.step(None) is None
    assert p.tolist() == [1.0, 2.0]
    assert optimizer.state[p]["exp_avg"].tolist() == [0.0, 0.0]
    assert frozen not in optimizer.state


def test_lr_zero_at_construction_is_accepted() -> None:
    p = parameter(1.0)
    optimizer = LionW([p], lr=0, **DECAY)
    p.grad = torch.ones_like(p)
    optimizer.step()
    assert p.item() == 1.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_non_finite_gradient_changes_nothing_and_is_counted(
    bad: float, dtype: torch.dtype, caplog: pytest.LogCaptureFixture
) -> None:
    good, other = parameter(1.0, 2.0, dtype=dtype), parameter(3.0)
    empty = nn.Parameter(torch.zeros(0, dtype=dtype))
    optimizer = LionW([good, other, empty], lr=0.1, **DECAY)
    empty.grad = torch.zeros_like(empty)
    # Finite values whose sum or square overflows are no reason to skip.
    good.grad = torch.full_like(good, torch.finfo(dtype).max)
    other.grad = torch.tensor([1e300], dtype=torch.float64)
    optimizer.step()
    assert optimizer.skipped_steps == 0
    before = copy.deepcopy((good.data, other.data, optimizer.state_dict()["state"]))

    good.grad = torch.tensor([1.0, bad], dtype=dtype)
    with caplog.at_level(logging.WARNING):
        optimizer.step()
    assert optimizer.skipped_steps == 1
    assert "not finite" in caplog.text
    after = (good.data, other.data, optimizer.state_dict()["state"])
    torch.testing.assert_close(after, before, rtol=0, atol=0)

    good.grad = torch.tensor([1.0, 1.0], dtype=dtype)
    optimizer.step()
    assert optimizer.skipped_steps == 1
    assert not torch.equal(good.data, before[0])


def test_groups_added_again_after_sharding_keep_their_decay() -> None:
    p = parameter(1.0)
    optimizer = LionW([p], lr=1e-3, weight_decay=1.0, weight_decay_mode="lr_coupled")
    (group,) = optimizer.param_groups
    optimizer.param_groups.clear()
    sharded = parameter(1.0)
    optimizer.add_param_group({**group, "params": [sharded]})
    assert optimizer.param_groups[0]["weight_decay"] == 1e-3
    assert optimizer.param_groups[0]["params"][0] is sharded


def test_state_and_count_survive_copies_and_state_dicts() -> None:
    p = parameter(1.0)
    optimizer = LionW([p], lr=0.1)
    p.grad = torch.ones_like(p)
    optimizer.step()
    assert list(optimizer.state[p]) == ["exp_avg"]
    optimizer.skipped_steps = 3
    clone = copy.deepcopy(optimizer)
    assert clone.skipped_steps == 3
    clone.add_param_group({"params": [parameter(2.0)]})
    assert clone.param_groups[1]["lr"] == 0.1
    fresh = LionW([parameter(1.0)], lr=0.5)
    fresh.load_state_dict(optimizer.state_dict())
    assert fresh.param_groups[0]["lr"] == 0.1
    assert fresh.param_groups[0]["initial_lr"] == 0.1


def test_the_log_tells_the_shrinkage_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        LionW([parameter(1.0)], lr=5e-5, weight_decay=0.8, weight_decay_mode="lr_coupled")
    (record,) = caplog.records
    assert "at the peak lr 5e-05 shrinks weights by 4e-05" in record.message
    assert "(weight_decay 0.8, lr_coupled)" in record.message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["`optimizer.lr`", "None"]),
        ({"lr": -1.0}, ["`optimizer.lr`", "-1.0"]),
        ({"lr": "1e-4"}, ["`optimizer.lr`", "'1e-4'", "1.0e-4"]),
        ({"lr": float("nan")}, ["`optimizer.lr`", "nan"]),
        ({"lr": 1e-3, "betas": [0.9, 1.0]}, ["`optimizer.betas`", "[0.9, 1.0]"]),
        ({"lr": 1e-3, "betas": [0.9]}, ["`optimizer.betas`"]),
        ({"lr": 1e-3, "betas": 0.9}, ["`optimizer.betas`"]),
        ({"lr": 1e-3, "weight_decay": -0.1}, ["`optimizer.weight_decay`", "-0.1"]),
        ({"lr": 1e-3, "weight_decay": 0.1}, ["`optimizer.weight_decay_mode`", "0.0001", "0.1"]),
        (
            {"lr": 1e-3, "weight_decay": 0.1, "weight_decay_mode": "lr_copuled"},
            ["`optimizer.weight_decay_mode`", "did you mean 'lr_coupled'"],
        ),
        (
            {"lr": 5e-5, "weight_decay": 0.8, "weight_decay_mode": "decoupled"},
            ["`optimizer.weight_decay`", "0.8", "allow_large_weight_decay"],
        ),
        ({"lr": 1e-3, "weight_decy": 0.1}, ["`optimizer.weight_decy`", "'weight_decay'"]),
        ({"lr": 1e-3, "allow_large_weight_decay": "no"}, ["allow_large_weight_decay", "'no'"]),
    ],
)
def test_bad_settings_are_named(settings: dict[str, object], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        LionW([parameter(1.0)], **settings)  # pyright: ignore[reportArgumentType]
    for word in words:
        assert word in str(error.value)


def test_bad_settings_of_a_group_are_named() -> None:
    with pytest.raises(UserError, match=r"optimizer.param_groups.momentum"):
        LionW([{"params": [parameter(1.0)], "momentum": 0.9}], lr=1e-3)
    with pytest.raises(UserError, match=r"optimizer.param_groups.initial_lr"):
        LionW([{"params": [parameter(1.0)], "initial_lr": 0.1}], lr=1e-3)
    with pytest.raises(UserError, match="allow_large_weight_decay"):
        LionW([{"params": [parameter(1.0)], "weight_decay": 0.5}], lr=1e-3, **DECAY)


def test_a_large_decay_is_accepted_by_name() -> None:
    p = parameter(1.0)
    settings = {"weight_decay": 0.5, "weight_decay_mode": "decoupled"}
    optimizer = LionW([p], lr=0.1, allow_large_weight_decay=True, **settings)
    p.grad = torch.zeros_like(p)
    optimizer.step()
    assert p.item() == 0.5
