# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Boolean masks of causal attention: True where a query may see a key.

Every query may see itself, even if it is padding: a row without any key would make softmax NaN,
and what padding attends to is read by nobody.

Shapes: B batch, T queries, S keys (the last query sees every key).
"""

from __future__ import annotations

import torch


def causal_mask(
    queries: int, keys: int, device: torch.device, window: int | None = None
) -> torch.Tensor:
    """(T, S): keys not after the query and, with ``window``, among the last ``window`` ones."""
    mask = torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)
    return mask if window is None else mask.triu(keys - queries - window + 1)


def with_itself(mask: torch.Tensor, queries: int) -> torch.Tensor:
    """``mask`` (..., T or 1, S) with each query's own position visible."""
    keys = mask.shape[-1]
    own = torch.eye(keys, dtype=torch.bool, device=mask.device)[keys - queries :]
    return mask | own
