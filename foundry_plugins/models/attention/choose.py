# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``kernel: auto``: the fastest kernel that is correct for the inputs.

On a CPU ``blocked`` for whole contexts, with documents and dropout or without; in fp32 ``sdpa`` for
the shortest ones and for steps from a cache, else ``reference``. ``torch.compile`` would have to
leave ``blocked`` out of its graph: there ``augmented`` for long contexts, where a bias tensor costs
more than eight dimensions. The lengths are where the kernels cross (``benchmarks/attention.py``).
Documents that can be done one by one are.

On a GPU ``flash`` where flash-attn is installed and can do it; with documents or padding ``flex``,
which skips what is hidden, unless weights are dropped; else ``augmented``, which reaches SDPA's
flash kernel at any length.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch

from foundry_plugins.contract.log import logger
from foundry_plugins.models.attention.augmented import LONGEST
from foundry_plugins.models.attention.flash import can_do as flash_can_do
from foundry_plugins.models.attention.flex import can_do as flex_can_do
from foundry_plugins.models.attention.visible import Visible, worthwhile_segments

REFERENCE, SDPA, AUGMENTED, BLOCKED = "reference", "sdpa", "augmented", "blocked"
FLEX, FLASH = "flex", "flash"
# Shortest context, or document that is done by itself, of `blocked`.
_BLOCKS = {torch.float32: 64, torch.bfloat16: 2}
# Shortest context of `augmented` on a CPU, without and with a mask.
_CROSSING = {torch.float32: (1024, 512), torch.bfloat16: (256, 256)}
_LOG = logger(__name__)


def choose(
    dtype: torch.dtype,
    queries: int,
    keys: int,
    *,
    masked: bool,
    on_cpu: bool,
    segments: bool = False,
    blocked: bool = False,
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
        blocked: Whether `blocked` can do and is worth it.
        flash: Whether flash-attn is there and can do the head size and the mask.
        flex: Whether FlexAttention compiles here and nothing is dropped.
    """
    if blocked and queries == keys > 1:
        return BLOCKED
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
    segments = worthwhile_segments(mask, q_BHTD)
    kernel = choose(
        *(dtype, queries, keys),
        masked=mask is not None,
        on_cpu=on_cpu,
        segments=segments is not None,
        blocked=_worth_blocks(q_BHTD, segments),
        flash=not on_cpu and flash_can_do(dtype, size, mask),
        flex=not on_cpu and flex_can_do(dtype, size) and not dropout_p,
    )
    if not torch.compiler.is_compiling():
        say(kernel, dtype, queries != keys, mask is not None, q_BHTD.device.type)
    return kernel


def _worth_blocks(q_BHTD: torch.Tensor, segments: Sequence[int] | None) -> bool:
    batch, _, length, _ = q_BHTD.shape
    if q_BHTD.device.type != "cpu" or q_BHTD.dtype not in _BLOCKS or torch.compiler.is_compiling():
        return False
    usual = length if segments is None else batch * length // len(segments)
    return usual >= _BLOCKS[q_BHTD.dtype]


@functools.lru_cache(maxsize=64)
def say(kernel: str, dtype: torch.dtype, decoding: bool, masked: bool, device: str) -> None:
    """Writes to the log which kernel runs, once for each kind of input."""
    what = "decoding" if decoding else "a document mask or padding" if masked else "whole contexts"
    _LOG.info("Attention kernel on %s, %s, %s: %s.", device, dtype, what, kernel)
