# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Caches of keys and values, and what is done with their rows."""

from __future__ import annotations

from typing import Any

import torch


def repeat(cache: Any, times: int) -> Any:
    """Each row so many times, neighbours of each other."""
    if hasattr(cache, "batch_repeat_interleave"):
        cache.batch_repeat_interleave(times)
        return cache
    return _each(cache, lambda tensor: tensor.repeat_interleave(times, dim=0))


def select(cache: Any, rows: torch.Tensor) -> Any:
    """Only some rows, by their indices."""
    if hasattr(cache, "batch_select_indices"):
        cache.batch_select_indices(rows)
        return cache
    return _each(cache, lambda tensor: tensor.index_select(0, rows))


def _each(cache: Any, change: Any) -> Any:
    """Foundry's caches are tuples of tensors for each layer."""
    return [tuple(change(tensor) for tensor in layer) for layer in cache]
