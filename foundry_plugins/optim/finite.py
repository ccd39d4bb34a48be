# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Are all gradients of all ranks finite? One pass over the gradients, one read by the host.

Lion needs the question answered before it moves anything: one NaN stays in the momentum for ever,
and since sign(NaN) is no direction the model then freezes without an error.

On CPUs a compiled pass finds the largest exponent. Elsewhere sums are asked first, on CPUs of the
elements, small tensors laid end to end, and else of their squares: torch computes many such norms
in a launch. A non-finite element always makes a sum non-finite. The reverse fails where a sum
overflows, so only then is each tensor's smallest and largest element looked at; both are finite
exactly when every element is, for NaN propagates through both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch import distributed as dist
from torch._utils import _flatten_dense_tensors

from foundry_plugins.optim import compiled

# Elements. A call costs more than those of a small tensor; a lot of them stays in the cache.
_SMALL, _LOT = 1 << 14, 1 << 17


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
    likely = _sums_are_finite(others)
    # All ranks read the same reduced answer, so they go on to the second look together or not,
    # whichever way each looks at its gradients.
    if _everywhere(known.to(likely.device) & likely, device):
        return True
    extremes = [x.double() for g in others if g.numel() > 0 for x in torch.aminmax(g)]
    finite = torch.stack(extremes).isfinite().all() if extremes else torch.tensor(True)
    return _everywhere(known.to(finite.device) & finite, device)


def _sums_are_finite(gradients: Sequence[Tensor]) -> Tensor:
    on_cpu = [g for g in gradients if g.is_cpu]
    # Read one by one: small results kept would lie between the memory of the lots.
    answer = torch.tensor(all(math.isfinite(g.sum().item()) for g in _joined(on_cpu)))
    if len(on_cpu) == len(gradients):
        return answer
    kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for g in gradients:
        if not g.is_cpu and g.numel() > 0:
            kinds.setdefault((g.device, g.dtype), []).append(g)
    for (_, dtype), members in kinds.items():
        # Squares of fp16 would overflow in training already.
        wide = dtype if dtype is torch.float64 else torch.float32
        finite = torch.stack(torch._foreach_norm(members, 2, wide)).isfinite().all()
        answer = answer.to(finite.device) & finite
    return answer


def _joined(tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    """The elements of all tensors, with small ones copied into few larger ones."""
    lot: list[Tensor] = []
    elements = 0
    for g, count in zip(tensors, map(Tensor.numel, tensors), strict=True):
        if count > _SMALL:
            yield g
            continue
        if elements > _LOT:
            yield _flatten_dense_tensors(lot)
            lot, elements = [], 0
        lot.append(g)
        elements += count
    if lot:
        yield _flatten_dense_tensors(lot)


def agreed(finite: bool, device: torch.device) -> bool:
    """`all_finite` for a rank that knows the answer for its own gradients."""
    if not _has_others():
        return finite
    flag = torch.tensor(finite)
    # Others may have to look a second time, and ask then as well.
    return _everywhere(flag, device) or _everywhere(flag, device)


def _everywhere(flag: Tensor, device: torch.device) -> bool:
    if not _has_others():
        return bool(flag)
    bad = (~flag).to(device=device, dtype=torch.float32)
    dist.all_reduce(bad, op=dist.ReduceOp.MAX)
    return not bool(bad.item())


def _has_others() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
