# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A matrix times one or a few vectors, compiled for CPUs by numba.

    out[b, r] = bias[r] + sum over i of weight[r, i] * x[b, i]

Each weight is read from memory once: a row is multiplied by two vectors at a time, and comes from
the processor's nearest cache for further ones. Numbers are fp32, or the 16 bits of a bf16, which
are the upper ones of an fp32. Sums are fp32, and rounded to the nearest at the end. Here alone the
compiler may reorder sums and contract them with products (``fastmath``), so that it keeps a sum in
the lanes of several vector registers; infinities and NaN pass as they should.

A kernel is a C function of one address, as pools of threads call it. Each thread takes the next
rows until none are left, so one that comes late takes fewer. Importing this module loads numba.
Machine code is kept in ``__pycache__`` or the user's cache folder.

Shapes: R rows of the matrix, I inputs, B vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload

# What a kernel is given, int64: addresses of weight (R, I), of bias (R) or 0, of x (B, I) and of
# the result (B, R); R, I and B; how many rows a thread takes at once, and the first not yet taken.
WEIGHT, BIAS, X, OUT, ROWS, INPUTS, VECTORS, AT_ONCE, NEXT = range(9)
FIELDS = 9

_16, _HALF, _1 = np.uint32(16), np.uint32(0x7FFF), np.uint32(1)
_FP32, _BF16 = np.empty(0, np.float32), np.empty(0, np.uint16)
_ADDRESS = types.CPointer(types.int64)
_ANY_ORDER = {"reassoc", "contract"}

# What it makes takes one argument less than the function; type checkers do not know.
_intrinsic: Any = intrinsic
_carray: Any = numba.carray  # pyright: ignore[reportPrivateImportUsage]


def _compiled(compiler: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return compiler(*arguments, cache=True, **options)(function)
        except RuntimeError:
            # Neither the package's folder nor the home folder can be written.
            return compiler(*arguments, **options)(function)

    return decorate


@_intrinsic
def _pointer(_: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.voidptr(address), generate


@_intrinsic
def _take(_: Any, address: Any, count: Any) -> Any:
    """Adds to the number at an address, for all threads at once, and returns what it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], context.get_value_type(_ADDRESS))
        return builder.atomic_rmw("add", place, arguments[1], "monotonic")

    return types.int64(types.int64, types.int64), generate


def _widen(x: Any) -> Any:
    """An element, fp32 or the 16 bits of a bf16, as fp32."""


@overload(_widen, inline="always", strict=False)
def _widen_for(x: Any) -> Any:
    if x == types.float32:
        return lambda x: x
    return lambda x: np.uint32(np.uint32(x) << _16).view(np.float32)


def _narrow(x: Any, like: Any) -> Any:
    """An fp32 value as an element of an array, rounded to the nearest, ties to even."""


@overload(_narrow, inline="always", strict=False)
def _narrow_for(x: Any, like: Any) -> Any:
    if like.dtype == types.float32:
        return lambda x, like: x

    def rounded(x: Any, like: Any) -> Any:
        bits = np.float32(x).view(np.uint32)
        return np.uint16(np.uint32(bits + _HALF + ((bits >> _16) & _1)) >> _16)

    return rounded


@_compiled(numba.njit, fastmath=_ANY_ORDER)
def _one(row: Any, x: Any) -> Any:
    total = np.float32(0)
    for i in range(row.size):
        total += _widen(row[i]) * _widen(x[i])
    return total


@_compiled(numba.njit, fastmath=_ANY_ORDER)
def _two(row: Any, x: Any, y: Any) -> Any:
    total_x, total_y = np.float32(0), np.float32(0)
    for i in range(row.size):
        weight = _widen(row[i])
        total_x += weight * _widen(x[i])
        total_y += weight * _widen(y[i])
    return total_x, total_y


@_compiled(numba.njit)
def _multiply(fields: Any, like: Any) -> None:
    field = _carray(fields, FIELDS)
    rows, inputs, vectors = field[ROWS], field[INPUTS], field[VECTORS]
    weight = _carray(_pointer(field[WEIGHT]), (rows, inputs), like.dtype)
    x = _carray(_pointer(field[X]), (vectors, inputs), like.dtype)
    out = _carray(_pointer(field[OUT]), (vectors, rows), like.dtype)
    has_bias = field[BIAS] != 0
    bias = _carray(_pointer(field[BIAS]), rows, like.dtype)
    count, to_take = field[AT_ONCE], field.ctypes.data + NEXT * field.itemsize
    while True:
        first = _take(to_take, count)
        if first >= rows:
            return
        for r in range(first, min(first + count, rows)):
            start = _widen(bias[r]) if has_bias else np.float32(0)
            for b in range(0, vectors - 1, 2):
                total_x, total_y = _two(weight[r], x[b], x[b + 1])
                out[b, r] = _narrow(start + total_x, out)
                out[b + 1, r] = _narrow(start + total_y, out)
            if vectors % 2:
                out[vectors - 1, r] = _narrow(start + _one(weight[r], x[vectors - 1]), out)


@_compiled(numba.cfunc, types.void(_ADDRESS))
def fp32(fields: Any) -> None:
    """The product of fp32 numbers; see `WEIGHT` for the fields."""
    _multiply(fields, _FP32)


@_compiled(numba.cfunc, types.void(_ADDRESS))
def bf16(fields: Any) -> None:
    """The product of bf16 numbers."""
    _multiply(fields, _BF16)
