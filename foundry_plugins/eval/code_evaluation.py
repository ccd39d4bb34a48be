# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The ``code_evaluation`` in-context-learning task: a model writes code and is judged by it.

Works wherever Foundry takes ``icl_tasks``: under ``llmfoundry eval`` and during training. Foundry
builds the dataset, its batches go through Composer's generation path, and a metric judges the
decoded text.

What differs from Foundry's own generation tasks: prompts are padded to the longest of their batch
instead of to ``max_seq_len``; padding is told from text by length, so that a shared pad and
end-of-text token does no harm; any special token ends a generation, because decoding would drop it
and join the pieces around it; every rank reads the problem file itself, so that working
directories may differ between ranks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch.utils.data import Dataset
from transformers.generation.stopping_criteria import StoppingCriteriaList
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.eval.first_line_criteria import FirstLineCriteria, LineTables
from foundry_plugins.eval.infilling_prompt import NUM_SENTINELS, InfillingPrompt
from foundry_plugins.eval.problems import Problem, read_problems

MODES = ("infilling",)
_KEYS = (
    # Read by Foundry.
    *("label", "icl_task_type", "metric_names", "batch_size", "num_fewshot", "has_categories"),
    *("dataset_uri", "max_seq_len"),
    # Read here.
    *("mode", "format", "sentinels", "single_line", "max_new_tokens"),
)
# Values of a batch that belong to its rows; all others hold for every row.
_PER_ROW = ("input_ids", "attention_mask", "labels", "task_id")


class Example(TypedDict):
    """One problem, ready to be put in a batch."""

    input_ids: list[int]
    label: str
    task_id: str


class CodeEvaluationDataset(Dataset[Example]):
    """Infilling problems for ``icl_tasks``, to be judged by ``InfillExactMatchAccuracy``.

    Example:
        ```yaml
        icl_tasks:
        - label: single_line_infilling
          icl_task_type: code_evaluation
          dataset_uri: runs/quickstart/infilling_problems.jsonl
          metric_names: [InfillExactMatchAccuracy]
          num_fewshot: [0]
          mode: infilling
          format: psm
          single_line: true
          max_new_tokens: 48
        ```

    Args:
        dataset_uri: JSON lines of problems (see `problems`): a local path, or an address of an
            object store that Composer can read.
        tokenizer: The model's tokenizer; it must have an end-of-text token and the sentinels.
        max_seq_len: Most tokens of a prompt and its generation together.
        pad_tok_id: Fills the left of shorter prompts.
        num_fewshot: Must be 0.
        mode: ``infilling``.
        format: Order of the prompt: ``psm``, ``spm1`` or ``spm2`` (see `infilling_prompt`).
        sentinels: Names of the sentinels ``prefix``, ``suffix`` and ``middle``, where the model's
            differ from StarCoder's.
        single_line: Whether only the first line of a generation counts.
        max_new_tokens: Most tokens of a generation; decoding is greedy.
        destination_path: Given by Foundry and not used.
        hf_loading_vars: Given by Foundry and not used.
        hf_parsing_map: Given by Foundry and not used.
        unknown: Any other key of the task, which is refused.

    Raises:
        UserError: if a key is unknown or out of range, or the problem file cannot be read.
    """

    def __init__(
        self,
        dataset_uri: str,
        tokenizer: PreTrainedTokenizerBase,
        max_seq_len: int,
        pad_tok_id: int,
        num_fewshot: int = 0,
        mode: str = "infilling",
        format: str = "psm",
        sentinels: Mapping[str, str] | None = None,
        single_line: bool = True,
        max_new_tokens: int = 48,
        destination_path: str = "",
        hf_loading_vars: Mapping[str, Any] | None = None,
        hf_parsing_map: Mapping[str, Any] | None = None,
        **unknown: Any,
    ) -> None:
        reject_unknown_keys("icl_tasks[]", unknown, _KEYS)
        _check(tokenizer, max_seq_len, num_fewshot, mode, max_new_tokens)
        # Foundry's eval_output_logging callback reads these two.
        self.tokenizer = tokenizer
        self.pad_tok_id = pad_tok_id
        self.single_line = single_line
        self.generation_kwargs = {
            "max_new_tokens": max_new_tokens,
            "do_sample": False,
            "use_cache": True,
            "pad_token_id": pad_tok_id,
            "eos_token_id": _special_ids(tokenizer),
        }
        # Composer puts a space before each generation of such a tokenizer.
        self.added_space = len(tokenizer.encode(" a", add_special_tokens=False)) != 1
        self.line_tables = LineTables(tokenizer) if single_line else None
        prompt = InfillingPrompt.of(tokenizer, format, sentinels)
        room = max_seq_len - max_new_tokens
        self.examples = [_example(p, prompt, room) for p in _load(dataset_uri)]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]

    def collate_fn(self, examples: list[Example]) -> dict[str, Any]:
        """A batch for Composer's generation path, padded on the left to its longest prompt."""
        width = max(len(example["input_ids"]) for example in examples)
        input_ids = torch.full((len(examples), width), self.pad_tok_id)
        attention_mask = torch.zeros_like(input_ids, dtype=torch.bool)
        for row, example in enumerate(examples):
            start = width - len(example["input_ids"])
            input_ids[row, start:] = torch.tensor(example["input_ids"])
            attention_mask[row, start:] = True
        return {
            "mode": "generate",
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "labels": [example["label"] for example in examples],
            "task_id": [example["task_id"] for example in examples],
            "generation_kwargs": self._generation_kwargs(width),
            "single_line": self.single_line,
            "added_space": self.added_space,
        }

    def _generation_kwargs(self, prompt_length: int) -> dict[str, Any]:
        if self.line_tables is None:
            return dict(self.generation_kwargs)
        stop = FirstLineCriteria(self.line_tables, prompt_length)
        return {**self.generation_kwargs, "stopping_criteria": StoppingCriteriaList([stop])}

    def get_num_samples_in_batch(self, batch: Mapping[str, Any]) -> int:
        """Rows of a batch, for Composer's counters."""
        return len(batch["input_ids"])

    def get_effective_batch_size(self, batch_size: int) -> int:
        """Problems of a batch of ``batch_size`` rows: one each."""
        return batch_size

    def split_batch(self, batch: Mapping[str, Any], microbatch_size: int) -> list[dict[str, Any]]:
        """Cuts a batch into microbatches; what is not per row is shared by all of them."""
        shared = {key: value for key, value in batch.items() if key not in _PER_ROW}
        return [
            {**shared, **{key: batch[key][at : at + microbatch_size] for key in _PER_ROW}}
            for at in range(0, len(batch["input_ids"]), microbatch_size)
        ]


def _check(
    tokenizer: PreTrainedTokenizerBase,
    max_seq_len: int,
    num_fewshot: int,
    mode: str,
    new_tokens: int,
) -> None:
    require(
        mode in MODES,
        f"`icl_tasks[].mode` of `code_evaluation` must be one of: {', '.join(MODES)}; got {mode!r} "
        "(programs cannot be run by this release, so completions cannot be judged by tests).",
    )
    require(
        num_fewshot == 0,
        f"`icl_tasks[].num_fewshot` must be [0] for infilling, got {num_fewshot}: the prompt is "
        "the document itself.",
    )
    require(
        isinstance(new_tokens, int) and new_tokens > 0,
        f"`icl_tasks[].max_new_tokens` must be an integer of at least 1, got {new_tokens!r}.",
    )
    require(
        max_seq_len - new_tokens > 2 * NUM_SENTINELS,
        f"`icl_tasks[].max_new_tokens` ({new_tokens}) leaves no room for a prompt in `max_seq_len` "
        f"({max_seq_len}); lower it.",
    )
    require(
        tokenizer.eos_token_id is not None,
        "`code_evaluation` needs a tokenizer with an end-of-text token; set `eos_token`.",
    )


def _special_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    marked = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return sorted(marked | set(tokenizer.all_special_ids))


def _example(problem: Problem, prompt: InfillingPrompt, max_tokens: int) -> Example:
    ids = prompt.encode(problem.prefix, problem.suffix, max_tokens)
    return {"input_ids": ids, "label": problem.middle, "task_id": problem.task_id}


def _load(dataset_uri: str) -> list[Problem]:
    require(
        not dataset_uri.startswith("hf://"),
        f"`icl_tasks[].dataset_uri` must name a file of problems, got {dataset_uri!r}; write the "
        "dataset as JSON lines with task_id, prefix, middle and suffix.",
    )
    if "://" not in dataset_uri:
        return read_problems(Path(dataset_uri))
    from composer.utils import get_file

    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "problems.jsonl"
        get_file(dataset_uri, str(local), progress_bar=False)
        return read_problems(local)
