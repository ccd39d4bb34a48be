# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``linear`` for the few tokens of a decoding step on a CPU, at the speed of reading the weights.

With one token a linear layer is a product of a matrix and a vector: it takes as long as reading the
matrix takes, if the product keeps up. That of torch 2.7 does not: on an AMD EPYC of two cores it
reads fp32 weights at two fifths of the speed at which they can be summed. Where numba's kernels
(`product_kernels.py`) can do a product they do it here, on the threads of torch's own pool: those
are awake between two products, and two pools would fight for the same cores.

That is on a CPU, in fp32 or bf16, without gradients, for at most `MOST_VECTORS` rows, outside of
autocast, compiled graphs and traces, where torch's OpenMP pool can be called. Everything else is
torch's own ``linear``; so it is in training. Results differ in the order of adding.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from foundry_plugins.contract.log import logger

# From here on torch's products of matrices are about as fast.
MOST_VECTORS = 4
# Bytes of weights that a thread takes at once; less than that is left to one thread.
_BYTES_AT_ONCE = 1 << 16
_TENSORS = (Tensor, nn.Parameter)
_is_tracing = torch.jit.is_tracing  # pyright: ignore[reportPrivateImportUsage]
_LOG = logger(__name__)

# Weight, bias or None, x and the result to be written.
Kernel = Callable[[Tensor, Tensor | None, Tensor, Tensor], None]


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``linear(x, weight, bias)``.

    Args:
        x: (..., I).
        weight: (R, I).
        bias: (R), or None.

    Returns:
        (..., R), in the dtype of ``x``.
    """
    if not _few(x, weight, bias):
        return linear(x, weight, bias)
    kernel = _kernels().get(x.dtype)
    if kernel is None:
        return linear(x, weight, bias)
    out = x.new_empty((*x.shape[:-1], weight.shape[0]))
    kernel(weight, bias, x, out)
    return out


class Linear(nn.Linear):
    """torch's layer with `product`."""

    def forward(self, input: Tensor) -> Tensor:
        """See torch's."""
        return product(input, self.weight, self.bias)


def use_product(model: nn.Module, others: Mapping[type, type] | None = None) -> None:
    """Gives the layers that a model already has, with all that was set on them, our `product`.

    Args:
        model: Its torch layers, at any depth, become `Linear`.
        others: Further types, and what they become.
    """
    classes = {nn.Linear: Linear, **(others or {})}
    for module in model.modules():
        if type(module) in classes:
            module.__class__ = classes[type(module)]


def _few(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether these are plain tensors that a kernel can read, and few enough."""
    # Most telling first, since this runs at every product. Sizes are tensors in a trace.
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or _is_tracing():
        return False
    return (
        0 < x.numel() <= MOST_VECTORS * weight.shape[1]
        and x.is_cpu
        and type(x) is Tensor
        and _same(x, weight)
        and (bias is None or _same(x, bias))
        and x.shape[-1] == weight.shape[1]
        and x.is_contiguous()
        and not torch.is_autocast_enabled("cpu")
    )


def _same(x: Tensor, other: Tensor) -> bool:
    plain = type(other) in _TENSORS and other.is_cpu and other.dtype == x.dtype
    return plain and other.is_contiguous()


@functools.cache
def _kernels() -> dict[torch.dtype, Kernel]:
    """By dtype; none where numba or torch's pool cannot be had."""
    run = _pool()
    if run is None or importlib.util.find_spec("numba") is None:
        _LOG.debug("Decoding on a CPU uses torch's own products: no numba, or no OpenMP pool.")
        return {}
    from foundry_plugins.models import product_kernels

    codes = {torch.float32: product_kernels.fp32, torch.bfloat16: product_kernels.bf16}
    return {
        dtype: _on_pool(run, code.address, product_kernels.FIELDS) for dtype, code in codes.items()
    }


def _pool() -> Callable[..., None] | None:
    """``GOMP_parallel(function, argument, threads, flags)`` of the OpenMP that torch itself uses.

    It is GCC's interface, which LLVM's and Intel's libraries have as well. Looking a name up in a
    library finds it in those that this one was linked with, whatever they are called.
    """
    try:
        run = ctypes.CDLL(
            str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so")
        ).GOMP_parallel
    except (OSError, AttributeError):
        return None
    run.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    run.restype = None
    return run


def _on_pool(run: Callable[..., None], code: int, num_fields: int) -> Kernel:
    """A kernel, by the address of its code, on as many threads as torch uses."""
    fields_type = ctypes.c_int64 * num_fields

    def multiply(weight: Tensor, bias: Tensor | None, x: Tensor, out: Tensor) -> None:
        rows, inputs = weight.shape
        at_once = max(1, _BYTES_AT_ONCE // (inputs * weight.itemsize))
        fields = fields_type(
            *(weight.data_ptr(), 0 if bias is None else bias.data_ptr()),
            *(x.data_ptr(), out.data_ptr()),
            *(rows, inputs, x.numel() // inputs, at_once, 0),
        )
        run(code, fields, torch.get_num_threads() if rows > at_once else 1, 0)

    return multiply
