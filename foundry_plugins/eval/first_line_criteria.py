# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stops generating a row when its first line is complete.

Decides exactly as `postprocess.first_line` does, but on token ids and for all rows at once, so
that a batch of one-line middles takes as many steps as its longest line and not
``max_new_tokens``. Both agree because a row is stopped only after a line break that follows a
visible character; what comes later would be cut anyway.

Three facts about each token decide: whether it holds a visible character, whether it holds a line
break, and whether it holds a line break after a visible character.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from transformers.generation.stopping_criteria import StoppingCriteria
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.eval.postprocess import first_line


class LineTables:
    """The three facts, as boolean tensors indexed by token id."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        texts = tokenizer.batch_decode(
            [[i] for i in range(len(tokenizer))], skip_special_tokens=True
        )
        # U+FFFD stands for a part of a character, which may turn out to be a blank one.
        texts = [text.replace("\ufffd", " ") for text in texts]
        # Models may have more rows than the tokenizer has tokens: those ids fall on a last entry.
        self.visible = torch.tensor([bool(text.strip()) for text in texts] + [False])
        self.breaks = torch.tensor(["\n" in text for text in texts] + [False])
        self.ends_line = torch.tensor([first_line(text) != text for text in texts] + [False])

    def to(self, device: torch.device) -> None:
        """Moves the tables once, when the first batch arrives on a device."""
        if self.visible.device != device:
            self.visible = self.visible.to(device)
            self.breaks = self.breaks.to(device)
            self.ends_line = self.ends_line.to(device)

    def is_complete(self, ids: torch.Tensor) -> torch.Tensor:
        """Whether each row of generated ids, shape (B, T), holds a whole first line: shape (B,)."""
        self.to(ids.device)
        ids = ids.clamp(max=len(self.visible) - 1)
        visible = self.visible[ids]
        visible_before = (visible.cumsum(dim=1) - visible.long()) > 0
        return (self.ends_line[ids] | (self.breaks[ids] & visible_before)).any(dim=1)


class FirstLineCriteria(StoppingCriteria):
    """Handed to ``generate``; stateless, so that microbatches and rows cannot disturb each other.

    Args:
        tables: Shared by all batches.
        prompt_length: Columns of the batch's padded prompts.
    """

    def __init__(self, tables: LineTables, prompt_length: int) -> None:
        self.tables = tables
        self.prompt_length = prompt_length

    def __call__(
        self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any
    ) -> torch.BoolTensor:
        """Whether each row is finished."""
        done = self.tables.is_complete(input_ids[:, self.prompt_length :])
        return cast("torch.BoolTensor", done)
