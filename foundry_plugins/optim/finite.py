# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Are all gradients of all ranks finite? One pass over the gradients, one read by the host.

Lion needs the question answered before it moves anything: one NaN stays in the momentum for ever,
and since sign(NaN) is no direction the model then freezes without an error.

On CPUs a compiled pass finds the largest exponent. Elsewhere the norms of the gradients are asked
first: torch computes many in a launch, and a non-finite element always makes them non-finite. The
reverse fails where squares overflow, so only then is each tensor's smallest and largest
element looked at; both are finite exactly when every element is, for NaN propagates through both.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch import distributed as dist

from foundry_plugins.optim import compiled


def all_finite(
    gradients: Sequence[Tensor], device: torch.device, use_compiled: bool = True
) -> bool:
    """Whether every element of every rank's local ``gradients`` is finite.

    A collective operation when torch.distributed is in use with more than one rank: every rank
    calls it, also one that holds no gradient.

    Args:
        gradients: Local tensors (not DTensors); empty ones are allowed.
        device: Where a rank's answer is kept until it is read.
        use_compiled: Look at CPU tensors with a compiled kernel where there is one.
    """
    batches, others = compiled.split_gradients(gradients) if use_compiled else ([], gradients)
    known = torch.tensor(all(map(compiled.finite, batches)))
    others = [g for g in others if g.numel() > 0]
    likely = _norms_are_finite(others)
    # All ranks read the same reduced answer, so they go on to the second look together or not,
    # whichever way each looks at its gradients.
    if _everywhere(known.to(likely.device) & likely, device):
        return True
    extremes = [x.double() for g in others for x in torch.aminmax(g)]
    finite = torch.stack(extremes).isfinite().all() if extremes else torch.tensor(True)
    return _everywhere(known.to(finite.device) & finite, device)


def _norms_are_finite(gradients: Sequence[Tensor]) -> Tensor:
    kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for g in gradients:
        kinds.setdefault((g.device, g.dtype), []).append(g)
    answer = torch.tensor(True)
    for (_, dtype), members in kinds.items():
        # Squares of fp16 would overflow in training already.
        wide = dtype if dtype is torch.float64 else torch.float32
        finite = torch.stack(torch._foreach_norm(members, 2, wide)).isfinite().all()
        answer = answer.to(finite.device) & finite
    return answer


def agreed(finite: bool, device: torch.device) -> bool:
    """`all_finite` for a rank that knows the answer for its own gradients."""
    flag = torch.tensor(finite)
    # Others may have to look a second time, and ask then as well.
    return _everywhere(flag, device) or _everywhere(flag, device)


def _everywhere(flag: Tensor, device: torch.device) -> bool:
    bad = (~flag).to(device=device, dtype=torch.float32)
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        dist.all_reduce(bad, op=dist.ReduceOp.MAX)
    return not bool(bad.item())
