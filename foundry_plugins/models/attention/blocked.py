# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""ALiBi attention block of queries by block of queries, forward and backward, for a CPU.

For each block of queries, with the keys up to its last one:

    W = softmax(scale Q K^T + slope (j - i)),  O = W V
    dV += W^T dO,  dS = W (dO V^T - rowsum(W dO V^T)),  dQ = scale dS K,  dK += scale dS^T Q

The weights of a block are made anew in the backward pass, so nothing of the size T x S is kept, as
in FlashAttention (Dao et al. 2022, arXiv 2205.14135). Unlike there a block sees whole rows of the
scores, which needs no running maximum, and is as large as the caches take: on a CPU few large
matrix products are what is fast. Query heads that share keys are rows of one product.

In bf16 only the products' operands and results are bf16; bias, softmax, its gradient and the sums
of dK and dV over blocks are fp32. The sums over heads that share keys are inside a product, where
Foundry's `torch` attention adds one rounded gradient a head. The errors of outputs and gradients
against float64 have no larger root mean square than Foundry's; the largest single error is two
roundings of the result, where Foundry's happens to be one to one and a half.

The bias is exact: slope times a whole number. It needs no tensor of T x S, because with the keys
in reverse order key c and query r of a block lie c + r - (n - 1) apart: the bias is a view of one
line a head, whose next row starts one number later, and -inf where a key lies after the query.

Dropout draws its numbers twice from a generator of its own, whose seed is drawn from torch's.
With a mask, causality is in it. ``torch.compile`` leaves the kernel out of its graph.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable

from foundry_plugins.models.attention.alibi import alibi_slopes
from foundry_plugins.models.attention.dtypes import check_dtype
from foundry_plugins.models.attention.visible import (
    Visible,
    by_segments,
    dense_causal_mask,
    worthwhile_segments,
)

# A block by measurement: rows of a product (query heads times queries), but queries of an eighth of
# the context at most, since half of their own square is hidden; scores, of several rows of a batch.
_ROWS = 1024
_PARTS, _FEWEST = 8, 32
_SCORES = 1 << 20
_ATEN: Any = torch.ops.aten


@torch.compiler.disable
def blocked_attention(
    q_BHTD: torch.Tensor,
    k_BKSD: torch.Tensor,
    v_BKSD: torch.Tensor,
    *,
    scale: float,
    mask: torch.Tensor | Visible | None = None,
    dropout_p: float = 0.0,
) -> torch.Tensor:
    """Same contract as `reference_attention`.

    A query that sees no key attends to itself. There are no gradients of gradients.

    Raises:
        UserError: unless the inputs are fp32 or bf16.
    """
    check_dtype("blocked", q_BHTD.dtype)
    segments = worthwhile_segments(mask, q_BHTD)
    if segments is not None:
        attend = functools.partial(blocked_attention, scale=scale, dropout_p=dropout_p)
        return by_segments(attend, q_BHTD, k_BKSD, v_BKSD, segments)
    visible = None
    if mask is not None:
        visible = dense_causal_mask(mask, q_BHTD.shape[2], k_BKSD.shape[2])
        visible = visible[(None,) * (4 - visible.dim())].expand(q_BHTD.shape[0], -1, -1, -1)
    seed = int(torch.randint(1 << 62, ())) if dropout_p else 0
    out: Any = _Blocked.apply(q_BHTD, k_BKSD, v_BKSD, visible, scale, dropout_p, seed)
    return out


class _Blocked(torch.autograd.Function):
    """Keeps its inputs, and nothing that it computes."""

    @staticmethod
    def forward(
        ctx: Any,
        q_BHTD: torch.Tensor,
        k_BKSD: torch.Tensor,
        v_BKSD: torch.Tensor,
        visible_BxTS: torch.Tensor | None,
        *options: Any,
    ) -> torch.Tensor:
        ctx.save_for_backward(q_BHTD, k_BKSD, v_BKSD, visible_BxTS)
        ctx.options = options
        work = _Work(q_BHTD, k_BKSD, v_BKSD, visible_BxTS, *options)
        out_BHTD = torch.empty_like(q_BHTD)
        for block in work.blocks():
            work.put(out_BHTD, block, torch.bmm(work.weights(block), block.v_NCD))
        return out_BHTD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (upstream_BHTD,) = grad_outputs
        saved = ctx.saved_tensors  # once: activation checkpointing makes them when they are read
        q_BHTD, k_BKSD, v_BKSD, _ = saved
        work = _Work(*saved, *ctx.options)
        dq_BHTD = torch.empty_like(q_BHTD)
        dk_NSD, dv_NSD = (torch.zeros_like(x, dtype=torch.float32) for x in (work.k, work.v))
        for block in work.blocks():
            weights_NRC = work.weights(block)
            upstream_NRD = work.take(upstream_BHTD, block)
            dv_NSD[block.keys].add_(torch.bmm(weights_NRC.transpose(1, 2), upstream_NRD))
            ds_NRC = work.scores_gradient(block, upstream_NRD)
            work.put(dq_BHTD, block, torch.bmm(ds_NRC, block.k_NCD))
            dk_NSD[block.keys].add_(torch.bmm(ds_NRC.transpose(1, 2), block.q_NRD))
        dk_BKSD, dv_BKSD = (
            x_NSD.flip(1).to(x_BKSD.dtype).view(x_BKSD.shape)
            for x_NSD, x_BKSD in ((dk_NSD, k_BKSD), (dv_NSD, v_BKSD))
        )
        return dq_BHTD, dk_BKSD, dv_BKSD, None, None, None, None


class _Block(NamedTuple):
    """Some queries of some rows of the batch, and the keys up to the last of them, in reverse."""

    batch: slice
    queries: slice
    keys: tuple[slice, slice]
    q_NRD: torch.Tensor
    k_NCD: torch.Tensor
    v_NCD: torch.Tensor


class _Work:
    """A walk over the blocks, in tensors that all blocks share.

    Shapes: N rows of the batch * K, R = H / K heads * t queries of a block, C its keys, x 1 or H.
    """

    def __init__(
        self,
        q_BHTD: torch.Tensor,
        k_BKSD: torch.Tensor,
        v_BKSD: torch.Tensor,
        visible_BxTS: torch.Tensor | None,
        scale: float,
        dropout_p: float,
        seed: int,
    ) -> None:
        batch, heads, queries, _ = q_BHTD.shape
        self.groups, keys = k_BKSD.shape[1:3]
        self.q, self.visible, self.scale, self.dropout_p = q_BHTD, visible_BxTS, scale, dropout_p
        self.k, self.v = (x.flip(2).flatten(0, 1) for x in (k_BKSD, v_BKSD))
        self.queries = min(queries, max(min(_ROWS // heads, queries // _PARTS), _FEWEST))
        scores = heads * self.queries * keys
        self.batch = min(batch, max(_SCORES // scores, 1))
        self.line_HY = _line(heads, self.queries, keys, q_BHTD.device)
        self.scores, self.softmax = torch.empty(2, self.batch * scores, device=q_BHTD.device)
        self.low = self.scores  # in the dtype of the inputs
        if q_BHTD.dtype != torch.float32:
            self.low = torch.empty_like(self.scores, dtype=q_BHTD.dtype)
        if dropout_p:
            self.kept = torch.empty_like(self.scores)
            self.generator = torch.Generator(q_BHTD.device).manual_seed(seed)

    def blocks(self) -> Iterator[_Block]:
        """In an order that the forward and the backward pass share."""
        batch, _, queries, _ = self.q.shape
        for row in range(0, batch, self.batch):
            rows = slice(row, min(row + self.batch, batch))
            for first in range(0, queries, self.queries):
                last = min(first + self.queries, queries)
                keys = (
                    slice(rows.start * self.groups, rows.stop * self.groups),
                    slice(queries - last, None),
                )
                block = _Block(rows, slice(first, last), keys, self.q, self.k[keys], self.v[keys])
                yield block._replace(q_NRD=self.take(self.q, block))

    def take(self, x_BHTD: torch.Tensor, block: _Block) -> torch.Tensor:
        """The block's queries, (N, R, D)."""
        return self._of(x_BHTD, block).flatten(2, 3).flatten(0, 1)

    def put(self, x_BHTD: torch.Tensor, block: _Block, rows_NRD: torch.Tensor) -> None:
        """The reverse of `take`."""
        x_BKHtD = self._of(x_BHTD, block)
        x_BKHtD.copy_(rows_NRD.view(x_BKHtD.shape))

    def _of(self, x_BHTD: torch.Tensor, block: _Block) -> torch.Tensor:
        return x_BHTD[block.batch, :, block.queries].unflatten(1, (self.groups, -1))

    def weights(self, block: _Block) -> torch.Tensor:
        """(N, R, C) in the dtype of the inputs; leaves the softmax, in fp32, in its tensor."""
        low, scores, softmax = self._room(block, self.low, self.scores, self.softmax)
        torch.bmm(block.q_NRD, block.k_NCD.transpose(1, 2), out=low)
        if self.low is not self.scores:
            scores.copy_(low)
        columns = block.k_NCD.shape[1]
        queries = block.queries.stop - block.queries.start
        heads, numbers = self.line_HY.shape
        bias_HtC = self.line_HY.as_strided(
            (heads, queries, columns), (numbers, 1, 1), self.queries - queries
        )
        scores_BHtC = scores.view(-1, heads, queries, columns)
        # scores = bias + scale * scores
        torch.add(bias_HtC, scores_BHtC, alpha=self.scale, out=scores_BHtC)
        if self.visible is not None:
            seen_BxtC = self.visible[block.batch, :, block.queries, :columns].flip(-1)
            scores_BHtC.masked_fill_(~seen_BxtC, -math.inf)
        torch.softmax(scores, -1, out=softmax)
        if self.dropout_p:
            (kept,) = self._room(block, self.kept)
            kept.bernoulli_(1 - self.dropout_p, generator=self.generator)
            softmax = torch.mul(softmax, kept.div_(1 - self.dropout_p), out=scores)
        return softmax if self.low is self.scores else low.copy_(softmax)

    def scores_gradient(self, block: _Block, upstream_NRD: torch.Tensor) -> torch.Tensor:
        """Scale times dS, (N, R, C) in the dtype of the inputs; after the block's `weights`."""
        low, scores, softmax = self._room(block, self.low, self.scores, self.softmax)
        torch.bmm(upstream_NRD, block.v_NCD.transpose(1, 2), out=low)
        if self.low is not self.scores:
            scores.copy_(low)
        if self.dropout_p:
            scores.mul_(*self._room(block, self.kept))
        # scores = softmax * (scores - (softmax * scores).sum(-1)), in one pass
        _ATEN._softmax_backward_data.out(scores, softmax, -1, torch.float32, grad_input=scores)
        scores.mul_(self.scale)
        return scores if self.low is self.scores else low.copy_(scores)

    def _room(self, block: _Block, *tensors: torch.Tensor) -> list[torch.Tensor]:
        """The part of each shared tensor that the block's scores take."""
        shape = (*block.q_NRD.shape[:2], block.k_NCD.shape[1])
        return [x[: math.prod(shape)].view(shape) for x in tensors]


def _line(heads: int, queries: int, keys: int, device: torch.device) -> torch.Tensor:
    """Bias over distance, fp32, (H, S + t - 1): distance t - 1 first, and -inf above 0."""
    distance_Y = queries - 1 - torch.arange(keys + queries - 1, device=device)
    line_HY = alibi_slopes(heads).to(device).unsqueeze(1) * distance_Y
    return line_HY.masked_fill_(distance_Y > 0, -math.inf)
