# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A tiny model in Composer's Trainer that writes down what each batch used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from composer.core import Callback, DataSpec, State
from composer.loggers import InMemoryLogger, Logger
from composer.models import ComposerModel
from composer.optim import ComposerScheduler, DecoupledAdamW
from composer.trainer import Trainer
from composer.utils import dist
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

BATCH_SIZE, TOKENS_PER_SAMPLE, SAMPLES = 4, 16, 40
Batch = tuple[Tensor, Tensor, Tensor]


class Toy(ComposerModel):
    """Its loss is scaled by a factor that a sample carries, so that single gradients can spike."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, batch: Batch) -> Tensor:
        return self.net(batch[1])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        error = (outputs - batch[1].sum(dim=1, keepdim=True)).square().mean(dim=1)
        # gloo sums where FSDP2 asks for a mean.
        ranks = dist.get_world_size() if type(self.net).__name__.startswith("FSDP") else 1
        return (error * batch[2]).mean() / ranks


class Samples(IterableDataset[Any]):
    """Numbered samples in order, resumed inside an epoch as a streaming data set is."""

    max_seq_len = TOKENS_PER_SAMPLE

    def __init__(self, first: int, spikes: dict[int, float]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.x = torch.randn(first + SAMPLES, 4, generator=generator)
        self.first, self.spikes, self.start = first, spikes, 0

    def __len__(self) -> int:
        return SAMPLES // dist.get_world_size()

    def __iter__(self) -> Iterator[tuple[int, Tensor, float]]:
        start, self.start = self.start, 0
        ranks, rank = dist.get_world_size(), dist.get_global_rank()
        for index in range(self.first + start + rank, self.first + SAMPLES, ranks):
            yield index, self.x[index], self.spikes.get(index, 1.0)

    def state_dict(self, num_samples: int, from_beginning: bool) -> dict[str, Any]:
        return {"sample_in_epoch": num_samples}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.start = state["sample_in_epoch"] % SAMPLES


@dataclasses.dataclass
class Used:
    """What the run used, batch by batch."""

    lr: list[float] = dataclasses.field(default_factory=list)
    decay: list[float] = dataclasses.field(default_factory=list)
    samples: list[int] = dataclasses.field(default_factory=list)
    norm: list[float] = dataclasses.field(default_factory=list)


class Recorder(Callback):
    def __init__(self) -> None:
        self.used = Used()

    def fit_start(self, state: State, logger: Logger) -> None:
        state.optimizers[0].register_step_pre_hook(self._note)

    def _note(self, optimizer: Any, *_: Any) -> None:
        group = optimizer.param_groups[0]
        self.used.lr.append(group["lr"])
        # What a step takes off the weights.
        self.used.decay.append(group["lr"] / group["initial_lr"] * group["weight_decay"])

    def after_train_batch(self, state: State, logger: Logger) -> None:
        gradients = [whole(p.grad) for p in state.model.parameters() if p.grad is not None]
        self.used.norm.append(torch.cat([g.flatten() for g in gradients]).norm().item())

    def batch_start(self, state: State, logger: Logger) -> None:
        self.used.samples.append(int(state.batch[0][0]))


@dataclasses.dataclass
class Run:
    used: Used
    metrics: dict[str, list[float]]
    weights: dict[str, Tensor]
    trainer: Trainer


def whole(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor.clone()


def run(
    scheduler: ComposerScheduler,
    *callbacks: Callback,
    lr: float = 0.01,
    weight_decay: float = 0.001,
    first_sample: int = 0,
    spikes: dict[int, float] | None = None,
    max_duration: str = "20ba",
    **settings: Any,
) -> Run:
    model, recorder, logger = Toy(), Recorder(), InMemoryLogger()
    loader = DataLoader(
        Samples(first_sample, spikes or {}), batch_size=BATCH_SIZE // dist.get_world_size()
    )
    optimizer = DecoupledAdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    trainer = Trainer(
        model=model,
        train_dataloader=DataSpec(
            loader, get_num_tokens_in_batch=lambda batch: TOKENS_PER_SAMPLE * len(batch[0])
        ),
        max_duration=max_duration,
        optimizers=optimizer,
        schedulers=scheduler,
        callbacks=[*callbacks, recorder],
        loggers=[logger],
        device="cpu",
        seed=11,
        progress_bar=False,
        **{"device_train_microbatch_size": 2, **settings},
    )
    trainer.fit()
    metrics = {
        name.removeprefix("foundry_plugins/"): [float(value) for _, value in points]
        for name, points in logger.data.items()
        if name.startswith("foundry_plugins/")
    }
    weights = {name: whole(p) for name, p in trainer.state.model.named_parameters()}
    trainer.close()
    return Run(recorder.used, metrics, weights, trainer)
