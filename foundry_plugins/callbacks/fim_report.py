# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``fim_report``: validation by order and language, and what fill-in-the-middle costs in training.

Evaluation: for every eval loader with ``report: true``, over all ranks and batches,

    metrics/LABEL/bits_per_byte/MODE
    metrics/LABEL/bits_per_byte/LANGUAGE
    metrics/LABEL/bits_per_byte/MODE/LANGUAGE

and the same under ``loss``, in nats per token. MODE is ``left_to_right`` or an order of
fill-in-the-middle, LANGUAGE a language of the shards. Bits per byte are -log2 p summed over all
learned tokens of these fragments, sentinels and the end of text included, by the document bytes
that they stand for. Only groups that were seen are logged.

Training: ``fim/transformed_token_share``, the share of tokens in fragments that were cut (near
``fim.rate``, or something keeps them from it), ``fim/dropped_token_share``, that of tokens which
made room for sentinels, and ``fim/cut_token_share``, that of pairs which were too long, since they
were logged last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from composer.core import Callback, State
from composer.loggers import Logger
from composer.utils import dist
from torch.nn import functional as F

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.data.report import ReportGroups

_SECTION = "callbacks.fim_report"
_COUNTS = ("stored_tokens", "transformed_tokens", "dropped_tokens", "cut_tokens")
_NATS, _TOKENS, _BYTES = range(3)


class FimReport(Callback):
    """Loss by order and language, for loaders ``code_text``.

    Example:
        ```yaml
        callbacks:
          fim_report:
            interval_batches: 10
        eval_loader:
          name: code_text
          dataset:
            local: runs/quickstart/data
            split: validation
            shuffle: false
            max_seq_len: 64
            num_canonical_nodes: 1
            report: true
            fim: {rate: 0.5, reseed_each_epoch: false}
          drop_last: false
          num_workers: 0
        ```

    Args:
        interval_batches: How often the shares of training are logged.
        unknown: Any other key, which is refused.
    """

    def __init__(self, interval_batches: int = 10, **unknown: Any) -> None:
        reject_unknown_keys(_SECTION, unknown, ["interval_batches"])
        require(
            type(interval_batches) is int and interval_batches > 0,
            f"`{_SECTION}.interval_batches` must be a positive integer, got {interval_batches!r}.",
        )
        self.interval_batches = interval_batches
        self._counts = torch.zeros(len(_COUNTS), dtype=torch.int64)
        self._groups: ReportGroups | None = None
        self._sums = torch.zeros(0)

    def fit_start(self, state: State, logger: Logger) -> None:
        """Refuses a run that gives it nothing to report."""
        loaders = [evaluator.dataloader.dataloader for evaluator in state.evaluators]
        transforms = getattr(getattr(state.train_dataloader, "dataset", None), "fim", ())
        require(
            not loaders or any(map(_groups, loaders)) or any(transforms),
            f"`{_SECTION}` has nothing to report: no eval loader is a code_text with "
            "`dataset.report: true`, and the training loader cuts nothing; set one, or remove it.",
        )

    def after_dataloader(self, state: State, logger: Logger) -> None:
        """Counts a batch of training."""
        if isinstance(state.batch, Mapping) and all(name in state.batch for name in _COUNTS):
            self._counts += torch.stack([state.batch[name].sum().cpu() for name in _COUNTS])

    def batch_end(self, state: State, logger: Logger) -> None:
        """Logs the shares."""
        if state.timestamp.batch.value % self.interval_batches:
            return
        counts = state.device.tensor_to_device(self._counts)
        dist.all_reduce(counts, reduce_operation="SUM")
        stored, transformed, dropped, cut = counts.tolist()
        self._counts.zero_()
        if stored:
            logger.log_metrics(
                {
                    "fim/transformed_token_share": transformed / stored,
                    "fim/dropped_token_share": dropped / stored,
                    "fim/cut_token_share": cut / (stored + cut),
                }
            )

    def eval_start(self, state: State, logger: Logger) -> None:
        """An evaluator starts."""
        self._groups = _groups(state.dataloader)
        if self._groups is not None:
            sums = torch.zeros(3, len(self._groups.names), dtype=torch.float64)
            self._sums = state.device.tensor_to_device(sums)

    def eval_after_forward(self, state: State, logger: Logger) -> None:
        """Adds a microbatch."""
        if self._groups is None:
            return
        outputs: Any = state.outputs
        logits = outputs["logits"] if isinstance(outputs, Mapping) else outputs
        batch = state.batch
        fields = (batch["input_ids"], batch["report_group"], batch["report_bytes"])
        # A row at a time: in float32, all logits at once may not fit beside the model.
        for row_TV, ids_T, groups_T, bytes_T in zip(logits, *fields, strict=True):
            seen_T = groups_T[1:] >= 0
            losses = F.cross_entropy(
                row_TV[:-1][seen_T].float(), ids_T[1:][seen_T], reduction="none"
            ).double()
            values = torch.stack([losses, torch.ones_like(losses), bytes_T[1:][seen_T].double()])
            self._sums.index_add_(1, groups_T[1:][seen_T], values)

    def eval_end(self, state: State, logger: Logger) -> None:
        """An evaluator is done."""
        if self._groups is None:
            return
        dist.all_reduce(self._sums, reduce_operation="SUM")
        label = state.dataloader_label
        logger.log_metrics(
            {
                f"metrics/{label}/{name}": value
                for name, value in figures(self._groups.names, self._sums.cpu())
            }
        )
        self._groups = None


def figures(names: list[tuple[str, str]], sums: torch.Tensor) -> Iterator[tuple[str, float]]:
    """Metrics by name.

    Args:
        names: (mode, language) of each group.
        sums: Shape (3, groups): nats, tokens and bytes.
    """
    totals: dict[str, torch.Tensor] = {}
    for column, (mode, language) in zip(sums.T, names, strict=True):
        for key in (mode, language, f"{mode}/{language}"):
            totals[key] = totals.get(key, 0) + column
    for key, total in sorted(totals.items()):
        nats, tokens, num_bytes = total.tolist()
        if tokens:
            yield f"loss/{key}", nats / tokens
        if num_bytes:
            yield f"bits_per_byte/{key}", nats / math.log(2.0) / num_bytes


def _groups(dataloader: Any) -> ReportGroups | None:
    return getattr(getattr(dataloader, "dataset", None), "report", None)
