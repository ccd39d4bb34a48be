# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``kernel: auto``: the fastest kernel that is correct for the inputs.

On a CPU ``augmented`` for long contexts, where a bias tensor costs more than eight dimensions, and
``sdpa`` for short ones and for steps from a cache, in fp32; else ``reference``. The lengths are
where the kernels cross (``benchmarks/attention.py``). Documents that can be done one by one are.

On a GPU ``flash`` where flash-attn is installed and can do it; with documents or padding ``flex``,
which skips what is hidden, unless weights are dropped; else ``augmented``, which reaches SDPA's
flash kernel at any length.
"""

from __future__ import annotations

import functools
import logging

import torch

from foundry_plugins.models.attention.augmented import LONGEST
from foundry_plugins.models.attention.flash import can_do as flash_can_do
from foundry_plugins.models.attention.flex import can_do as flex_can_do
from foundry_plugins.models.attention.visible import Visible, worthwhile_segments

REFERENCE, SDPA, AUGMENTED, FLEX, FLASH = "reference", "sdpa", "augmented", "flex", "flash"
# Shortest context on a CPU, without and with a mask.
_CROSSING = {torch.float32: (1024, 512), torch.bfloat16: (256, 256)}
_LOG = logging.getLogger(__name__)


def choose(
    dtype: torch.dtype,
    queries: int,
    keys: int,
    *,
    masked: bool,
    on_cpu: bool,
    segments: bool = False,
    flash: bool = False,
    flex: bool = False,
) -> str:
    """A kernel's name.

    Args:
        dtype: Of queries, keys and values.
        queries: How many.
        keys: How many, those of a cache included.
        masked: Whether there is a mask beside causality.
        on_cpu: Whether the inputs are on a CPU.
        segments: Whether on a CPU the documents can be done one by one.
        flash: Whether flash-attn is there and can do the head size and the mask.
        flex: Whether FlexAttention compiles here and nothing is dropped.
    """
    if on_cpu:
        shortest = 1 if segments else _CROSSING.get(dtype, (0, 0))[masked]
    elif flash and queries == keys > 1:
        return FLASH
    elif flex and queries == keys > 1 and (masked or dtype == torch.float16):
        return FLEX
    else:
        shortest = 2
    if dtype in LONGEST and queries == keys and shortest <= keys <= LONGEST[dtype]:
        return AUGMENTED
    return SDPA if dtype == torch.float32 else REFERENCE


def choose_for(
    q_BHTD: torch.Tensor, keys: int, mask: torch.Tensor | Visible | None, dropout_p: float
) -> str:
    """A kernel's name for these inputs; the log says it."""
    queries, size = q_BHTD.shape[2:]
    dtype, on_cpu = q_BHTD.dtype, not q_BHTD.is_cuda
    kernel = choose(
        *(dtype, queries, keys),
        masked=mask is not None,
        on_cpu=on_cpu,
        segments=worthwhile_segments(mask, q_BHTD) is not None,
        flash=not on_cpu and flash_can_do(dtype, size, mask),
        flex=not on_cpu and flex_can_do(dtype, size) and not dropout_p,
    )
    if not torch.compiler.is_compiling():
        say(kernel, dtype, queries != keys, mask is not None, q_BHTD.device.type)
    return kernel


@functools.lru_cache(maxsize=64)
def say(kernel: str, dtype: torch.dtype, decoding: bool, masked: bool, device: str) -> None:
    """Writes to the log which kernel runs, once for each kind of input."""
    what = "decoding" if decoding else "a document mask or padding" if masked else "whole contexts"
    _LOG.info("Attention kernel on %s, %s, %s: %s.", device, dtype, what, kernel)
