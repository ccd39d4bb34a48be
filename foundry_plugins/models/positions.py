# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""T5's relative position bias: a learned number for each head and bucket of distances.

Raffel et al. 2020 (arXiv 1910.10683, section 2.1): every layer adds the same scalar to the score
of a query and a key, chosen by head and by their distance. Of ``buckets`` buckets half hold one
distance each; the others cover ranges that grow logarithmically up to ``max_distance``, beyond
which all distances share the last one:

    bucket(d) = d                                                        for d < e = buckets / 2
    bucket(d) = min(e + floor(log(d / e) / log(max / e) * (buckets - e)), buckets - 1)    from there

The paper's numbers are 32 buckets and 128. Here for causal models only: d = i - j >= 0. Unlike in
T5, scores keep their factor 1 / sqrt(head size).

Shapes: H heads, T queries, S keys (the last query sees every key).
"""

from __future__ import annotations

import math

import torch
from torch import nn

# Lets a distance on the border of two buckets fall into the upper one whatever log() rounds to.
_ROUNDING = 1e-9


def t5_buckets(distances: int, buckets: int, max_distance: int) -> torch.Tensor:
    """Buckets of the distances 0 to ``distances`` - 1, int64."""
    exact = buckets // 2
    distance = torch.arange(distances, dtype=torch.float64)
    share = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)
    far = exact + torch.floor(share * (buckets - exact) + _ROUNDING)
    return torch.where(distance < exact, distance, far.clamp(max=buckets - 1)).long()


class T5RelativeBias(nn.Module):
    """The bias of all layers, to be made once for a forward pass.

    Args:
        n_heads: Query heads.
        buckets: Rows of the table; at least 2 and even.
        max_distance: From here on distances share a bucket; more than half of ``buckets``.
        device: Where the table is made; ``meta`` for none yet.
    """

    def __init__(
        self, n_heads: int, buckets: int, max_distance: int, device: str | None = None
    ) -> None:
        super().__init__()
        self.buckets, self.max_distance = buckets, max_distance
        self.table = nn.Embedding(buckets, n_heads, device=device)

    def forward(self, queries: int, keys: int) -> torch.Tensor:
        """The bias (1, H, T, S), with -inf where the key lies after the query."""
        buckets_S = t5_buckets(keys, self.buckets, self.max_distance)
        by_distance_HS = self.table(buckets_S.to(self.table.weight.device)).transpose(0, 1)
        # Row t is the window that starts at T - 1 - t of: distances S - 1 to 0, then the future.
        future_HT = by_distance_HS.new_full((by_distance_HS.shape[0], queries - 1), -torch.inf)
        line = torch.cat([by_distance_HS.flip(1), future_HT], dim=1)
        return line.unfold(1, keys, 1).flip(1).unsqueeze(0)
