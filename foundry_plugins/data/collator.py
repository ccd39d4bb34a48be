# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rows to a batch: labels without padding, token and byte counts, an optional document mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from foundry_plugins.data.dataset import Row

IGNORE = -100  # the label that Foundry's losses and metrics skip


class CodeTextCollator:
    """Stacks rows of equal length.

    The batch holds ``input_ids`` and ``labels`` (B, T) int64, ``num_bytes`` (B,) int64 (document
    bytes behind the predicted tokens, for bits per byte), and the lists ``total_tokens`` and
    ``loss_generating_tokens`` that Composer counts ``max_duration`` and weights microbatches by.
    With ``sequence_id`` also ``sequence_id`` (B, T): the fragment of each position.
    """

    def __init__(self, pad_token_id: int, sequence_id: bool) -> None:
        self.pad_token_id = pad_token_id
        self.sequence_id = sequence_id

    def __call__(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Collates a batch."""
        input_ids = torch.from_numpy(np.stack([row["input_ids"] for row in rows]))
        # Every token is learned but padding; <|endoftext|> and the sentinels are (section 3 of the
        # FIM paper: loss on all sections).
        labels = input_ids.masked_fill(input_ids == self.pad_token_id, IGNORE)
        batch: dict[str, Any] = {
            "input_ids": input_ids,
            "labels": labels,
            "num_bytes": torch.tensor([row["num_bytes"] for row in rows]),
            "total_tokens": (labels != IGNORE).sum(dim=1).tolist(),
            # The first position is given, not predicted.
            "loss_generating_tokens": (labels[:, 1:] != IGNORE).sum(dim=1).tolist(),
        }
        if self.sequence_id:
            batch["sequence_id"] = torch.from_numpy(np.stack([row["fragment"] for row in rows]))
        return batch
