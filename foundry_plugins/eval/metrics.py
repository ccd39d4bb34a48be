# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics that Composer updates once a batch: bits per byte, pass@k, and infilling exact match."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import torch
from llmfoundry.eval.metrics import InContextLearningMetric
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from foundry_plugins.contract.errors import require
from foundry_plugins.contract.log import logger
from foundry_plugins.eval.answering import Answers, Row
from foundry_plugins.eval.pass_at_k import mean_pass_at_k

IGNORE_INDEX = -100
_UNKNOWN = -1  # whether a sample is right
_log = logger(__name__)


class BitsPerByte(Metric):
    r"""Compression of the documents' text in bits per byte, comparable between vocabularies.

    .. math:: \frac{\sum_{predicted tokens} -\ln p}{\ln 2 \cdot bytes}

    Bytes come from the batch: ``num_bytes``, shape (B,), counts for each row the UTF-8 bytes of
    document text that its predicted tokens stand for. Special tokens cost bits and stand for no
    byte. Batches of loaders that do not count bytes are passed over; if there was no other, the
    result is NaN.

    Example:
        ```yaml
        model:
          additional_train_metrics: [bits_per_byte]
        ```
    """

    full_state_update = False
    # Asks Composer for update(batch=, outputs=, labels=).
    needs_batch = True

    nats: torch.Tensor
    num_bytes: torch.Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # float32 would drop nats once a billion of them are summed.
        zero = torch.tensor(0.0, dtype=torch.float64)
        self.add_state("nats", default=zero, dist_reduce_fx="sum")
        self.add_state("num_bytes", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, batch: Mapping[str, Any], outputs: Any, labels: torch.Tensor) -> None:
        """Adds one batch.

        Args:
            batch: May hold ``num_bytes``.
            outputs: Logits (B, T, V), or a mapping that holds them.
            labels: Shape (B, T), shifted: column t is what the logits of column t predict.
        """
        if "num_bytes" not in batch:
            return
        logits = outputs["logits"] if isinstance(outputs, Mapping) else outputs
        for row_TV, labels_T in zip(logits, labels, strict=True):
            # A row at a time: in float32, all logits at once may not fit beside the model.
            self.nats += F.cross_entropy(
                row_TV.float(), labels_T, ignore_index=IGNORE_INDEX, reduction="sum"
            )
        self.num_bytes += batch["num_bytes"].sum()

    def compute(self) -> torch.Tensor:
        """Bits per byte over everything seen, on all ranks."""
        return (self.nats / math.log(2.0) / self.num_bytes).float()


class CodePassAt1Accuracy(InContextLearningMetric):
    """The unbiased pass@1 of a ``code_evaluation`` task (see `pass_at_k`), as a share in [0, 1].

    NaN unless every problem was seen with all its samples, and has at least k that were judged: the
    first problems are no fair sample of all. Batches of other tasks are passed over.
    Foundry's tables and its gauntlet show metrics with "Accuracy" in their name, and a YAML's
    ``metric_names`` are patterns: this name matches none of the others.

    Example:
        ```yaml
        model:
          additional_train_metrics: [bits_per_byte]
        icl_tasks:
        - label: own_problems
          icl_task_type: code_evaluation
          dataset_uri: own_problems
          metric_names: [CodePassAt1Accuracy]
          num_fewshot: [0]
          benchmark: humaneval
          max_new_tokens: 4
        ```
    """

    full_state_update = False
    k = 1

    # (task, sample, passed or _UNKNOWN) of each row, one after the other. Flat and of the metric's
    # own type, because that is what torchmetrics puts in for a rank that saw no batch.
    seen: list[torch.Tensor]
    # Of the whole task: how many problems, and the fewest samples of one.
    tasks: torch.Tensor
    least: torch.Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("seen", default=[], dist_reduce_fx="cat")
        # A rank that saw no batch does not know them.
        self.add_state("tasks", default=torch.tensor(0), dist_reduce_fx="max")
        self.add_state("least", default=torch.tensor(0), dist_reduce_fx="max")

    @staticmethod
    def is_right(row: Row) -> bool | None:
        """What is counted of a row; None where nothing can be said."""
        return row.passed

    def update(
        self, batch: Mapping[str, Any], outputs: Any, labels: Any
    ) -> dict[str, list[Any]] | None:
        """Adds one batch.

        Args:
            batch: Of any task.
            outputs: `Answers`, if the batch is one of `CodeEvaluationDataset`.
            labels: Not read.

        Returns:
            What Foundry's ``eval_output_logging`` callback writes for every row.

        Raises:
            UserError: if the model gave logits instead of answers.
        """
        if "work" not in batch:
            return None
        require(
            isinstance(outputs, Answers),
            "This model cannot be evaluated by `code_evaluation`; set `model.name` to "
            "`code_hf_causal_lm` (any causal model of transformers) or `code_mpt_causal_lm`.",
        )
        rows = outputs.rows
        self.tasks, self.least = (
            torch.tensor(count, device=self.device) for count in (outputs.tasks, outputs.least)
        )
        right = [self.is_right(row) for row in rows]
        found = [
            (row.task, row.sample, _UNKNOWN if passed is None else passed)
            for row, passed in zip(rows, right, strict=True)
        ]
        self.seen.append(torch.tensor(found, dtype=self.dtype, device=self.device).flatten())
        return {
            **{"task_id": [row.task_id for row in rows], "sample": [row.sample for row in rows]},
            "cleaned_output": [row.completion for row in rows],
            **{"kind": [row.kind for row in rows], "result": right},
        }

    def compute(self) -> torch.Tensor:
        """The mean over problems, on all ranks."""
        flat = dim_zero_cat(self.seen) if len(self.seen) else torch.empty(0)
        by_task: dict[int, dict[int, int]] = {}
        for task, sample, passed in flat.reshape(-1, 3).long().tolist():
            # A sampler that repeats batches to make ranks equal does no harm.
            by_task.setdefault(task, {})[sample] = passed
        if not by_task or not self._is_whole(by_task):
            return torch.tensor(math.nan)
        known = [[p for p in found.values() if p != _UNKNOWN] for found in by_task.values()]
        counts = [(len(passed), sum(passed)) for passed in known if passed]
        value = mean_pass_at_k(counts, self.k)
        return torch.tensor(math.nan if value is None else value)

    def _is_whole(self, by_task: Mapping[int, Mapping[int, int]]) -> bool:
        if len(by_task) == self.tasks and all(len(x) >= self.least for x in by_task.values()):
            return True
        _say_partial(len(by_task), int(self.tasks))
        return False


@functools.lru_cache(maxsize=64)
def _say_partial(seen: int, tasks: int) -> None:
    _log.warning(
        "Samples of %d of %d problems were seen, which says nothing of all: the metric is NaN. "
        "Leave out `icl_subset_num_batches` and `eval_subset_num_batches`.",
        *(seen, tasks),
    )


class CodePassAt10Accuracy(CodePassAt1Accuracy):
    """The unbiased pass@10, otherwise as `CodePassAt1Accuracy`.

    Example:
        ```yaml
        icl_tasks:
        - label: infilling
          icl_task_type: code_evaluation
          dataset_uri: runs/quickstart/infilling_problems.jsonl
          metric_names: [CodePassAt10Accuracy]
          num_fewshot: [0]
          benchmark: infilling_problems
          n_samples: 10
          temperature: 0.6
          max_new_tokens: 4
        ```
    """

    k = 10


class CodePassAt100Accuracy(CodePassAt1Accuracy):
    """The unbiased pass@100, otherwise as `CodePassAt1Accuracy`.

    Example:
        ```yaml
        icl_tasks:
        - label: infilling
          icl_task_type: code_evaluation
          dataset_uri: runs/quickstart/infilling_problems.jsonl
          metric_names: [CodePassAt100Accuracy]
          num_fewshot: [0]
          benchmark: infilling_problems
          n_samples: 100
          decoding: codex_pass_at_100
          batch_rows: 200
          max_new_tokens: 2
        ```
    """

    k = 100


class InfillExactMatchAccuracy(CodePassAt1Accuracy):
    """Share of samples that are exactly what was hidden, surrounding blanks aside.

    The rule is that of SantaCoder's benchmark (Allal et al. 2023, arXiv 2301.03988), counted for
    every ``code_evaluation`` task that knows an answer, whoever else judges it.

    Example:
        ```yaml
        icl_tasks:
        - label: infilling
          icl_task_type: code_evaluation
          dataset_uri: runs/quickstart/infilling_problems.jsonl
          metric_names: [InfillExactMatchAccuracy]
          num_fewshot: [0]
          benchmark: infilling_problems
          format: spm2
          max_new_tokens: 8
        ```
    """

    @staticmethod
    def is_right(row: Row) -> bool | None:
        """What is counted of a row."""
        return row.exact
