# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which tensors compiled kernels take, and how they are handed over.

On a CPU numba's kernels (`kernels.py`) run contiguous fp32 and bf16 tensors, in as many threads as
torch uses; on CUDA Triton's (`triton_kernels.py`) do, where torch came with Triton. Everything else
runs `plain.py`.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from foundry_plugins.optim import plain

_ARRAYS = {torch.float32: np.float32, torch.bfloat16: np.uint16}
_BITS = {torch.float32: np.uint32, torch.bfloat16: np.uint16}
_INFINITY = {torch.float32: 0x7F800000, torch.bfloat16: 0x7F80}
# Handing work to a thread costs about as much as a step of that many elements.
_ELEMENTS_A_THREAD = 1 << 16
_MODULES = {"cpu": "numba", "cuda": "triton"}


class Piece(NamedTuple):
    """What the step of one parameter takes: local tensors, rates, and what options add.

    Attributes:
        p: Weights.
        g: Their gradient.
        m: Their momentum, the stored tensor or an fp32 copy.
        rates: lr, beta1, beta2 and decay of this step.
        place: Place of the parameter among all of the optimizer.
        factor: Of a cautious step, else None.
        first: Index of the first element in the whole tensor, for stochastic rounding.
        key: Key of this tensor's random numbers, None for rounding to the nearest.
    """

    p: Tensor
    g: Tensor
    m: Tensor
    rates: tuple[float, float, float, float]
    place: int
    factor: float | None = None
    first: int = 0
    key: tuple[int, int] | None = None


@functools.cache
def available(device_type: str) -> bool:
    """Whether this installation has kernels for a type of device."""
    return device_type in _MODULES and importlib.util.find_spec(_MODULES[device_type]) is not None


def split(pieces: Sequence[Piece]) -> tuple[list[list[Piece]], list[Piece]]:
    """Batches for the kernels, each of one device and one pair of dtypes, and all other pieces."""
    kinds: dict[tuple[Any, ...], list[Piece]] = {}
    for piece in pieces:
        p, _, m, *_ = piece
        kinds.setdefault((p.device, p.dtype, m.device, m.dtype, piece.key is None), []).append(
            piece
        )
    batches, others = [], []
    for (device, p_dtype, m_device, m_dtype, _), members in kinds.items():
        fits = available(device.type) and m_device == device
        if not fits or p_dtype not in _ARRAYS or m_dtype not in _ARRAYS:
            others += members
            continue
        taken = [piece for piece in members if _fits(piece)]
        if len(taken) < len(members):
            others += [piece for piece in members if not _fits(piece)]
        if taken:
            batches.append(taken)
    return batches, others


def _fits(piece: Piece) -> bool:
    """Whether a kernel stays within the three tensors; torch tells what else does not."""
    p, g, m, *_ = piece
    alike = p.dtype == g.dtype and p.numel() == g.numel() == m.numel()
    return alike and p.is_contiguous() and g.is_contiguous() and m.is_contiguous()


class Table(NamedTuple):
    """A batch as arrays; rows and columns are told in `kernels.py`."""

    rows: np.ndarray  # (6, N) int64
    rates: np.ndarray  # (N, 4) fp32
    keys: np.ndarray | None  # (N, 2) uint32
    cautious: bool

    @property
    def size(self) -> int:
        """Elements of all tensors."""
        return int(self.rows[3].sum())


def table_of(batch: Sequence[Piece]) -> Table:
    """The arrays that kernels read a batch from."""
    p, g, m, rates, _, factors, first, keys = zip(*batch, strict=True)
    count = np.fromiter(map(Tensor.numel, p), np.int64, len(p))
    addresses = [np.fromiter(map(Tensor.data_ptr, x), np.int64, len(p)) for x in (p, g, m)]
    rows = np.stack([*addresses, count, np.cumsum(count) - count, np.array(first)])
    cautious = factors[0] is not None
    columns = _rates(rates)
    if cautious:
        # As in the plain form: the product in double precision, then rounded once.
        lr = np.array([rate[0] for rate in rates]) * np.array(factors)
        columns[:, 1] = -lr
    return Table(
        rows, columns, None if keys[0] is None else np.array(keys, dtype=np.uint32), cautious
    )


def _rates(rates: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    distinct = list(dict.fromkeys(rates))
    order = {rate: i for i, rate in enumerate(distinct)}
    return rate_columns(distinct)[[order[rate] for rate in rates]]


def rate_columns(rates: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    """(N, 4) fp32 rates as kernels take them, of lr, beta1, beta2 and decay."""
    columns = [(1 - decay, -lr, 1 - beta1, 1 - beta2) for lr, beta1, beta2, decay in rates]
    return np.array(columns, dtype=np.float32)


def step_(batch: Sequence[Piece]) -> None:
    """The step of a batch that `split` made, in one launch."""
    table, p, m = table_of(batch), batch[0].p, batch[0].m
    if not p.is_cuda:
        launch_on_cpu(table, p.dtype, m.dtype)
        return
    from foundry_plugins.optim import triton_kernels

    triton_kernels.launch(table, p.dtype, m.dtype, p.device)


def launch_on_cpu(table: Table, p_dtype: torch.dtype, m_dtype: torch.dtype) -> None:
    """The step of a table of CPU tensors, by numba's kernels."""
    from foundry_plugins.optim import kernels

    like_p, like_m = np.empty(0, _ARRAYS[p_dtype]), np.empty(0, _ARRAYS[m_dtype])
    cautious = True if table.cautious else None

    def part(begin: int, end: int) -> None:
        kernels.step(table.rows, table.rates, begin, end, like_p, like_m, cautious, table.keys)

    _in_threads(part, table.size)


def agreeing(batch: Sequence[Piece]) -> list[int]:
    """`plain.agreeing` of each piece of a batch."""
    if batch[0].p.is_cuda:
        return [plain.agreeing(piece.g, piece.m, piece.rates[1]) for piece in batch]
    from foundry_plugins.optim import kernels

    table = table_of(batch)
    like_g, like_m = (np.empty(0, _ARRAYS[x.dtype]) for x in (batch[0].g, batch[0].m))

    def part(begin: int, end: int) -> np.ndarray:
        counts = np.zeros(len(batch), np.int64)
        kernels.agreeing(table.rows, table.rates, begin, end, like_g, like_m, counts)
        return counts

    return np.sum(_in_threads(part, table.size), axis=0).tolist()


def finite(gradients: Sequence[Tensor]) -> bool:
    """Whether all elements of a batch that `split_gradients` made are finite."""
    count = np.fromiter(map(Tensor.numel, gradients), np.int64, len(gradients))
    address = np.fromiter(map(Tensor.data_ptr, gradients), np.int64, len(gradients))
    return finite_rows(np.stack([address, count, np.cumsum(count) - count]), gradients[0].dtype)


def finite_rows(rows: np.ndarray, dtype: torch.dtype) -> bool:
    """Whether all elements of CPU tensors are finite: addresses, elements, elements before."""
    from foundry_plugins.optim import kernels

    like = np.empty(0, _BITS[dtype])

    def part(begin: int, end: int) -> int:
        return kernels.largest_bits(rows, begin, end, like)

    return max(_in_threads(part, int(rows[1].sum()))) < _INFINITY[dtype]


def ask_for(addresses: np.ndarray) -> None:
    """Has a processor fetch what is at some addresses; it is harmless where nothing is."""
    from foundry_plugins.optim import kernels

    kernels.fetch(addresses)


def split_gradients(gradients: Sequence[Tensor]) -> tuple[list[list[Tensor]], list[Tensor]]:
    """Batches for `finite`, and all other gradients."""
    kinds: dict[tuple[bool, torch.dtype], list[Tensor]] = {}
    for g, kind in zip(gradients, map(attrgetter("is_cpu", "dtype"), gradients), strict=True):
        kinds.setdefault(kind, []).append(g)
    batches, others = [], []
    for (is_cpu, dtype), members in kinds.items():
        if not (is_cpu and dtype in _BITS and available("cpu")):
            others += members
        elif all(map(Tensor.is_contiguous, members)):
            batches.append(members)
        else:
            batches += [taken] if (taken := [g for g in members if g.is_contiguous()]) else []
            others += [g for g in members if not g.is_contiguous()]
    return batches, others


def _in_threads(part: Callable[[int, int], Any], size: int) -> list[Any]:
    """Results of ``part(begin, end)`` over ranges that make up ``size`` elements."""
    threads = max(1, min(torch.get_num_threads(), size // _ELEMENTS_A_THREAD))
    if threads == 1:
        return [part(0, size)]
    bounds = [size * i // threads for i in range(threads + 1)]
    return list(_pool(threads).map(part, bounds, bounds[1:]))


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="lionw")
