# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The rows of one batch while they are generated.

Shapes: B prompts, R = B * samples rows, N positions read at once, S positions so far, V entries of
the vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from foundry_plugins.eval.generation.request import Request
from foundry_plugins.eval.generation.rows import empty, of, repeat, select
from foundry_plugins.eval.generation.sampling import next_tokens, numbers

_LEAVING = 0.25  # share of done rows from which on taking them out costs less than keeping them


class Run:
    """The state between two steps.

    Args:
        model: With ``forward`` and ``prepare_inputs_for_generation``.
        request: What to generate.

    Attributes:
        more: What the model is asked for beside logits.
    """

    more: Mapping[str, Any] = {}

    def __init__(self, model: Any, request: Request) -> None:
        self.model, self.request = model, request
        self.device = next(model.parameters()).device
        self.names = [(task, sample) for task in request.tasks for sample in request.samples]
        self.generated: list[list[int]] = [[] for _ in self.names]
        # Which row each line of the batch is, and which of them are not done yet.
        self.lines = list(range(len(self.names)))
        self.active = set(self.lines)
        self.read_prompts()

    def read_prompts(self) -> Any:
        """Reads every prompt once, for all its samples; what the model says of it."""
        prompts, times = self.request.prompts, len(self.request.samples)
        width = max(len(prompt) for prompt in prompts)
        ids = torch.full((len(prompts), width), self.request.pad_id)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        self.cache, self.position = empty(self.model), 0
        self.mask = mask.to(self.device)
        # All positions' logits of many long prompts would fill the memory.
        last = {"logits_to_keep": 1} if _keeps_logits(self.model) else {}
        output = self.read(ids.to(self.device), self.mask, **last)
        self.logits_RV = output.logits[:, -1].repeat_interleave(times, dim=0)
        self.mask = self.mask.repeat_interleave(times, dim=0)
        self.cache = repeat(self.cache, times)
        return output

    def read(self, ids_RN: torch.Tensor, mask_RS: torch.Tensor, **more: Any) -> Any:
        """What the model says about the next positions; moves on the cache.

        Args:
            ids_RN: Their tokens.
            mask_RS: Of all positions, these among them.
            more: Further arguments of ``forward``.
        """
        positions = torch.arange(ids_RN.shape[1], device=ids_RN.device) + self.position
        inputs = self.model.prepare_inputs_for_generation(
            ids_RN,
            past_key_values=self.cache,
            attention_mask=mask_RS,
            cache_position=positions,
            use_cache=True,
        )
        output = self.model(**inputs, return_dict=True, **self.more, **more)
        self.cache, self.position = of(output), self.position + ids_RN.shape[1]
        return output

    def draw(self, step: int) -> None:
        """Adds a token to every row that is not done."""
        self.tokens_R = self.choose(self.numbers(step))
        for row, token in zip(self.lines, self.tokens_R.tolist(), strict=True):
            if row not in self.active:
                continue
            if token in self.request.end_ids:
                self.active.remove(row)
                continue
            self.generated[row].append(token)
            if self.request.stop.found(self.generated[row]):
                self.active.remove(row)

    def numbers(self, step: int) -> torch.Tensor:
        """What rows draw with at a step, (R,)."""
        drawn_R = numbers(self.request.seed, [self.names[row] for row in self.lines], step)
        return drawn_R.to(self.device)

    def choose(self, numbers_R: torch.Tensor) -> torch.Tensor:
        """The next token of every row, (R,)."""
        return next_tokens(self.logits_RV, numbers_R, self.request.how)

    def forward(self) -> None:
        """Reads the tokens just drawn."""
        self.leave()
        self.mask = one_longer(self.mask)
        output = self.read(self.tokens_R.unsqueeze(1), self.mask)
        self.logits_RV = output.logits[:, -1]

    def leave(self) -> None:
        """Takes rows that are done out of the batch, once they are many."""
        kept = [line for line, row in enumerate(self.lines) if row in self.active] or [0]
        if len(kept) <= (1 - _LEAVING) * len(self.lines):
            self.lines = [self.lines[line] for line in kept]
            self.keep(torch.tensor(kept, device=self.device))

    def keep(self, kept: torch.Tensor) -> None:
        """Keeps some rows, by their indices."""
        self.cache, self.mask = select(self.cache, kept), self.mask.index_select(0, kept)
        self.tokens_R = self.tokens_R.index_select(0, kept)


def _keeps_logits(model: Any) -> bool:
    return "logits_to_keep" in inspect.signature(model.forward).parameters


def one_longer(mask_RS: torch.Tensor) -> torch.Tensor:
    """With one more position, which is no padding."""
    return torch.cat([mask_RS, torch.ones_like(mask_RS[:, :1])], dim=1)
