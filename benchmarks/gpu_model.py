# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The models that ``gpu_check`` measures, in torch alone: any attention function fits in.

Sizes are those of Refact-1.6B (huggingface.co/smallcloudai/Refact-1_6B-fim, config.json) and
replit-code-v1-3b (huggingface.co/replit/replit-code-v1-3b, config.json).

Shapes: B batch, T tokens, H query heads, K key/value heads, D head size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from foundry_plugins.models.attention.augmented import augmented_attention
from foundry_plugins.models.attention.decode import decode_attention
from foundry_plugins.models.attention.flash import flash_attention
from foundry_plugins.models.attention.flash import installed as flash_installed
from foundry_plugins.models.attention.flex import flex_attention

Attend = Callable[..., torch.Tensor]
FOUNDRY, CAUSAL = "foundry torch", "causal sdpa, no ALiBi"


@dataclasses.dataclass(frozen=True)
class Shape:
    """A decoder; ``glu`` for SwiGLU with three matrices, else GELU with two."""

    layers: int
    width: int
    heads: int
    groups: int
    hidden: int
    glu: bool
    tied: bool
    vocabulary: int

    @property
    def head_size(self) -> int:
        """D."""
        return self.width // self.heads


SHAPES = {
    "1.6B": Shape(32, 2048, 32, 1, 5632, glu=True, tied=False, vocabulary=49216),
    "2.6B": Shape(32, 2560, 32, 32, 10240, glu=False, tied=True, vocabulary=32768),
}


def causal_sdpa(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, scale: float) -> torch.Tensor:
    """Plain causal attention: what ALiBi is compared with."""
    heads = q.shape[1]
    k, v = (x.expand(-1, heads, -1, -1) for x in (k, v))
    return functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)


def attentions(shape: Shape, length: int, device: torch.device) -> dict[str, Attend]:
    """Every attention that is to be had here, by name."""
    found: dict[str, Attend] = {
        CAUSAL: causal_sdpa,
        "augmented": augmented_attention,
        "flex": flex_attention,
    }
    if flash_installed():
        found["flash"] = flash_attention
    try:
        found[FOUNDRY] = _foundry(shape, length, device)
    except ImportError:
        print("llmfoundry cannot be imported: its attention is left out.")
    return found


def _foundry(shape: Shape, length: int, device: torch.device) -> Attend:
    from llmfoundry.models.layers.attention import (
        build_alibi_bias,
        scaled_multihead_dot_product_attention,
    )

    bias = build_alibi_bias(shape.heads, length, device=device, dtype=torch.float32)

    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, scale: float) -> torch.Tensor:
        batch, heads, tokens, size = q.shape
        flat = [x.transpose(1, 2).flatten(2) for x in (q, k, v)]
        out = scaled_multihead_dot_product_attention(
            *(flat[0], flat[1], flat[2], heads, k.shape[1]),
            softmax_scale=scale,
            attn_bias=bias,
            is_causal=True,
            training=True,
        )[0]
        return out.view(batch, tokens, heads, size).transpose(1, 2)

    return attend


class Block(nn.Module):
    """Sequential, without biases; RMSNorm before attention and MLP."""

    def __init__(self, shape: Shape, attend: Attend) -> None:
        super().__init__()
        self.shape, self.attend = shape, attend
        width, kv = shape.width, shape.groups * shape.head_size
        self.sizes = [width, kv, kv]
        self.norm_1, self.norm_2 = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)
        self.qkv = nn.Linear(width, sum(self.sizes), bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, shape.hidden * (2 if shape.glu else 1), bias=False)
        self.down = nn.Linear(shape.hidden, width, bias=False)

    def forward(
        self, x_BTW: torch.Tensor, cache: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> torch.Tensor:
        """With a cache, (B, K, S, D) twice, one token is decoded, and is its last one."""
        batch, length, width = x_BTW.shape
        q, k, v = (
            part.view(batch, length, -1, self.shape.head_size).transpose(1, 2)
            for part in self.qkv(self.norm_1(x_BTW)).split(self.sizes, dim=-1)
        )
        scale = self.shape.head_size**-0.5
        if cache is None:
            out = self.attend(q, k, v, scale=scale)
        else:
            for buffer, new in zip(cache, (k, v), strict=True):
                buffer[:, :, -1:] = new
            out = decode_attention(q, *cache, scale=scale, alibi=True)
        x_BTW = x_BTW + self.out(out.transpose(1, 2).reshape(batch, length, width))
        hidden = self.up(self.norm_2(x_BTW))
        if self.shape.glu:
            gate, hidden = hidden.chunk(2, dim=-1)
            return x_BTW + self.down(functional.silu(gate) * hidden)
        return x_BTW + self.down(functional.gelu(hidden))


class Decoder(nn.Module):
    """Embedding, blocks, norm and head; the loss of a batch, or the next token's logits."""

    def __init__(self, shape: Shape, attend: Attend, checkpointing: bool = False) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape, attend) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=1e-5)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)
        if shape.tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens_BT: torch.Tensor, caches: list[Any] | None = None) -> torch.Tensor:
        """Mean loss in nats of predicting each next token; with caches logits (B, 1, V)."""
        x = self.embedding(tokens_BT)
        for index, block in enumerate(self.blocks):
            if caches is not None:
                x = block(x, caches[index])
            elif self.checkpointing:
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        logits = self.head(self.norm(x))
        if caches is not None:
            return logits
        return functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens_BT[:, 1:].flatten())
