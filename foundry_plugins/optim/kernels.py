# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The step of Lion over many tensors as one pass, compiled for CPUs by numba.

A call takes a table of addresses, so 2,000 small tensors cost one call. Each element of p, g and m
is read once and p and m are written once, 20 bytes a parameter in fp32: no more than memory has to
move. bf16 is its upper 16 bits of fp32, widened and rounded here by integer operations.

Products and sums are in the order of torch's own kernels, where it rounds once (lerp, an fma) here
too, and nothing else is contracted (numba's fastmath stays off): results equal those of
`plain.py` bit for bit on processors whose torch kernels use fma, which are those with AVX2 or Neon.
A bf16 direction below bf16's smallest number (1e-40) counts here and is zero there.

Kernels let go of the interpreter lock; threads call them for their ranges of elements. Importing
this module loads numba. Machine code is kept in ``__pycache__`` or the user's cache folder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from foundry_plugins.optim.rounding import MULTIPLIERS

# Rows of a table of tensors: addresses, elements, elements before it in the table, and the index
# that its first element has in the whole tensor.
P, G, M, COUNT, START, FIRST = range(6)
# Columns of its rates, fp32.
KEPT, STEP, WEIGHT1, WEIGHT2 = range(4)

_MULTIPLIER0, _MULTIPLIER1 = (np.uint32(m) for m in MULTIPLIERS)
_15, _16 = np.uint32(15), np.uint32(16)
_SIGN = np.uint32(0x80000000)
_LOW16, _HALF = np.uint32(0xFFFF), np.uint32(0x7FFF)

# A small tensor ends before a processor has found out in which order to fetch it, so it is done in
# tiles and with each the same elements of the next tensor are asked for. Larger ones lose by it.
_SMALL, _TILE_BYTES, _LINE_BYTES = 1 << 15, 512, 64


# What it makes takes one argument less than the function; type checkers do not know.
_intrinsic: Any = intrinsic
_carray: Any = numba.carray  # pyright: ignore[reportPrivateImportUsage]


def _compiled(function: Callable[..., Any]) -> Any:
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # Neither the package's folder nor the home folder can be written.
        return numba.njit(nogil=True)(function)


@_intrinsic
def _pointer(_: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.voidptr(address), generate


@_intrinsic
def _prefetch(_: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        # To read (0), into every cache (3), data (1).
        how = [number(0), number(3), number(1)]
        builder.call(function, [builder.inttoptr(arguments[0], pointer), *how])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@_intrinsic
def _fma(_: Any, a: Any, b: Any, c: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@_intrinsic
def _float_of(_: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.uint32), generate


@_intrinsic
def _bits_of(_: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.uint32))

    return types.uint32(types.float32), generate


def _widen(x: Any) -> Any:
    """An element, fp32 or the 16 bits of a bf16, as fp32."""


@overload(_widen, inline="always", strict=False)
def _widen_for(x: Any) -> Any:
    if x == types.float32:
        return lambda x: x
    return lambda x: _float_of(np.uint32(x) << _16)


def _narrow(x: Any, array: Any) -> Any:
    """An fp32 value as an element of an array, rounded to the nearest, ties to even."""


@overload(_narrow, inline="always", strict=False)
def _narrow_for(x: Any, array: Any) -> Any:
    if array.dtype == types.float32:
        return lambda x, array: x

    def rounded(x: Any, array: Any) -> Any:
        bits = _bits_of(x)
        return np.uint16((bits + _HALF + ((bits >> _16) & np.uint32(1))) >> _16)

    return rounded


@_compiled
def _mixed(h: Any) -> Any:
    # Products of two uint32 are uint64 to numba.
    h = np.uint32((h ^ (h >> _16)) * _MULTIPLIER0)
    h = np.uint32((h ^ (h >> _15)) * _MULTIPLIER1)
    return np.uint32(h ^ (h >> _16))


@_compiled
def _drawn(x: Any, element: Any, key0: Any, key1: Any) -> Any:
    """An fp32 value as the 16 bits of a bf16, rounded stochastically as in `rounding.py`."""
    h = _mixed(np.uint32(np.uint32(element) ^ key0))
    h = _mixed(np.uint32(h ^ key1 ^ np.uint32(element >> 32)))
    return np.uint16((_bits_of(x) + (h & _LOW16)) >> _16)


@_compiled
def _lerp(m: Any, g: Any, weight: Any) -> Any:
    # torch starts from the nearer end.
    if weight < np.float32(0.5):
        return _fma(weight, g - m, m)
    return _fma(weight - np.float32(1), g - m, g)


@_compiled
def _sign(x: Any) -> Any:
    return np.float32(x > 0) - np.float32(x < 0)


@_compiled
def _step_one(p: Any, g: Any, m: Any, rates: Any, cautious: Any, first: Any, key: Any) -> None:
    kept, step, weight1, weight2 = rates[KEPT], rates[STEP], rates[WEIGHT1], rates[WEIGHT2]
    for i in range(p.size):
        wide_g, wide_m = _widen(g[i]), _widen(m[i])
        direction = _lerp(wide_m, wide_g, weight1)
        moved = _widen(p[i]) * kept
        if cautious is not None and _sign(direction) != _sign(wide_g):
            direction = np.float32(0)
        # Not where it is no number either, as with torch.sign.
        if abs(direction) > 0:
            # step * sign(direction), by the sign's bit.
            moved += _float_of(_bits_of(step) ^ (_bits_of(direction) & _SIGN))
        if key is None:
            p[i] = _narrow(moved, p)
        else:
            p[i] = _drawn(moved, first + i, key[0], key[1])
        m[i] = _narrow(_lerp(wide_m, wide_g, weight2), m)


@_compiled
def _fetch(address: Any, begin: Any, end: Any) -> None:
    for byte in range(begin, end, _LINE_BYTES):
        _prefetch(address + byte)


@_compiled
def fetch(addresses: Any) -> None:
    """Asks for a cache line at each of (N,) int64 addresses."""
    for i in range(addresses.size):
        _prefetch(addresses[i])


@_compiled
def step(
    rows: Any, rates: Any, begin: int, end: int, like_p: Any, like_m: Any, cautious: Any, keys: Any
) -> None:
    """The step of the elements from ``begin`` to ``end`` of a table.

    Args:
        rows: (6, N) int64, see `P`.
        rates: (N, 4) fp32, see `KEPT`.
        begin: Index of the first element, counted over the tensors of the table.
        end: Index after the last one.
        like_p: Empty array of the dtype of weights and gradients: fp32, or uint16 for bf16.
        like_m: The same for the momentum.
        cautious: None, or anything for cautious steps; their factors are in the rates.
        keys: None, or (N, 2) uint32 for stochastic rounding, with bf16 weights.
    """
    size, size_m = like_p.itemsize, like_m.itemsize
    small_tile = _TILE_BYTES // size
    for r in range(rows.shape[1]):
        low = max(begin - rows[START, r], 0)
        high = min(end - rows[START, r], rows[COUNT, r])
        is_small = rows[COUNT, r] <= _SMALL
        tile = small_tile if is_small else max(high - low, 1)
        for i in range(low, high, tile):
            count = min(tile, high - i)
            if is_small and r + 1 < rows.shape[1]:
                last = min(i + tile, rows[COUNT, r + 1])
                _fetch(rows[P, r + 1], i * size, last * size)
                _fetch(rows[G, r + 1], i * size, last * size)
                _fetch(rows[M, r + 1], i * size_m, last * size_m)
            p = _carray(_pointer(rows[P, r] + i * size), count, like_p.dtype)
            g = _carray(_pointer(rows[G, r] + i * size), count, like_p.dtype)
            m = _carray(_pointer(rows[M, r] + i * size_m), count, like_m.dtype)
            first = rows[FIRST, r] + i
            if keys is None:
                _step_one(p, g, m, rates[r], cautious, first, None)
            else:
                _step_one(p, g, m, rates[r], cautious, first, keys[r])


@_compiled
def _agreeing_one(g: Any, m: Any, weight1: Any) -> Any:
    count = 0
    for i in range(g.size):
        wide_g = _widen(g[i])
        direction = _sign(_lerp(_widen(m[i]), wide_g, weight1))
        count += direction * _sign(wide_g) > 0
    return count


@_compiled
def agreeing(
    rows: Any, rates: Any, begin: int, end: int, like_g: Any, like_m: Any, counts: Any
) -> None:
    """Adds to ``counts`` (N,) how many elements of each tensor a cautious step moves."""
    for r in range(rows.shape[1]):
        low = max(begin - rows[START, r], 0)
        count = min(end - rows[START, r], rows[COUNT, r]) - low
        if count > 0:
            g = _carray(_pointer(rows[G, r] + low * like_g.itemsize), count, like_g.dtype)
            m = _carray(_pointer(rows[M, r] + low * like_m.itemsize), count, like_m.dtype)
            counts[r] += _agreeing_one(g, m, rates[r, WEIGHT1])


@_compiled
def _largest_one(g: Any, mask: Any) -> Any:
    largest = g.dtype.type(0)
    for i in range(g.size):
        largest = max(largest, g[i] & mask)
    return largest


@_compiled
def largest_bits(rows: Any, begin: int, end: int, like: Any) -> int:
    """The largest bit pattern, signs aside, of the elements from ``begin`` to ``end``.

    It is at least that of infinity exactly where an element is infinite or no number.

    Args:
        rows: (3, N) int64: addresses, elements, elements before it.
        begin: Index of the first element.
        end: Index after the last one.
        like: Empty uint32 array for fp32, uint16 for bf16.
    """
    largest = 0
    small_tile = _TILE_BYTES // like.itemsize
    mask = like.dtype.type(0x7FFFFFFF if like.itemsize == 4 else 0x7FFF)
    for r in range(rows.shape[1]):
        low = max(begin - rows[2, r], 0)
        high = min(end - rows[2, r], rows[1, r])
        is_small = rows[1, r] <= _SMALL
        tile = small_tile if is_small else max(high - low, 1)
        for i in range(low, high, tile):
            if is_small and r + 1 < rows.shape[1]:
                last = min(i + tile, rows[1, r + 1])
                _fetch(rows[0, r + 1], i * like.itemsize, last * like.itemsize)
            g = _carray(_pointer(rows[0, r] + i * like.itemsize), min(tile, high - i), like.dtype)
            largest = max(largest, np.int64(_largest_one(g, mask)))
    return int(largest)
