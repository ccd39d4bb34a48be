# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One of two ranks, run by `test_lion_two_ranks.py`: rank, folder that both share."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist
from torch import nn
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from foundry_plugins.contract.errors import UserError
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


OPTIONS: dict[str, dict[str, Any]] = {
    "int8": {"momentum_dtype": "int8", "cautious": True},
    "bf16": {"momentum_dtype": "float32", "stochastic_rounding": True, "cautious": True},
}


def stepped(kind: str, is_sharded: bool) -> tuple[nn.Module, LionW]:
    """A model after steps on gradients that no number of ranks changes."""
    torch.manual_seed(0)
    # 130 columns are two whole blocks of int8 momentum and a short one.
    model = nn.Sequential(nn.Linear(130, 5), nn.Linear(5, 1))
    model.to(torch.bfloat16 if kind == "bf16" else torch.float32)
    if is_sharded:
        fully_shard(model)
    optimizer = LionW(model.parameters(), **SETTINGS, **OPTIONS[kind])
    generator = torch.Generator().manual_seed(3)
    for _ in range(6):
        for p in model.parameters():
            g = torch.randn(p.shape, generator=generator).to(p.dtype)
            is_dtensor = isinstance(p, DTensor)
            p.grad = distribute_tensor(g, p.device_mesh, p.placements) if is_dtensor else g
        optimizer.step()
    # Checkpointing makes the state of a fresh optimizer only where there is no gradient.
    optimizer.zero_grad()
    return model, optimizer


def whole_state(model: nn.Module, optimizer: LionW) -> dict[str, torch.Tensor]:
    state = {
        f"{name}.{key}": value
        for name, p in model.named_parameters()
        for key, value in optimizer.state[p].items()
    }
    return whole(state) | parameters(model)


def checkpoint_of(model: nn.Module, optimizer: LionW) -> dict[str, Any]:
    return {"optimizer": get_optimizer_state_dict(model, optimizer)}


def reloads(folder: Path, kind: str, is_sharded: bool) -> bool:
    """Whether a checkpoint of another world size gives the state that every one arrives at."""
    model, expected = stepped(kind, is_sharded)
    fresh = LionW(model.parameters(), **SETTINGS, **OPTIONS[kind])
    state = checkpoint_of(model, fresh)
    checkpoint.load(state, checkpoint_id=folder)
    set_optimizer_state_dict(model, fresh, state["optimizer"])
    return equal(whole_state(model, fresh), whole_state(model, expected))


def check_fsdp1(alone: tuple[nn.Module, LionW]) -> dict[str, object]:
    model = FullyShardedDataParallel(network(), use_orig_params=True, device_id=torch.device("cpu"))
    optimizer = LionW(model.parameters(), **SETTINGS)
    train(model, optimizer, 30)
    options = StateDictOptions(full_state_dict=True)
    state = get_optimizer_state_dict(model, optimizer, options=options)["state"]
    found: dict[str, object] = {
        "fsdp1_weights": largest_difference(
            get_model_state_dict(model, options=options), parameters(alone[0])
        ),
        "fsdp1_moments": largest_difference(
            {name: value["exp_avg"] for name, value in state.items()}, moments(*alone)
        ),
    }
    if dist.get_rank() == 1:
        next(p.grad for p in model.parameters() if p.grad is not None and p.numel())[0] = torch.nan
    before = get_model_state_dict(model, options=options)
    before = {name: tensor.clone() for name, tensor in before.items()}
    optimizer.step()
    found["fsdp1_skips"] = equal(get_model_state_dict(model, options=options), before)
    found["fsdp1_skipped_steps"] = optimizer.skipped_steps
    try:
        train(model, LionW(model.parameters(), **SETTINGS, momentum_dtype="int8"), 1)
    except UserError as error:
        found["fsdp1_int8"] = str(error)
    return found


def main(rank: int, folder: Path) -> None:
    for kind in OPTIONS if rank == 0 else ():
        checkpoint.save(checkpoint_of(*stepped(kind, False)), checkpoint_id=folder / f"one_{kind}")
    meet = f"file://{folder / 'meet'}"
    dist.init_process_group("gloo", init_method=meet, rank=rank, world_size=2)
    alone = network()
    alone_optimizer = LionW(alone.parameters(), **SETTINGS)
    train(alone, alone_optimizer, 30)
    found: dict[str, object] = check_fsdp1((alone, alone_optimizer))
    for kind in OPTIONS:
        one, two = stepped(kind, False), stepped(kind, True)
        found[f"{kind}_equals_one_rank"] = equal(whole_state(*one), whole_state(*two))
        found[f"{kind}_one_to_two"] = reloads(folder / f"one_{kind}", kind, True)
        checkpoint.save(checkpoint_of(*two), checkpoint_id=folder / f"two_{kind}")
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
    dist.destroy_process_group()
    for kind in OPTIONS:
        found[f"{kind}_two_to_one"] = reloads(folder / f"two_{kind}", kind, False)
    (folder / str(rank)).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]), Path(sys.argv[2]))
