# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rows to a batch: they have one length already, so they are stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from foundry_plugins.data.dataset import IGNORE, Row

# Fields of a row that the batch holds under the same name.
_STACKED = ("input_ids", "labels")
_COUNTS = ("num_bytes", "stored_tokens", "transformed_tokens", "dropped_tokens", "cut_tokens")


class CodeTextCollator:
    """Stacks rows of equal length.

    The batch holds ``input_ids`` and ``labels`` (B, T) int64, and (B,) int64: ``num_bytes`` (of the
    documents, behind the predicted tokens, for bits per byte), ``stored_tokens``,
    ``transformed_tokens`` (positions of fragments that were cut), ``dropped_tokens`` (those stored
    that made room for sentinels), ``cut_tokens`` (those of pairs that did not fit in) and
    ``sample_number`` (which sample of the data set in this epoch). The lists
    ``total_tokens`` and ``loss_generating_tokens`` are what Composer counts ``max_duration`` and
    weights microbatches by. With ``sequence_id`` also ``sequence_id`` (B, T): the fragment of each
    position; for a report ``report_group`` and ``report_bytes`` (B, T).
    """

    def __init__(self, pad_token_id: int, sequence_id: bool) -> None:
        self.pad_token_id = pad_token_id
        self.sequence_id = sequence_id

    def __call__(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Collates a batch."""
        batch: dict[str, Any] = {
            name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in _STACKED
        }
        for name in rows[0]["report"]:
            batch[name] = torch.from_numpy(np.stack([row["report"][name] for row in rows]))
        for name in _COUNTS:
            batch[name] = torch.tensor([row[name] for row in rows])
        batch["sample_number"] = torch.tensor([row["number"] for row in rows])
        batch["total_tokens"] = (batch["input_ids"] != self.pad_token_id).sum(dim=1).tolist()
        # The first position is given, not predicted.
        batch["loss_generating_tokens"] = (batch["labels"][:, 1:] != IGNORE).sum(dim=1).tolist()
        if self.sequence_id:
            batch["sequence_id"] = torch.from_numpy(np.stack([row["fragment"] for row in rows]))
        return batch
