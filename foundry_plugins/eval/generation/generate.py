# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Many samples of several prompts: one pass over each prompt, then all samples side by side.

Prompts are padded on the left to the longest of their batch. The cache of a prompt is repeated for
its samples, so a prompt is read once however many are drawn. Rows that are done leave the batch
when a quarter of it is. Any causal model of transformers, and MPT.

What one row generates can depend on the others only through the rounding of matrix products, whose
order may change with their size. Callers who need equal samples form equal batches.

Shapes: B prompts, R = B * samples rows, V entries of the vocabulary.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import distributed as dist

from foundry_plugins.eval.generation.rows import repeat, select
from foundry_plugins.eval.generation.sampling import Sampling, next_tokens, numbers
from foundry_plugins.eval.generation.stopping import StopTexts

_LEAVING = 0.25  # share of done rows from which on taking them out costs less than keeping them


@dataclasses.dataclass(frozen=True)
class Request:
    """What to generate.

    Attributes:
        tasks: A name for each prompt, which seeds its samples.
        prompts: Token ids, none empty.
        samples: Numbers of the samples wanted of every prompt.
        how: How tokens are drawn.
        stop: Stop texts.
        end_ids: Tokens that end a row and do not belong to it.
        pad_id: Fills shorter prompts.
        max_new_tokens: Of a row.
        seed: Of all draws.
    """

    tasks: Sequence[str]
    prompts: Sequence[Sequence[int]]
    samples: Sequence[int]
    how: Sampling
    stop: StopTexts
    end_ids: frozenset[int]
    pad_id: int
    max_new_tokens: int
    seed: int


@torch.no_grad()
def generate(model: Any, request: Request, synced: bool = False) -> list[list[list[int]]]:
    """Token ids by prompt and sample, without what ended them.

    Args:
        model: With ``forward`` and ``prepare_inputs_for_generation``, in evaluation mode.
        request: What to generate.
        synced: Whether parameters are spread over ranks, which then all have to take every step.
    """
    run = _Run(model, request)
    for step in range(request.max_new_tokens):
        run.draw(step)
        if not _any_rank(run.active, synced, run.device):
            break
        if step + 1 < request.max_new_tokens:
            run.forward()
    count = len(request.samples)
    return [run.generated[at : at + count] for at in range(0, len(run.generated), count)]


class _Run:
    """The state between two steps."""

    def __init__(self, model: Any, request: Request) -> None:
        self.model, self.request = model, request
        self.device = next(model.parameters()).device
        self.names = [(task, sample) for task in request.tasks for sample in request.samples]
        self.generated: list[list[int]] = [[] for _ in self.names]
        # Which row each line of the batch is, and which of them are not done yet.
        self.lines = list(range(len(self.names)))
        self.active = set(self.lines)
        self._read_prompts()

    def _read_prompts(self) -> None:
        prompts, times = self.request.prompts, len(self.request.samples)
        width = max(len(prompt) for prompt in prompts)
        ids = torch.full((len(prompts), width), self.request.pad_id)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        self.cache, self.position = None, 0
        self.mask = mask.to(self.device)
        logits_BV = self._logits(ids.to(self.device))
        self.logits_RV = logits_BV.repeat_interleave(times, dim=0)
        self.mask = self.mask.repeat_interleave(times, dim=0)
        self.cache = repeat(self.cache, times)

    def _logits(self, ids: torch.Tensor) -> torch.Tensor:
        """Of the last position; moves on the cache."""
        length = ids.shape[1]
        inputs = self.model.prepare_inputs_for_generation(
            ids,
            past_key_values=self.cache,
            attention_mask=self.mask,
            cache_position=torch.arange(self.position, self.position + length, device=ids.device),
            use_cache=True,
        )
        output = self.model(**inputs, return_dict=True)
        self.cache, self.position = output.past_key_values, self.position + length
        return output.logits[:, -1]

    def draw(self, step: int) -> None:
        """Adds a token to every row that is not done."""
        request = self.request
        drawn_R = numbers(request.seed, [self.names[row] for row in self.lines], step)
        tokens_R = next_tokens(self.logits_RV, drawn_R.to(self.device), request.how)
        self.tokens = tokens_R.tolist()
        for row, token in zip(self.lines, self.tokens, strict=True):
            if row not in self.active:
                continue
            if token in request.end_ids:
                self.active.remove(row)
                continue
            self.generated[row].append(token)
            if request.stop.found(self.generated[row]):
                self.active.remove(row)

    def forward(self) -> None:
        """Reads the tokens just drawn."""
        self._leave()
        ids_R1 = torch.tensor(self.tokens, device=self.device).unsqueeze(1)
        self.mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1])], dim=1)
        self.logits_RV = self._logits(ids_R1)

    def _leave(self) -> None:
        kept = [line for line, row in enumerate(self.lines) if row in self.active] or [0]
        if len(kept) > (1 - _LEAVING) * len(self.lines):
            return
        lines = torch.tensor(kept, device=self.device)
        self.cache, self.mask = select(self.cache, lines), self.mask.index_select(0, lines)
        self.lines = [self.lines[line] for line in kept]
        self.tokens = [self.tokens[line] for line in kept]


def _any_rank(active: set[int], synced: bool, device: torch.device) -> bool:
    if not synced:
        return bool(active)
    flag = torch.tensor(int(bool(active)), device=device)
    dist.all_reduce(flag, op=dist.ReduceOp.MAX)
    return bool(flag.item())
