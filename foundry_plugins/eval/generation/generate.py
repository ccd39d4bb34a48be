# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Many samples of several prompts: one pass over each prompt, then all samples side by side.

Prompts are padded on the left to the longest of their batch. The cache of a prompt is repeated for
its samples, so a prompt is read once however many are drawn. Rows that are done leave the batch
when a quarter of it is. Any causal model of transformers, and MPT.

What one row generates can depend on the others only through the rounding of matrix products, whose
order may change with their size. Callers who need equal samples form equal batches.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed as dist

from foundry_plugins.eval.generation.contrastive import ContrastiveRun
from foundry_plugins.eval.generation.request import Request
from foundry_plugins.eval.generation.run import Run

__all__ = ["Request", "generate"]


@torch.no_grad()
def generate(model: Any, request: Request, synced: bool = False) -> list[list[list[int]]]:
    """Token ids by prompt and sample, without what ended them.

    Args:
        model: With ``forward`` and ``prepare_inputs_for_generation``, in evaluation mode.
        request: What to generate.
        synced: Whether parameters are spread over ranks, which then all have to take every step.
    """
    run = (ContrastiveRun if request.how.contrastive_alpha else Run)(model, request)
    for step in range(request.max_new_tokens):
        run.draw(step)
        if not _any_rank(run.active, synced, run.device):
            break
        if step + 1 < request.max_new_tokens:
            run.forward()
    count = len(request.samples)
    return [run.generated[at : at + count] for at in range(0, len(run.generated), count)]


def _any_rank(active: set[int], synced: bool, device: torch.device) -> bool:
    if not synced:
        return bool(active)
    flag = torch.tensor(int(bool(active)), device=device)
    dist.all_reduce(flag, op=dist.ReduceOp.MAX)
    return bool(flag.item())
