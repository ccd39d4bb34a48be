# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The loss and the gradient norm of a whole batch over all ranks, before the step and clipping.

The host tells neither before the optimizer's step: it clips before callbacks are called, and adds
losses up after it. So both are put together here from the events of the microbatches:

    loss = sum over ranks and microbatches of loss * samples / all samples
    norm = sqrt(sum over ranks of the squares of what each holds of the gradient)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from composer.core import State
from composer.utils import dist
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm

from foundry_plugins.callbacks.batch_samples import rows


class BatchMeasures:
    """One batch; made when it starts, again if the host found it too large for the memory.

    Args:
        state: Of the host, with the whole batch.
    """

    def __init__(self, state: State) -> None:
        self._loss = self._norm = state.device.tensor_to_device(torch.zeros(()))
        self._rows = rows(state.batch)
        self._done = 0

    def add_loss(self, state: State) -> None:
        """Takes a microbatch's loss, before the host scales it."""
        self._loss = self._loss + _total(state.loss).detach().float() * rows(state.batch)

    def add_gradient(self, state: State) -> None:
        """Takes the norm if this was the last microbatch."""
        self._done += rows(state.batch)
        if self._done < self._rows:
            return
        held = [p.grad for p in state.model.parameters() if p.grad is not None]
        norm = get_total_norm([g.to_local() if isinstance(g, DTensor) else g for g in held])
        if state.scaler is not None and state.scaler.is_enabled():
            norm = norm / state.scaler.get_scale()
        self._norm = norm.to(self._loss.device)

    def over_ranks(self, state: State) -> tuple[float, float]:
        """Loss and norm, the same numbers on every rank; a collective operation.

        Under hybrid sharding the norm is too large by the square root of the replicas.
        """
        ranks = dist.get_world_size()
        # Without shards all ranks hold the same gradient.
        squares = self._norm.double().square() / (1 if state.fsdp_enabled else ranks)
        both = torch.stack([self._loss.double() / self._rows / ranks, squares])
        dist.all_reduce(both, reduce_operation="SUM")
        loss, total = both.tolist()
        return loss, total**0.5


def _total(loss: Any) -> Tensor:
    """One loss from what a model may return."""
    if isinstance(loss, Tensor):
        return loss.mean()
    if isinstance(loss, Mapping):
        return loss["total"] if "total" in loss else _total(tuple(loss.values()))
    return torch.stack([part.mean() for part in loss]).sum()
