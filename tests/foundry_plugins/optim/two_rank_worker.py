# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One of two ranks, run by `test_lion_two_ranks.py`: rank, rendezvous file, result file."""

from __future__ import annotations

import copy
import json
import sys

import torch
from torch import distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from foundry_plugins.optim.lion import LionW

SETTINGS = {"lr": 1e-2, "weight_decay": 0.5, "weight_decay_mode": "lr_coupled"}


def network() -> nn.Sequential:
    # 5 and 3 rows shard unevenly over two ranks, 1 row leaves the second rank an empty shard.
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 1))


def sharded() -> nn.Module:
    model = network()
    fully_shard(model)
    return model


def train(model: nn.Module, optimizer: LionW, steps: int, scale: float = 1.0) -> None:
    generator = torch.Generator().manual_seed(7)
    for _ in range(steps):
        optimizer.zero_grad()
        x = torch.randn(8, 4, generator=generator)
        loss = (model(x) - x.sum(dim=1, keepdim=True)).square().mean()
        (loss * scale).backward()
        optimizer.step()


def whole(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix("module."): t.full_tensor() if isinstance(t, DTensor) else t.clone()
        for name, t in tensors.items()
    }


def parameters(model: nn.Module) -> dict[str, torch.Tensor]:
    return whole({name: p.detach() for name, p in model.named_parameters()})


def moments(model: nn.Module, optimizer: LionW) -> dict[str, torch.Tensor]:
    return whole({n: optimizer.state[p]["exp_avg"] for n, p in model.named_parameters()})


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def largest_difference(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    return max((a[name] - b[name]).abs().max().item() for name in a)


def skips_on_both_ranks(model: nn.Module, optimizer: LionW, rank: int, poison: float) -> bool:
    before = copy.deepcopy((parameters(model), moments(model, optimizer)))
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    first = next(model.parameters()).grad
    assert first is not None
    local = first.to_local() if isinstance(first, DTensor) else first
    if rank == 1:
        local.view(-1)[0] = poison
    optimizer.step()
    return equal(parameters(model), before[0]) and equal(moments(model, optimizer), before[1])


def main(rank: int, rendezvous: str, result: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    alone = network()
    alone_optimizer = LionW(alone.parameters(), **SETTINGS)
    train(alone, alone_optimizer, 30)
    found: dict[str, object] = {}
    for name, model in {"fsdp2": sharded(), "ddp": DistributedDataParallel(network())}.items():
        optimizer = LionW(model.parameters(), **SETTINGS)
        # FSDP2 asks for the mean of the ranks' gradients, and gloo gives it their sum.
        train(model, optimizer, 30, scale=0.5 if name == "fsdp2" else 1.0)
        found[f"{name}_weights"] = largest_difference(parameters(model), parameters(alone))
        found[f"{name}_moments"] = largest_difference(
            moments(model, optimizer), moments(alone, alone_optimizer)
        )
        found[f"{name}_skips"] = [
            skips_on_both_ranks(model, optimizer, rank, float(bad)) for bad in ("nan", "-inf")
        ]
        found[f"{name}_skipped_steps"] = optimizer.skipped_steps
        fresh = LionW(model.parameters(), **SETTINGS)
        before = copy.deepcopy((parameters(model), moments(model, optimizer)))
        saved = get_optimizer_state_dict(model, optimizer)
        set_optimizer_state_dict(model, fresh, saved)
        found[f"{name}_loads"] = equal(moments(model, fresh), before[1])
        found[f"{name}_load_moves_nothing"] = equal(parameters(model), before[0])

    # A rank without any gradient still answers the others.
    p = nn.Parameter(torch.ones(2))
    optimizer = LionW([p], **SETTINGS)
    if rank == 0:
        p.grad = torch.tensor([1.0, float("nan")])
    optimizer.step()
    found["no_gradients_skipped"] = optimizer.skipped_steps
    with open(result, "w", encoding="utf-8") as file:
        json.dump(found, file)
    dist.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
