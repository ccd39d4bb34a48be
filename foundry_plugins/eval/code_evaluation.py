# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The ``code_evaluation`` in-context-learning task: a model writes code and is judged by it.

Works wherever Foundry takes ``icl_tasks``: under ``llmfoundry eval`` and during training. A batch
is formed here, of prompts of like length with several samples each, and handed to the model's
``eval_forward`` (see `models.generates_code`), which generates, writes and judges; metrics only
count.

Each item of the data set is a whole batch, so that ranks divide batches. Foundry hands its own
``batch_size`` to the loader and not to the data set, and makes the sampler before it asks for a
size; hence the key ``batch_rows``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from composer.utils import dist
from torch.utils.data import Dataset

from foundry_plugins.contract.errors import require
from foundry_plugins.contract.log import logger
from foundry_plugins.eval import benchmarks, tasks
from foundry_plugins.eval.answering import Answering, Answers
from foundry_plugins.eval.generator import Generator
from foundry_plugins.eval.given import Given
from foundry_plugins.eval.judging import Sandbox, choose
from foundry_plugins.eval.prompts import Prompts
from foundry_plugins.eval.samples import Results
from foundry_plugins.eval.task_settings import TaskSettings
from foundry_plugins.eval.tasks import Part

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

MODE = "code_generation"
_log = logger(__name__)


@dataclasses.dataclass(frozen=True)
class Work:
    """A batch's part of the evaluation, to be done by whoever has the model."""

    dataset: CodeEvaluationDataset
    index: int

    def answer(self, model: Any) -> Answers:
        """Rows of the batch; ``model`` is one of transformers."""
        return self.dataset.answer(self.index, model)


class CodeEvaluationDataset(Dataset[int]):
    """Problems of a benchmark for ``icl_tasks``.

    Metrics: ``CodePassAt1Accuracy``, ``CodePassAt10Accuracy``, ``CodePassAt100Accuracy``, and
    ``InfillExactMatchAccuracy`` where the benchmark hides a text.

    Example:
        ```yaml
        icl_tasks:
        - label: own_problems
          icl_task_type: code_evaluation
          dataset_uri: own_problems
          metric_names: [CodePassAt1Accuracy]
          num_fewshot: [0]
          benchmark: humaneval
          n_samples: 2
          temperature: 0.2
          top_p: 0.95
          max_new_tokens: 4
        ```

    Args:
        dataset_uri: The benchmark's file: a local path, an address of an object store that
            Composer can read, or ``own_problems`` for the few that this package brings.
        tokenizer: The model's tokenizer.
        max_seq_len: Most tokens of a prompt and its answer together.
        pad_tok_id: Fills the left of shorter prompts.
        num_fewshot: Must be 0: the prompt is the benchmark's.
        destination_path: Given by Foundry and not used.
        hf_loading_vars: Given by Foundry and not used.
        hf_parsing_map: Given by Foundry and not used.
        keys: See `TaskSettings`; any other is refused.

    Raises:
        UserError: if a key is unknown or out of range, the file cannot be read, or there is no
            sandbox for its programs.
    """

    def __init__(
        self,
        dataset_uri: str,
        tokenizer: PreTrainedTokenizerBase,
        max_seq_len: int,
        pad_tok_id: int,
        num_fewshot: int = 0,
        destination_path: str = "",
        hf_loading_vars: Mapping[str, Any] | None = None,
        hf_parsing_map: Mapping[str, Any] | None = None,
        **keys: Any,
    ) -> None:
        require(
            num_fewshot == 0,
            f"`icl_tasks[].num_fewshot` must be [0], got {num_fewshot}: the prompt is the "
            "benchmark's.",
        )
        # Foundry's eval_output_logging callback reads these two.
        self.tokenizer, self.pad_tok_id = tokenizer, pad_tok_id
        self._settings = TaskSettings.of(keys)
        find = benchmarks.find if self._settings.samples_file is None else benchmarks.find_plain
        self.benchmark = find(self._settings.benchmark, self._settings.rules)
        self._file = tasks.read(self.benchmark, dataset_uri)
        self.tasks = self._file.tasks
        self._new_tokens = self._settings.max_new_tokens or self.benchmark.max_new_tokens
        self._prompts = self._encoder(max_seq_len)
        self._ids = [self._prompts.encode(task) for task in self.tasks]
        if self._prompts.cut:
            _warn(
                f"{dataset_uri}: {self._prompts.cut} prompts lose what goes beyond "
                f"{self._prompts.max_tokens} tokens (`max_seq_len` less `max_new_tokens`)."
            )
        self._given = self._read_given()
        self.n_samples = self._given.n_samples if self._given else self._settings.n_samples
        lengths = [len(ids) for ids in self._ids]
        self.parts = tasks.parts(self.tasks, lengths, self.n_samples, self.batch_rows)
        self._answering = self._make_answering(dataset_uri)

    def _encoder(self, max_seq_len: int) -> Prompts:
        infilling = any(task.suffix is not None for task in self.tasks)
        return Prompts(
            *(self.tokenizer, infilling, self._room(max_seq_len)),
            *(self._settings.format, self._settings.sentinels),
        )

    def _room(self, max_seq_len: int) -> int | None:
        """Of a prompt; given answers need none."""
        given = self._settings.samples_file is not None
        return None if given else max_seq_len - self._new_tokens

    def _read_given(self) -> Given | None:
        path = self._settings.samples_file
        return None if path is None else Given(Path(path), self.tasks)

    def _make_answering(self, dataset_uri: str) -> Answering:
        settings = self._settings
        ranks, limits = dist.get_local_world_size(), self.benchmark.limits
        self.sandbox = Sandbox.of(settings.sandbox, ranks, limits)
        judge, self.lacking = choose(self.benchmark, self.tasks, settings.judge, self.sandbox)
        for language, reason in self.lacking.items():
            _warn(f"{dataset_uri} ({language}) is not judged here: {reason}.")
        generator = self._given or Generator(
            *(self.benchmark, self.tasks, self._ids, self.tokenizer),
            *(settings.how, settings.seed, self._new_tokens),
        )
        least = 1 if self._given else self.n_samples
        return Answering(self.tasks, generator, judge, frozenset(self.lacking), least)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> int:
        return index

    @property
    def batch_rows(self) -> int:
        """Samples that are generated at a time."""
        return self._settings.batch_rows

    @property
    def num_answers(self) -> int:
        """Samples of all problems."""
        return len(self.tasks) * self.n_samples

    def settings(self) -> dict[str, Any]:
        """What decides the answers, weights aside."""
        return {
            **{"benchmark": self.benchmark.name, "rules": self.benchmark.rules},
            **{"judged": self.benchmark.judged, "file_sha256": self._file.sha256},
            "languages": sorted({task.language for task in self.tasks}),
            **{"n_samples": self.n_samples, "seed": self._settings.seed},
            "decoding": dataclasses.asdict(self._settings.how),
            "max_new_tokens": self._new_tokens,
            "samples_sha256": self._given.sha256 if self._given else None,
            "prompt": {
                "text": tasks.prompt_text(self.tasks),
                "order": self._prompts.order,
                "max_tokens": self._prompts.max_tokens,
                "cut": self._prompts.cut,
                # The vocabulary decides too.
                "ids_sha256": hashlib.sha256(json.dumps(self._ids).encode()).hexdigest(),
            },
        }

    def texts(self) -> list[dict[str, Any]]:
        """The tasks for readers of results."""
        return [tasks.texts(self.benchmark, task) for task in self.tasks]

    def open(self, results: Results | None) -> None:
        """Has answers read from and written to a folder from now on; None for no folder."""
        self._answering.open(results)

    def answer(self, index: int, model: Any) -> Answers:
        """Rows of a batch.

        Composer's sampler gives rank r the batches r, r + ranks, ...; where ranks are left over in
        the last round, they get batches of others again, which count once only.
        """
        ranks, rank = dist.get_world_size(), dist.get_global_rank()
        mine = index % ranks == rank
        following = self._following(index, ranks) if mine else None
        answers = self._answering.answer(model, self.parts[index], mine, following)
        if index + ranks >= len(self.parts):
            self._answering.rest()
        return answers

    def _following(self, index: int, ranks: int) -> tuple[Part, bool] | None:
        """The batch after one of this rank's own, and whether it is its own too."""
        if index // ranks + 1 == math.ceil(len(self.parts) / ranks):
            return None
        number = index + ranks
        mine = number < len(self.parts)
        return self.parts[number % len(self.parts)], mine

    def collate_fn(self, items: Sequence[int]) -> dict[str, Any]:
        """A batch; its tensors are for other models' ``forward`` and for Foundry's callbacks."""
        (index,) = items
        rows = [self._ids[number] for number, _ in self.parts[index].rows()]
        width = max(len(ids) for ids in rows)
        input_ids = torch.full((len(rows), width), self.pad_tok_id)
        attention_mask = torch.zeros_like(input_ids, dtype=torch.bool)
        for row, ids in enumerate(rows):
            input_ids[row, width - len(ids) :] = torch.tensor(ids)
            attention_mask[row, width - len(ids) :] = True
        return {
            **{"mode": MODE, "work": Work(self, index), "input_ids": input_ids},
            **{"attention_mask": attention_mask, "labels": input_ids.clone()},
        }

    def get_num_samples_in_batch(self, batch: Mapping[str, Any]) -> int:
        """Items of a batch: Composer compares their number with the length of the data set."""
        return 1

    def get_effective_batch_size(self, batch_size: int) -> int:
        """One item, which is a batch already."""
        return 1

    def split_batch(self, batch: Mapping[str, Any], microbatch_size: int) -> list[Any]:
        """Batches stay whole."""
        return [batch]


def _warn(message: str) -> None:
    if dist.get_global_rank() == 0:
        _log.warning(message)
