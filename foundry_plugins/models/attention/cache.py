# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Keys and values of the tokens so far, in buffers with room for the tokens to come.

A cache that is concatenated with every token is copied with every token. Here it is a view of a
longer buffer, and the next token is written behind it. Two rules keep that invisible:

- The right to write behind a view is given once: to the first call that continues this very
  tensor. Whoever continues it again (another branch of a search), or brings a tensor of their own
  (chosen rows, a shortened or loaded cache), gets a copy in a new buffer, so what one continuation
  writes is never seen by another.
- Where gradients are recorded or the model is compiled, tensors are concatenated instead.

A full buffer is replaced by one half as long again, so each token is copied a fixed number of times
on average however many there are.

Shapes: B batch, K key/value heads, D head size, T new tokens, S all tokens. The cache of a layer
has the layout of Foundry's ``torch`` attention: keys (B, K, D, S), values (B, K, S, D).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.utils.weak import WeakTensorKeyDictionary

Cache = tuple[torch.Tensor, torch.Tensor]
_LEAST_ROOM = 64  # tokens


class _Buffer(NamedTuple):
    """Room for keys and values, both (B, K, at least S, D), and the view that ends last."""

    keys: torch.Tensor
    values: torch.Tensor
    newest_values: torch.Tensor

    def fits(self, past: Cache, k_BKTD: torch.Tensor, tokens: int) -> bool:
        """Whether these new keys can be written behind ``past``, up to ``tokens`` in all."""
        return (
            self.newest_values is past[1]
            and tokens <= self.keys.shape[2]
            and self.keys.shape[:2] == k_BKTD.shape[:2]
            and self.keys.dtype == k_BKTD.dtype
            and self.keys.device == k_BKTD.device
            # Tensors of inference mode may be written to in that mode only.
            and (torch.is_inference_mode_enabled() or not self.keys.is_inference())
        )


# From the keys of a cache that nobody has continued yet to their buffer, while that cache lives.
_OPEN = WeakTensorKeyDictionary()


def extend(past: Cache | tuple[()], k_BKTD: torch.Tensor, v_BKTD: torch.Tensor) -> Cache:
    """The cache of a layer with new tokens behind those of ``past``, which stays as it is."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        if not past:
            return k_BKTD.transpose(2, 3), v_BKTD
        keys = torch.cat([past[0], k_BKTD.transpose(2, 3)], dim=3)
        return keys, torch.cat([past[1], v_BKTD], dim=2)
    known = past[0].shape[3] if past else 0
    tokens = known + k_BKTD.shape[2]
    buffer: _Buffer | None = _OPEN.pop(past[0], None) if past else None
    if past and buffer is not None and buffer.fits(past, k_BKTD, tokens):
        keys, values = buffer.keys, buffer.values
    else:
        keys, values = (_room(x, tokens) for x in (k_BKTD, v_BKTD))
        if past:
            keys[:, :, :known] = past[0].transpose(2, 3)
            values[:, :, :known] = past[1]
    keys[:, :, known:tokens] = k_BKTD
    values[:, :, known:tokens] = v_BKTD
    present = keys[:, :, :tokens].transpose(2, 3), values[:, :, :tokens]
    _OPEN[present[0]] = _Buffer(keys, values, present[1])
    return present


def _room(like_BKTD: torch.Tensor, tokens: int) -> torch.Tensor:
    batch, groups, _, size = like_BKTD.shape
    return like_BKTD.new_empty(batch, groups, tokens + max(tokens // 2, _LEAST_ROOM), size)
