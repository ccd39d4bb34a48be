# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``kernel: auto``: the fastest kernel that is correct for the inputs.

``augmented`` for long contexts, where a bias tensor costs more than eight dimensions; ``sdpa`` for
short ones and for decoding, in fp32; else ``reference``. The lengths are where the kernels cross on
a CPU (``benchmarks/attention.py``); on a GPU ``augmented`` reaches the flash kernel at any length.
"""

from __future__ import annotations

import functools
import logging

import torch

from foundry_plugins.models.attention.augmented import LONGEST

REFERENCE, SDPA, AUGMENTED = "reference", "sdpa", "augmented"
# Shortest context on a CPU, without and with a mask.
_CROSSING = {torch.float32: (1024, 512), torch.bfloat16: (256, 256)}
_LOG = logging.getLogger(__name__)


def choose(dtype: torch.dtype, queries: int, keys: int, *, masked: bool, on_cpu: bool) -> str:
    """A kernel's name.

    Args:
        dtype: Of queries, keys and values.
        queries: How many.
        keys: How many, those of a cache included.
        masked: Whether there is a mask beside causality.
        on_cpu: Whether the inputs are on a CPU.
    """
    shortest = _CROSSING.get(dtype, (0, 0))[masked] if on_cpu else 2
    if dtype in LONGEST and queries == keys and shortest <= keys <= LONGEST[dtype]:
        return AUGMENTED
    return SDPA if dtype == torch.float32 else REFERENCE


@functools.lru_cache(maxsize=64)
def say(kernel: str, dtype: torch.dtype, decoding: bool, masked: bool, device: str) -> None:
    """Writes to the log which kernel runs, once for each kind of input."""
    what = "decoding" if decoding else "a document mask or padding" if masked else "whole contexts"
    _LOG.info("Attention kernel on %s, %s, %s: %s.", device, dtype, what, kernel)
