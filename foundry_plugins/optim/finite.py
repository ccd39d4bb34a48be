# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Are all gradients of all ranks finite? One pass over the gradients, one read by the host.

Lion needs the question answered before it moves anything: one NaN stays in the momentum for ever,
and since sign(NaN) is no direction the model then freezes without an error.

A non-finite element always makes the norm of all gradients non-finite, and that norm is cheap:
torch computes it many tensors a launch. The reverse fails where squares overflow, so only then is
each tensor's smallest and largest element looked at; both are finite exactly when every element
is, for NaN propagates through both.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch import distributed as dist
from torch.nn.utils import get_total_norm


def all_finite(gradients: Sequence[Tensor], device: torch.device) -> bool:
    """Whether every element of every rank's local ``gradients`` is finite.

    A collective operation when torch.distributed is in use with more than one rank: every rank
    calls it, also one that holds no gradient.

    Args:
        gradients: Local tensors (not DTensors); empty ones are allowed.
        device: Where a rank's answer is kept until it is read.
    """
    gradients = [g for g in gradients if g.numel() > 0]
    # All ranks read the same reduced answer, so they go on to the second look together or not.
    if _everywhere(get_total_norm(gradients).isfinite(), device):
        return True
    extremes = [x.double() for g in gradients for x in torch.aminmax(g)]
    finite = torch.stack(extremes).isfinite().all() if extremes else torch.tensor(True)
    return _everywhere(finite, device)


def _everywhere(flag: Tensor, device: torch.device) -> bool:
    bad = (~flag).to(device=device, dtype=torch.float32)
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        dist.all_reduce(bad, op=dist.ReduceOp.MAX)
    return not bool(bad.item())
