# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""ALiBi inside the dot product: no bias tensor, so SDPA's flash kernels apply.

Queries and keys get eight more dimensions, in front, whose products are the bias:

    q' = [-m i, m, q scale],  k' = [1, j, k]:   q' k' = m (j - i) + scale q k

for query i, key j and slope m; values are padded with eight zeros, which are cut off again. The
term of i is the same for all keys, so softmax does not see it, nor how coarsely it is rounded. It
is there for the digits: a kernel adds products in the order of the dimensions, so the sum is the
distance, small for near keys, before q k is added. Without it, or behind the others, m j of 1,000
leaves q k three digits less (the error of fp32 outputs at 2,048 tokens is 2e-4 and 3e-5 then,
against 3e-7). So on a CPU no slope loses digits: outputs at 1,024 to 65,536 tokens and slopes of
0.7 to 0.004 have errors of 2e-7 to 6e-7 in fp32 and 2e-3 to 3e-3 in bf16, which are those of
`reference_attention`. A kernel that adds products in another order, or rounds them before, loses
what an fp32 number of slope * T has not: 2**-24 of it, 1e-4 of a score at slope 0.7 and T 2,048.

In bf16 numbers have eight bits, so m is the sum of three and j of a multiple of 256 and a rest,
which keeps every product exact up to 65,536 keys (fp32: 16,777,216), and the term of i of two:

    q' = [-(m i)_1, -(m i)_2, m_1, m_2, m_3, m_1, m_2, m_3, q]
    k' = [1,        1,        h,   h,   h,   l,   l,   l,   k],  j = h + l

q would be rounded when it is multiplied by the scale, so m is the slope divided by it there, and
SDPA multiplies. Outputs and gradients are then as close to float64 as those of Foundry's `torch`
attention or closer, in the root mean square; single gradients of shared values are at worst twice
as far (each head's part is rounded before they are added). In contexts of a handful of keys, where
flash kernels subtract nearly equal numbers, they would be further off; so on a CPU short contexts
are computed in fp32, which takes no time there.

Keys and values are shared by views where all query heads have the same ones. fp32 and bf16, CPU and
GPU. With a mask SDPA gets it as booleans, causality included, the same for all heads.
"""

from __future__ import annotations

import functools

import torch
from torch.nn.functional import pad, scaled_dot_product_attention

from foundry_plugins.models.attention.alibi import alibi_slopes
from foundry_plugins.models.attention.dtypes import check_dtype
from foundry_plugins.models.attention.masks import causal_mask
from foundry_plugins.models.attention.visible import (
    Visible,
    by_segments,
    dense_causal_mask,
    worthwhile_segments,
)

EXTRA = 8  # dimensions; flash kernels want a multiple of eight
_COARSE = 256
_SHORT = 256  # keys
LONGEST = {torch.bfloat16: _COARSE * 256, torch.float32: 1 << 24}


def augmented_attention(
    q_BHTD: torch.Tensor,
    k_BKSD: torch.Tensor,
    v_BKSD: torch.Tensor,
    *,
    scale: float,
    mask: torch.Tensor | Visible | None = None,
    dropout_p: float = 0.0,
) -> torch.Tensor:
    """Same contract as `reference_attention`.

    A query that sees no key attends to itself.

    Raises:
        UserError: unless the inputs are fp32 or bf16.
        ValueError: for more keys than `LONGEST`.
    """
    check_dtype("augmented", q_BHTD.dtype)
    if k_BKSD.shape[2] > LONGEST[q_BHTD.dtype]:
        raise ValueError(
            f"kernel 'augmented' counts {LONGEST[q_BHTD.dtype]} positions in {q_BHTD.dtype}, "
            f"got {k_BKSD.shape[2]} keys."
        )
    segments = worthwhile_segments(mask, q_BHTD)
    if segments is not None:
        attend = functools.partial(augmented_attention, scale=scale, dropout_p=dropout_p)
        return by_segments(attend, q_BHTD, k_BKSD, v_BKSD, segments)
    batch, heads, queries, size = q_BHTD.shape
    groups, keys = k_BKSD.shape[1:3]
    if keys < _SHORT and q_BHTD.dtype == torch.bfloat16 and q_BHTD.device.type == "cpu":
        wide = (x.float() for x in (q_BHTD, k_BKSD, v_BKSD))
        out = augmented_attention(*wide, scale=scale, mask=mask, dropout_p=dropout_p)
        return out.to(q_BHTD.dtype)
    if q_BHTD.dtype == torch.float32:  # no digit is lost, and slopes keep theirs
        q_BHTD, scale = q_BHTD * scale, 1.0
    q_HTE, k_SE = positions(heads, queries, keys, q_BHTD.dtype, q_BHTD.device, scale)
    q = torch.cat([q_HTE.expand(batch, -1, -1, -1), q_BHTD], dim=-1)
    k = torch.cat([k_SE.expand(batch, groups, -1, -1), k_BKSD], dim=-1)
    v = pad(v_BKSD, (0, EXTRA))
    if groups == 1:
        k, v = (x.expand(-1, heads, -1, -1) for x in (k, v))
    elif groups != heads:
        k, v = (x.repeat_interleave(heads // groups, dim=1) for x in (k, v))
    visible = None
    if mask is not None:
        visible = dense_causal_mask(mask, queries, keys)
    elif 1 < queries < keys:
        visible = causal_mask(queries, keys, q.device)
    out = scaled_dot_product_attention(
        *(q, k, v),
        attn_mask=visible,
        dropout_p=dropout_p,
        is_causal=visible is None and queries == keys,
        scale=scale,
    )
    return out[..., :size]


def positions(
    heads: int,
    queries: int,
    keys: int,
    dtype: torch.dtype,
    device: torch.device,
    scale: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The dimensions in front: (H, T, 8) of the queries and (S, 8) of the keys.

    Their products times ``scale`` are the bias, but for a constant of the query.
    """
    # A power of two, so that contexts and segments of all lengths share a table.
    q_HSE, k_SE = _table(heads, 1 << (keys - 1).bit_length(), dtype, device, scale)
    return q_HSE[:, keys - queries : keys], k_SE[:keys]


@functools.lru_cache(maxsize=16)
def _table(
    heads: int, keys: int, dtype: torch.dtype, device: torch.device, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    # A tensor made under inference_mode could not be saved for a later backward pass.
    with torch.inference_mode(False):
        slopes_H1 = alibi_slopes(heads).double().unsqueeze(1) / scale
        j_S = torch.arange(keys, dtype=torch.float64)
        coarse_S = j_S - j_S % _COARSE
        if dtype == torch.float32:
            rows, slopes, columns = [slopes_H1 * j_S], [slopes_H1], [j_S]
        else:
            rows, slopes = _split(slopes_H1 * j_S, 2), _split(slopes_H1, 3)
            columns = [coarse_S, j_S - coarse_S]
        q = [-row for row in rows]
        q += [slope.expand(heads, keys) for slope in slopes] * len(columns)
        k = [torch.ones_like(j_S)] * len(rows)
        k += [column for column in columns for _ in slopes]
        q_HSE, k_SE = torch.stack(q, dim=-1), torch.stack(k, dim=-1)
        room = (0, EXTRA - q_HSE.shape[-1])
        return (
            pad(q_HSE, room).to(device=device, dtype=dtype),
            pad(k_SE, room).to(device=device, dtype=dtype),
        )


def _split(values: torch.Tensor, count: int) -> list[torch.Tensor]:
    """Numbers of bf16 that add up to the values, but for what the last cannot hold."""
    found = []
    for _ in range(count):
        found.append(values.to(torch.bfloat16).to(values.dtype))
        values = values - found[-1]
    return found
