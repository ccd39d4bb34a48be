# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Caches of keys and values, and what is done with their rows."""

from __future__ import annotations

from typing import Any

import torch

from foundry_plugins.contract.errors import UserError


def empty(model: Any) -> Any:
    """What a model is given before the first token: a cache that grows, where it takes one.

    Without it some models of transformers make one of a fixed length, which holds the prompt only.
    """
    if not getattr(model, "_supports_cache_class", False):
        return None
    from transformers.cache_utils import DynamicCache

    return DynamicCache()


def of(output: Any) -> Any:
    """The cache of what a model gave.

    Raises:
        UserError: for models that keep no keys and values.
    """
    cache = getattr(output, "past_key_values", None)
    if cache is None:
        raise UserError(
            f"`code_evaluation` needs a model with a cache of keys and values; what this one "
            f"gives, {type(output).__name__}, has no `past_key_values`."
        )
    return cache


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
    """Of each layer a tuple of tensors, as Foundry has it, or one tensor, as GPTBigCode has it."""
    return type(cache)(
        change(layer) if isinstance(layer, torch.Tensor) else tuple(map(change, layer))
        for layer in cache
    )
