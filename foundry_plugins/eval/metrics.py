# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics that Composer updates once a batch: bits per byte, and infilling exact match."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from llmfoundry.eval.metrics import InContextLearningMetric
from torch.nn import functional as F
from torchmetrics import Metric

from foundry_plugins.eval.postprocess import infilled_middle, is_exact_match

IGNORE_INDEX = -100


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


class InfillExactMatchAccuracy(InContextLearningMetric):
    """Share of problems whose middle was reproduced exactly, surrounding blanks aside.

    For ``code_evaluation`` datasets in mode ``infilling``; the rule is that of SantaCoder's
    benchmark (Allal et al. 2023, arXiv 2301.03988). Foundry's tables and its gauntlet show metrics
    with "Accuracy" in their name. Other batches are passed over; if there was no other, the result
    is NaN.

    Example:
        ```yaml
        model:
          additional_train_metrics: [infill_exact_match]
        ```
    """

    full_state_update = False

    matches: torch.Tensor
    total: torch.Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("matches", default=torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(
        self, batch: Mapping[str, Any], outputs: Any, labels: Any
    ) -> dict[str, list[Any]] | None:
        """Adds one batch.

        Args:
            batch: Of `CodeEvaluationDataset`, its labels taken out.
            outputs: One generation a row.
            labels: One reference middle a row.

        Returns:
            What Foundry's ``eval_output_logging`` callback writes for every row.
        """
        if batch.get("mode") != "generate" or "single_line" not in batch:
            return None
        middles = [
            infilled_middle(
                text, single_line=batch["single_line"], added_space=batch["added_space"]
            )
            for text in outputs
        ]
        results = [int(is_exact_match(m, r)) for m, r in zip(middles, labels, strict=True)]
        self.matches += sum(results)
        self.total += len(results)
        return {"cleaned_output": middles, "original_label": labels, "result": results}

    def compute(self) -> torch.Tensor:
        """The share in [0, 1] over everything seen, on all ranks."""
        return self.matches / self.total
