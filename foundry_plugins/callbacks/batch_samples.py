# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which samples a batch holds, in words that find them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from composer.core import State
from composer.utils import dist

NUMBERS = "sample_number"  # of a batch: (B,) int64, numbers of the data set's samples


def rows(batch: Any) -> int:
    """How many samples a batch or microbatch has."""
    values = batch.values() if isinstance(batch, Mapping) else batch
    return next(len(value) for value in values if isinstance(value, torch.Tensor))


def samples(state: State, batch: Any) -> list[Any]:
    """The samples of a batch on all ranks; every rank calls it.

    With a ``sample_number`` in the batch: its values, or for a data set that knows their places
    [stream, position in the stream, showing in the epoch]. Otherwise where in the epoch's order
    the batch begins, which with the loader's seed decides its samples:
    [{"epoch", "first", "count"}].
    """
    if not isinstance(batch, Mapping) or NUMBERS not in batch:
        count = sum(dist.all_gather_object(rows(batch)))
        time = state.timestamp
        return [{"epoch": int(time.epoch), "first": int(time.sample_in_epoch), "count": count}]
    dataset: Any = getattr(state.train_dataloader, "dataset", None)
    here = batch[NUMBERS].tolist()
    if hasattr(dataset, "place"):
        here = [list(dataset.place(number)) for number in here]
    # Sorted, so that another number of ranks gives the same.
    return sorted(sample for rank in dist.all_gather_object(here) for sample in rank)
