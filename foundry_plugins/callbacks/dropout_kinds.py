# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Dropout of whole parts of a transformer, added to a model that has none.

* ``stochastic_depth`` (Huang et al. 2016, arXiv 1603.09382, section 3): a sample does without a
  residual branch, attention or MLP; the rate of layer l of L is rate * l / L. What Liu et al.
  (arXiv 2303.01500) use instead of dropout, not beside it.
* ``drop_head`` (Zhou et al. 2020, DropHead, arXiv 2004.13342): a sample does without some of a
  layer's heads; the others are scaled by heads / kept heads.
* ``layer_drop`` (Fan et al. 2019, LayerDrop, arXiv 1909.11556): a microbatch on a rank passes by a
  layer. Nothing is scaled. The layer is computed all the same: a rank that left it out would leave
  the others waiting for its shards and gradients.
* ``token_dropout``: a position's whole embedding is zeroed, the others scaled by 1 / (1 - rate).

They find their places by the names that MPT models give their parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from foundry_plugins.callbacks.dropout_modules import SAMPLES, TOKENS, ScheduledDropout, Strength

Remove = Callable[[], None]
Add = Callable[[nn.Module, float, Strength], list[Remove]]


def stochastic_depth(model: nn.Module, rate: float, strength: Strength) -> list[Remove]:
    """Adds it; returns what takes each part out again."""
    blocks = _blocks(model)
    return [
        _whole(dropout, rate * number / len(blocks), SAMPLES)
        for number, block in enumerate(blocks, start=1)
        for dropout in _dropouts(block, "resid_attn_dropout", "resid_ffn_dropout")
    ]


def token_dropout(model: nn.Module, rate: float, strength: Strength) -> list[Remove]:
    """Adds it behind the embeddings."""
    return [_whole(dropout, rate, TOKENS) for dropout in _dropouts(model, "emb_drop")]


def drop_head(model: nn.Module, rate: float, strength: Strength) -> list[Remove]:
    """Adds it in front of each attention's output projection."""
    return [
        projection.register_forward_pre_hook(_heads_hook(module, rate, strength)).remove
        for module in model.modules()
        for name, projection in module.named_children()
        if name == "out_proj" and hasattr(module, "n_heads")
    ]


def layer_drop(model: nn.Module, rate: float, strength: Strength) -> list[Remove]:
    """Adds it around each block."""
    return [
        block.register_forward_hook(_layer_hook(block, rate, strength)).remove
        for block in _blocks(model)
    ]


KINDS: dict[str, Add] = {
    function.__name__: function
    for function in (stochastic_depth, drop_head, layer_drop, token_dropout)
}


def keep_heads(x_BTE: Tensor, heads: int, rate: float, strength: Strength) -> Tensor:
    """Zeroes heads of (B, T, H * D), all tokens of a sample alike."""
    if strength.nothing():
        return x_BTE
    shape = x_BTE.shape
    keep_B1H1, _ = strength.kept(rate, (shape[0], 1, heads, 1), x_BTE)
    # A sample that loses all its heads keeps nothing, and not nothing divided by nothing.
    scale = keep_B1H1 * (heads / keep_B1H1.sum(dim=2, keepdim=True).clamp(min=1))
    return (x_BTE.view(*shape[:2], heads, -1) * scale.to(x_BTE.dtype)).view(shape)


def _heads_hook(attention: Any, rate: float, strength: Strength) -> Callable[..., Any]:
    heads = int(attention.n_heads)

    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if not module.training:
            return None
        return (keep_heads(inputs[0], heads, rate, strength), *inputs[1:])

    return hook


def _layer_hook(block: nn.Module, rate: float, strength: Strength) -> Callable[..., Any]:
    def hook(
        module: nn.Module, inputs: tuple[Tensor, ...], outputs: tuple[Any, ...]
    ) -> tuple[Any, ...] | None:
        if not module.training or strength.nothing():
            return None
        keep, _ = strength.kept(rate, (), inputs[0])
        return (torch.where(keep, outputs[0], inputs[0]), *outputs[1:])

    return hook


def _blocks(model: nn.Module) -> list[nn.Module]:
    # By its children: wrappers for checkpointing or shards pass on every attribute of a block.
    return [m for m in model.modules() if "resid_ffn_dropout" in dict(m.named_children())]


def _dropouts(model: nn.Module, *names: str) -> list[ScheduledDropout]:
    """Those of some names; wrappers put a part that begins with _ behind a name."""
    return [
        module
        for path, module in model.named_modules()
        if isinstance(module, ScheduledDropout)
        and [part for part in path.split(".") if not part.startswith("_")][-1] in names
    ]


def _whole(module: ScheduledDropout, rate: float, dims: int) -> Remove:
    module.whole, module.whole_dims = rate, dims

    def remove() -> None:
        module.whole = 0.0

    return remove
