# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Token ids of prompts: left to right, or around a gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from foundry_plugins.contract.errors import require
from foundry_plugins.eval.benchmarks.task import Task
from foundry_plugins.eval.infilling_prompt import NUM_SENTINELS, InfillingPrompt, lead_of, text_ids

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

LEFT_TO_RIGHT = "left_to_right"
_INFILLING = "psm"
_ANY_LENGTH = 1 << 40


class Prompts:
    """Encodes tasks for one model.

    A prompt that is too long loses its start; one around a gap loses both outer ends.

    Args:
        tokenizer: The model's.
        infilling: Whether the tasks have gaps.
        max_tokens: Of a prompt; None for any number.
        order: Of the pieces around a gap, see `infilling_prompt`; None for ``psm``.
        sentinels: Other models' names of the sentinels.

    Raises:
        UserError: for an order or sentinels that cannot be, or are given where there is no gap.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        infilling: bool,
        max_tokens: int | None,
        order: str | None = None,
        sentinels: Mapping[str, str] | None = None,
    ) -> None:
        require(
            infilling or (order is None and sentinels is None),
            "`icl_tasks[].format` and `icl_tasks[].sentinels` are for benchmarks with gaps to fill "
            "in; leave them out.",
        )
        require(
            max_tokens is None or max_tokens > 2 * NUM_SENTINELS,
            f"`icl_tasks[].max_new_tokens` leaves {max_tokens} tokens of `max_seq_len` for a "
            "prompt; lower it.",
        )
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self.order = (order or _INFILLING) if infilling else LEFT_TO_RIGHT
        self._around = InfillingPrompt.of(tokenizer, self.order, sentinels) if infilling else None
        self._lead = lead_of(tokenizer)
        self.cut = 0  # prompts that were too long

    def encode(self, task: Task) -> list[int]:
        """The prompt's ids, at least one and at most ``max_tokens``."""
        ids = self._encode(task, _ANY_LENGTH)
        if self.max_tokens is not None and len(ids) > self.max_tokens:
            self.cut += 1
            ids = self._encode(task, self.max_tokens)
        require(bool(ids), f"The prompt of {task.task_id} is empty.")
        return ids

    def _encode(self, task: Task, max_tokens: int) -> list[int]:
        if self._around is not None:
            return self._around.encode(task.prompt, task.suffix or "", max_tokens)
        ids = text_ids(self.tokenizer, task.prompt)
        return [*self._lead, *ids[max(0, len(ids) + len(self._lead) - max_tokens) :]]
