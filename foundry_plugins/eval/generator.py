# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""From a batch of tasks to answers: what is asked of a model, and what of its tokens counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from foundry_plugins.eval.benchmarks.task import Benchmark, Task
from foundry_plugins.eval.first_line_stop import FirstLineStop
from foundry_plugins.eval.generation.generate import Request, generate
from foundry_plugins.eval.generation.sampling import Sampling
from foundry_plugins.eval.generation.stopping import StopTexts
from foundry_plugins.eval.samples import Key
from foundry_plugins.eval.tasks import Part

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

# How an answer ended: by one of its benchmark's stops, by the model itself, or by its length.
STOP, END, LENGTH = "stop", "end", "length"


class Generator:
    """Has a model answer tasks.

    Args:
        benchmark: Of the tasks.
        tasks: All of them.
        prompts: Their token ids.
        tokenizer: The model's. Each of its special tokens ends an answer.
        how: How tokens are drawn.
        seed: Of all draws.
        max_new_tokens: Of an answer.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        tasks: Sequence[Task],
        prompts: Sequence[list[int]],
        tokenizer: PreTrainedTokenizerBase,
        how: Sampling,
        seed: int,
        max_new_tokens: int,
    ) -> None:
        self._benchmark, self._tasks, self._prompts = benchmark, tasks, prompts
        self._tokenizer, self._how, self._seed = tokenizer, how, seed
        self._max_new_tokens = max_new_tokens
        self._end_ids = frozenset(_special_ids(tokenizer))

    def __call__(self, model: Any, part: Part, synced: bool) -> dict[Key, dict[str, Any]]:
        """The batch's answers, as they are written.

        Args:
            model: See `generate`.
            part: Of the tasks.
            synced: Whether all ranks have to take every step.
        """
        request = Request(
            tasks=[self._tasks[number].task_id for number in part.tasks],
            prompts=[self._prompts[number] for number in part.tasks],
            samples=part.samples,
            how=self._how,
            stop=self._stop(self._tasks[part.tasks[0]]),
            end_ids=self._end_ids,
            pad_id=0,  # masked, so any token does
            max_new_tokens=self._max_new_tokens,
            seed=self._seed,
        )
        by_task = generate(model, request, synced)
        rows = zip(part.rows(), (ids for by_sample in by_task for ids in by_sample), strict=True)
        entries = [self._entry(number, sample, ids) for (number, sample), ids in rows]
        return {(entry["task_id"], entry["sample"]): entry for entry in entries}

    def _stop(self, task: Task) -> StopTexts:
        if self._benchmark.single_line:
            return FirstLineStop(self._tokenizer)
        return StopTexts(self._tokenizer, task.stops)

    def _entry(self, number: int, sample: int, ids: list[int]) -> dict[str, Any]:
        task = self._tasks[number]
        text = self._text(self._prompts[number], ids)
        completion = self._benchmark.truncate(task, text)
        whole = LENGTH if len(ids) == self._max_new_tokens else END
        ended = whole if completion == text else STOP
        return {
            **{"task_id": task.task_id, "sample": sample, "completion": completion},
            **{"tokens": len(ids), "ended": ended},
        }

    def _text(self, prompt: list[int], ids: list[int]) -> str:
        """What the tokens say after the prompt.

        Some tokenizers drop a space at the start of a text, so one token of the prompt is decoded
        with the answer.
        """
        before, whole = self._decode(prompt[-1:]), self._decode([*prompt[-1:], *ids])
        return whole[len(before) :] if whole.startswith(before) else self._decode(ids)

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(
            ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )


def _special_ids(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    marked = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return marked | set(tokenizer.all_special_ids)
