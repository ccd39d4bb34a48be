# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""ALiBi through torch's FlexAttention: the bias is a function, not a tensor.

    score(q, k) = scale * q k^T + slope * (j - i),  computed in fp32 where the scores are made

Causality, documents and padding are a block mask: squares of 128 x 128 scores that are hidden
throughout are not computed (Dong et al. 2024, arXiv 2412.05496). Keys are shared by views.

On CUDA it is compiled, once for a shape: masks are inputs of the compiled kernel, so that other
documents do not make another one. After the second shape torch compiles it for all lengths.
Elsewhere it runs uncompiled, since torch 2.7 cannot compile its backward pass on a CPU: correct,
but with a (B, H, T, T) fp32 tensor, and slower than every other kernel. Attention dropout is
impossible: FlexAttention has no random numbers, and its weights never exist as a tensor.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch._dynamo import config as dynamo_config
from torch.nn.attention import flex_attention as torch_flex

from foundry_plugins.contract.errors import UserError
from foundry_plugins.models.attention.alibi import alibi_slopes
from foundry_plugins.models.attention.dtypes import KERNEL_DTYPES
from foundry_plugins.models.attention.visible import Visible

NO_DROPOUT = (
    "`model.attn_config.attn_pdrop` must be 0 with `kernel: flex`, got {}; FlexAttention cannot "
    "drop weights. Choose kernel: auto."
)
SMALLEST_HEAD = 16  # of the compiled kernel
GRAPHS = 64  # of a process

# Any: the hints of both wrappers lose what they wrap.
_uncompiled: Any = torch.compiler.disable(torch_flex.flex_attention)


def flex_attention(
    q_BHTD: torch.Tensor,
    k_BKTD: torch.Tensor,
    v_BKTD: torch.Tensor,
    *,
    scale: float,
    mask: torch.Tensor | Visible | None = None,
    dropout_p: float = 0.0,
) -> torch.Tensor:
    """Same contract as `reference_attention`, for whole contexts only (T = S).

    A query that sees no key attends to itself.

    Raises:
        UserError: for dropout.
        ValueError: for queries that continue a cache.
    """
    if dropout_p > 0:
        raise UserError(NO_DROPOUT.format(dropout_p))
    if q_BHTD.shape[2] != k_BKTD.shape[2]:
        raise ValueError(
            f"kernel 'flex' takes as many queries as keys, got {q_BHTD.shape[2]} and "
            f"{k_BKTD.shape[2]}."
        )
    options: dict[str, Any] = {
        "score_mod": alibi_score(q_BHTD.shape[1], q_BHTD.device),
        "block_mask": block_mask(mask, q_BHTD),
        "scale": scale,
        "enable_gqa": q_BHTD.shape[1] != k_BKTD.shape[1],
    }
    if q_BHTD.is_cuda:
        # Contexts below 128 tokens would go to a kernel of decoding, which takes only powers of two
        # of query heads for each key head.
        options["kernel_options"] = {"FORCE_USE_FLEX_ATTENTION": True}
        return compiled()(q_BHTD, k_BKTD, v_BKTD, **options)
    # Uncompiled, scores in bf16 would be rounded before the bias is added.
    inputs = [x.to(torch.promote_types(x.dtype, torch.float32)) for x in (q_BHTD, k_BKTD, v_BKTD)]
    with torch.autocast(q_BHTD.device.type, enabled=False):
        return _uncompiled(*inputs, **options).to(q_BHTD.dtype)


def can_do(dtype: torch.dtype, head_size: int) -> bool:
    """Whether the compiled kernel takes these inputs of a CUDA device."""
    return head_size >= SMALLEST_HEAD and dtype in KERNEL_DTYPES["flex"] and _triton()


@functools.lru_cache(maxsize=1)
def _triton() -> bool:
    return importlib.util.find_spec("triton") is not None


@functools.lru_cache(maxsize=1)
def compiled() -> Callable[..., torch.Tensor]:
    """The compiled kernel, made when first asked for.

    Shapes, documents or none, gradients or none: that makes more graphs than the 8 after which
    Dynamo gives up, and with ``fullgraph`` ends the run.
    """
    dynamo_config.recompile_limit = max(dynamo_config.recompile_limit, GRAPHS)
    function: Any = torch.compile(torch_flex.flex_attention, fullgraph=True)
    return function


@functools.lru_cache(maxsize=8)
def alibi_score(heads: int, device: torch.device) -> Callable[..., torch.Tensor]:
    """The function that adds ALiBi to a score; one for all layers."""
    with torch.inference_mode(False):
        slopes_H = alibi_slopes(heads).to(device)

    def score(
        value: torch.Tensor, b: torch.Tensor, h: torch.Tensor, i: torch.Tensor, j: torch.Tensor
    ) -> torch.Tensor:
        return value + slopes_H[h] * (j - i)

    return score


@torch.compiler.disable
def block_mask(mask: torch.Tensor | Visible | None, q_BHTD: torch.Tensor) -> torch_flex.BlockMask:
    """The blocks to compute; of a `Visible` once for all layers."""
    batch, heads, length, _ = q_BHTD.shape
    if mask is None:
        return _causal_blocks(length, q_BHTD.device)
    if isinstance(mask, Visible):
        return mask.once("flex", lambda: _visible_blocks(mask, batch, q_BHTD.device))
    shared = mask.shape[1] == 1
    mask_BHTT = mask.expand(batch, heads, length, length)

    def visible(b: torch.Tensor, h: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        return ((j <= i) & mask_BHTT[b, h, i, j]) | (i == j)

    return torch_flex.create_block_mask(
        *(visible, batch, None if shared else heads, length, length),
        device=str(q_BHTD.device),
    )


@functools.lru_cache(maxsize=8)
def _causal_blocks(length: int, device: torch.device) -> torch_flex.BlockMask:
    def causal(b: torch.Tensor, h: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        return j <= i

    with torch.inference_mode(False):
        return torch_flex.create_block_mask(causal, None, None, length, length, device=str(device))


def _visible_blocks(mask: Visible, batch: int, device: torch.device) -> torch_flex.BlockMask:
    seen_BT, document_BT = mask.seen_BS, mask.document_BT

    def visible(b: torch.Tensor, h: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        allowed = j <= i
        if document_BT is not None:
            allowed = allowed & (document_BT[b, i] == document_BT[b, j])
        if seen_BT is not None:
            allowed = allowed & seen_BT[b, j]
        return allowed | (i == j)

    return torch_flex.create_block_mask(
        visible, batch, None, mask.queries, mask.keys, device=str(device)
    )
