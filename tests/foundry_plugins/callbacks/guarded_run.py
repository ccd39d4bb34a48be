# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A small run with a batch that spikes; run as a program, one of two ranks."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from composer.core import Callback, DataSpec, State
from composer.loggers import InMemoryLogger, Logger
from composer.models import ComposerModel
from composer.trainer import Trainer
from composer.utils import dist
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from foundry_plugins.callbacks.spike_guard import SpikeGuard
from foundry_plugins.optim.lion import LionW

BATCHES, BATCH_SIZE, SPIKE = 14, 4, 9


class Samples(Dataset[dict[str, Tensor]]):
    """Numbered samples; those of one batch have targets that are no use."""

    def __init__(self, target: float | None) -> None:
        self.x = torch.randn(BATCHES * BATCH_SIZE, 4, generator=torch.Generator().manual_seed(5))
        self.y = self.x.sum(dim=1, keepdim=True)
        if target is not None:
            self.y[SPIKE * BATCH_SIZE : (SPIKE + 1) * BATCH_SIZE] = target

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"x": self.x[index], "y": self.y[index], "sample_number": torch.tensor(index)}


class Toy(ComposerModel):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.0), nn.Linear(8, 1))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return self.net(batch["x"])

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
        return (outputs - batch["y"]).square().mean()


class Recorder(Callback):
    """Weights and momentum after each batch."""

    def __init__(self) -> None:
        self.states: dict[int, list[Tensor]] = {}
        self.begun: list[Tensor] = []

    def fit_start(self, state: State, logger: Logger) -> None:
        self.begun = [p.detach().clone() for p in state.model.parameters()]

    def batch_end(self, state: State, logger: Logger) -> None:
        optimizer = state.optimizers[0]
        moments = [s["exp_avg"] for s in optimizer.state.values() if "exp_avg" in s]
        everything = [*state.model.parameters(), *moments]
        self.states[int(state.timestamp.batch) - 1] = [t.detach().clone() for t in everything]


@dataclasses.dataclass
class Run:
    states: dict[int, list[Tensor]]
    metrics: dict[str, list[tuple[int, float]]]
    begun: list[Tensor]

    def moved(self, batch: int) -> bool:
        return not all(map(torch.equal, self.states[batch - 1], self.states[batch]))


def run(guard: SpikeGuard | None, target: float | None = None, **settings: Any) -> Run:
    """Trains. After a rollback nothing is closed, which would wait for the other ranks."""
    model, recorder, logger = Toy(), Recorder(), InMemoryLogger()
    data = Samples(target)
    mine = torch.utils.data.DistributedSampler(
        data, dist.get_world_size(), dist.get_global_rank(), shuffle=False
    )
    loader = DataLoader(data, batch_size=BATCH_SIZE // dist.get_world_size(), sampler=mine)
    trainer = Trainer(
        model=model,
        train_dataloader=DataSpec(loader),
        max_duration=settings.pop("max_duration", None) or f"{BATCHES}ba",
        optimizers=LionW(
            model.parameters(), lr=0.01, weight_decay=0.1, weight_decay_mode="lr_coupled"
        ),
        callbacks=[*([guard] if guard else []), recorder],
        loggers=[logger],
        device="cpu",
        device_train_microbatch_size=1,
        seed=11,
        progress_bar=False,
        **settings,
    )
    trainer.fit()
    trainer.close()
    metrics = {
        name.removeprefix("foundry_plugins/spike_guard/"): [
            (int(time.batch), float(value)) for time, value in points
        ]
        for name, points in logger.data.items()
        if "spike_guard" in name
    }
    return Run(recorder.states, metrics, recorder.begun)


def main(mode: str, folder: Path, out: Path) -> None:
    """As one rank under FSDP2.

    ``before`` trains without the guard, ``guarded`` with it; ``FOLDER`` begins with the weights of
    the sharded checkpoint there.
    """
    dist.initialize_dist("cpu", timeout=120)
    guard = SpikeGuard(action="rollback", window=3) if mode == "guarded" else None
    sharded = {"state_dict_type": "sharded", "activation_checkpointing": False}
    if mode in ("before", "guarded"):
        settings = {"save_folder": str(folder), "save_interval": "3ba", "autoresume": True}
        settings |= {"run_name": "two-ranks", "max_duration": "6ba" if mode == "before" else None}
    else:
        settings = {"load_path": mode, "load_weights_only": True, "max_duration": "1ba"}
    found = run(guard, target=1e4, parallelism_config={"fsdp": sharded}, **settings)
    sums = [_sum(state) for state in found.states.values()]
    content = {"batches": list(found.states), "sums": sums, "begun": _sum(found.begun)}
    out.with_suffix(f".{dist.get_global_rank()}").write_text(json.dumps(content), encoding="utf-8")


def _sum(state: list[Any]) -> float:
    return float(sum((t.full_tensor() if hasattr(t, "full_tensor") else t).sum() for t in state))


if __name__ == "__main__":
    os.environ["FSDP_VERSION"] = "2"
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
