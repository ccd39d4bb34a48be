# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A step's table kept for the next one, where nothing but gradients and rates has changed.

With thousands of small tensors, finding out what each of them is takes longer than its step. A
replay checks that every parameter, its memory, its gradient's layout and its momentum are the ones
of the step before, and then only fills in where the gradients lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter, is_
from typing import Any

import numpy as np
from torch import Tensor

from foundry_plugins.optim import compiled, momentum
from foundry_plugins.optim.compiled import Piece, Table

Groups = Sequence[Mapping[str, Any]]


class Replay:
    """A step of plain CPU parameters that all fit one batch, with nothing but Lion's own rates."""

    def __init__(
        self, groups: Groups, state: Mapping[Tensor, dict[str, Any]], batch: Sequence[Piece]
    ) -> None:
        self._all = list(chain.from_iterable(group["params"] for group in groups))
        self._moving = [piece.p for piece in batch]
        self._moments = [piece.m for piece in batch]
        self._states = [state[p] for p in self._moving]
        self._everything = list(state.values())
        chosen = {piece.place for piece in batch}
        self._idle = [p for i, p in enumerate(self._all) if i not in chosen]
        sizes = [len(group["params"]) for group in groups]
        self._group_of = np.repeat(np.arange(len(sizes)), sizes)[[piece.place for piece in batch]]
        self._dtype = batch[0].p.dtype
        self._rows = compiled.table_of(batch).rows

    def gradients(self, groups: Groups, state: Mapping[Tensor, Any]) -> list[Tensor] | None:
        """The gradients of this step, or None where it is another step than the one kept."""
        parameters, moments = self._moving, self._moments
        now = list(chain.from_iterable(group["params"] for group in groups))
        if len(now) != len(self._all) or not all(map(is_, now, self._all)):
            return None
        gradients = [g for p in parameters if (g := p.grad) is not None]
        if len(gradients) < len(parameters) or any(p.grad is not None for p in self._idle):
            return None
        # Values are compared in their order, for hashing a tensor is slow; another order of the
        # same states only means a step of the longer way.
        everything = state.values()
        if len(everything) != len(self._everything):
            return None
        if not all(map(is_, everything, self._everything)):
            return None
        if not all(map(is_, [s.get(momentum.WIDE) for s in self._states], moments)):
            return None
        same = all(map(Tensor.is_contiguous, gradients))
        same = same and all(map(Tensor.is_contiguous, parameters))
        same = same and set(map(attrgetter("dtype"), parameters)) == {self._dtype}
        for row, tensors in zip(self._rows, (parameters, gradients, moments), strict=False):
            addresses = np.fromiter(map(Tensor.data_ptr, tensors), np.int64, len(tensors))
            if tensors is gradients:
                row[:] = addresses
            else:
                same = same and bool((addresses == row).all())
        return gradients if same else None

    def finite(self) -> bool:
        """Whether the gradients that `gradients` found are."""
        return compiled.finite_rows(self._rows[[1, 3, 4]], self._dtype)

    def step_(self, rates: Sequence[tuple[float, float, float, float]]) -> None:
        """The step, with lr, beta1, beta2 and decay of each group."""
        columns = compiled.rate_columns(rates)[self._group_of]
        dtypes = (self._dtype, self._moments[0].dtype)
        compiled.launch_on_cpu(Table(self._rows, columns, None, False), *dtypes)
