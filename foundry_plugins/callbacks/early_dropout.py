# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``early_dropout``: dropout that starts at the model's own value and falls to exactly 0.

Liu et al. 2023, "Dropout Reduces Underfitting" (arXiv 2303.01500): dropout during the first part of
training only makes the gradients of batches agree more, and the final training loss lower. Here
with a falling probability, as Refact did (0.1 to 0 over the first 20 % of the run):

    p(t) = p0 * shape(t / t_end), exactly 0 from t >= t_end

with t the time at which the batch starts, one p for all its microbatches, and p0 each place's own
value as built from the YAML. Nothing is stored: p follows from the timestamp, so a resumed run has
the p of an uninterrupted one.

Under ``compile_config`` each new p is a new graph and torch stops compiling after a few of them;
train without it, or with no dropout.
"""

from __future__ import annotations

from typing import Any

import torch
from composer.core import Callback, State
from composer.loggers import Logger
from composer.utils import dist

from foundry_plugins.callbacks.dropout_sites import DropoutSite, dropout_sites
from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.contract.stateless_hash import hash64
from foundry_plugins.schedules.shapes import find_shape
from foundry_plugins.schedules.times import length, now, parse_span

_KEYS = ("t_end", "schedule")


class EarlyDropout(Callback):
    """Falling dropout for LLM Foundry's ``callbacks`` registry.

    ```yaml
    model:
      resid_pdrop: 0.1
    callbacks:
      early_dropout:
        t_end: 0.2dur
        schedule: linear
    ```

    Args:
        t_end: Time from which there is no dropout, in ba, tok, sp, ep or dur.
        schedule: A shape of ``schedules/shapes.py`` by which p falls.
    """

    def __init__(self, t_end: str | None = None, schedule: str = "linear", **unknown: Any) -> None:
        reject_unknown_keys("callbacks.early_dropout", unknown, _KEYS)
        self.t_end = parse_span("callbacks.early_dropout.t_end", t_end)
        require(
            self.t_end.amount > 0,
            f"`callbacks.early_dropout.t_end` must be longer than 0, got {t_end}; to train without "
            "dropout leave the callback out.",
        )
        self.shape = find_shape("callbacks.early_dropout.schedule", schedule)
        self._sites: list[DropoutSite] = []

    def before_load(self, state: State, logger: Logger) -> None:
        """Notes each place's own p: the model is whole now, and no batch has run yet."""
        self._sites = dropout_sites(state.model)
        require(
            len(self._sites) > 0,
            "`callbacks.early_dropout` found no dropout above 0 in the model; set "
            "`model.resid_pdrop`, `model.emb_pdrop` or `model.attn_config.attn_pdrop` to the "
            "value to start from, or leave the callback out.",
        )

    def fit_start(self, state: State, logger: Logger) -> None:
        """Sets p once after a load."""
        self._apply(state)

    def batch_start(self, state: State, logger: Logger) -> None:
        """Sets and logs the batch's p (the largest, where places differ)."""
        # The host restores random states only at the start of an epoch. Masks decided by the batch
        # are the same in a run that was resumed.
        batch = int(state.timestamp.batch)
        torch.manual_seed(hash64(state.rank_zero_seed, dist.get_global_rank(), batch) >> 1)
        factor = self._apply(state)
        largest = max(site.p for site in self._sites)
        logger.log_metrics({"foundry_plugins/early_dropout/p": largest * factor})

    def _apply(self, state: State) -> float:
        end = length(self.t_end, state)
        progress = now(state, end.clock) / end.amount
        factor = self.shape(float(progress)) if progress < 1 else 0.0
        for site in self._sites:
            site.scale(factor)
        return factor
