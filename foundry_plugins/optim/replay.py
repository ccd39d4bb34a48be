# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A step's table kept for the next one, where nothing but gradients and rates has changed.

With thousands of small tensors, finding out what each of them is takes longer than its step. A
replay checks that every parameter, its memory, its gradient's layout and its momentum are the ones
of the step before, and then only fills in where the gradients lie.

What costs time in that is waiting for memory: a tensor is half a dozen small objects, and the step
before has pushed all of them out of the cache. So tensors are looked at in blocks, each question
put to a whole block while it is in the cache, and the next block is asked for meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter, is_
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from foundry_plugins.optim import compiled, momentum
from foundry_plugins.optim.compiled import Piece, Table

Groups = Sequence[Mapping[str, Any]]

# Parameters of a block.
_BLOCK = 64
# Bytes of the lines of a processor's cache that what torch keeps of a tensor and of its storage
# takes, about 200 and 100 bytes.
_TENSOR_LINES, _STORAGE_LINES = np.arange(3) * 64, np.arange(2) * 64
_gradient, _dtype = attrgetter("grad"), attrgetter("dtype")
_moves = attrgetter("requires_grad")
_nbytes, _place = attrgetter("nbytes"), attrgetter("_cdata")


class _Block(NamedTuple):
    """Neighbours in the table, as they were in the step that is kept."""

    parameters: list[Tensor]
    moments: list[Tensor]
    states: list[dict[str, Any]]
    sizes: list[int]  # bytes of each parameter
    addresses: list[int]  # of all parameters, then of all momentum
    gradients: np.ndarray  # view of where addresses of gradients are kept
    objects: np.ndarray  # addresses in memory of what a look at the block touches


class Replay:
    """A step of plain CPU parameters that all fit one batch, with nothing but Lion's own rates."""

    def __init__(
        self, groups: Groups, state: Mapping[Tensor, dict[str, Any]], batch: Sequence[Piece]
    ) -> None:
        self._all = list(chain.from_iterable(group["params"] for group in groups))
        self._everything = list(state.values())
        chosen = {piece.place for piece in batch}
        self._idle = [p for i, p in enumerate(self._all) if i not in chosen]
        sizes = [len(group["params"]) for group in groups]
        self._group_of = np.repeat(np.arange(len(sizes)), sizes)[[piece.place for piece in batch]]
        self._dtype, self._m_dtype = batch[0].p.dtype, batch[0].m.dtype
        self._rows = compiled.table_of(batch).rows
        # Rows of the table that the look at the gradients needs.
        self._looked_at = self._rows[[1, 3, 4]]
        gradients = self._looked_at[0]
        self._blocks = [
            _block(batch[i : i + _BLOCK], state, gradients[i : i + _BLOCK])
            for i in range(0, len(batch), _BLOCK)
        ]

    def finds_gradients(self, groups: Groups, state: Mapping[Tensor, Any]) -> bool:
        """Reads where gradients lie; false where this is another step than the one kept."""
        parameters = chain.from_iterable(group["params"] for group in groups)
        # Values are compared in their order, for hashing a tensor is slow; another order of the
        # same states only means a step of the longer way.
        if not (_same(parameters, self._all) and _same(state.values(), self._everything)):
            return False
        if any(p.grad is not None for p in self._idle):
            return False
        compiled.ask_for(self._blocks[0].objects)
        for block, following in zip(self._blocks, [*self._blocks[1:], None], strict=True):
            if following:
                compiled.ask_for(following.objects)
            if not self._found(block):
                return False
        self._rows[1] = self._looked_at[0]
        return True

    def _found(self, block: _Block) -> bool:
        """Reads a block's gradients, if it is otherwise what it was.

        Assigning to `data` or resizing in place leaves a tensor the same object, so identity alone
        says nothing: the memory, layout and dtype of each are looked at. Sizes are those of
        gradients alone, for torch lets none have another shape or dtype than its parameter.
        """
        parameters, moments, states, sizes, addresses, row, _ = block
        gradients = list(map(_gradient, parameters))
        # None where there is none.
        same = set(map(type, gradients)) == {Tensor}
        same = same and _same([state.get(momentum.WIDE) for state in states], moments)
        same = same and list(map(Tensor.data_ptr, parameters + moments)) == addresses
        same = same and all(map(Tensor.is_contiguous, parameters + gradients))
        same = same and set(map(_dtype, parameters)) == {self._dtype}
        same = same and all(map(_moves, parameters))
        same = same and list(map(_nbytes, gradients)) == sizes
        if same:
            row[:] = list(map(Tensor.data_ptr, gradients))
        return same

    def finite(self) -> bool:
        """Whether the gradients that `finds_gradients` found are."""
        return compiled.finite_rows(self._looked_at, self._dtype)

    def step_(self, rates: Sequence[tuple[float, float, float, float]]) -> None:
        """The step, with lr, beta1, beta2 and decay of each group."""
        columns = compiled.rate_columns(rates).take(self._group_of, axis=0)
        table = Table(self._rows, columns, None, False)
        compiled.launch_on_cpu(table, self._dtype, self._m_dtype)


def _block(
    pieces: Sequence[Piece], state: Mapping[Tensor, dict[str, Any]], gradients: np.ndarray
) -> _Block:
    parameters, moments = [piece.p for piece in pieces], [piece.m for piece in pieces]
    states = [state[p] for p in parameters]
    tensors = parameters + moments
    sizes = list(map(_nbytes, parameters))
    addresses = list(map(Tensor.data_ptr, tensors))
    objects = _objects(states, tensors)
    return _Block(parameters, moments, states, sizes, addresses, gradients, objects)


def _objects(states: Sequence[dict[str, Any]], tensors: Sequence[Tensor]) -> np.ndarray:
    """Where states and tensors are in memory, with what torch keeps of a tensor and its storage."""
    storages = map(Tensor.untyped_storage, tensors)
    lines = np.array(list(map(_place, tensors)))[:, None] + _TENSOR_LINES
    storage_lines = np.array(list(map(_place, storages)))[:, None] + _STORAGE_LINES
    places = [*map(id, (*states, *tensors))]
    return np.concatenate([lines.ravel(), storage_lines.ravel(), places])


def _same(some: Iterable[Any], others: Sequence[Any]) -> bool:
    some = list(some)
    return len(some) == len(others) and all(map(is_, some, others))
