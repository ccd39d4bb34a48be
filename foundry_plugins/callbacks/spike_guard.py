# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``spike_guard``: what to do about a batch whose loss or gradient leaps or is not finite.

A spike is a loss or a gradient norm (before clipping) whose robust z against the last batches
(`spikes.py`) is above a threshold, or that is not finite. Then, decided from numbers that all ranks
share, before the optimizer's step:

* ``log``: says which samples the batch held.
* ``skip``: no step. All gradients become None, at which optimizers pass a parameter by; with zeros
  Lion would still move it by its momentum and its decay. Time and schedules go on.
* ``rollback``: notes the batch in a ledger (`spike_ledger.py`) and ends the process with status 75,
  the EX_TEMPFAIL of sysexits.h. The same command run again, with ``autoresume: true``, loads the
  last checkpoint and takes no step on the noted batch and ``margin`` batches on either side. So
  PaLM was trained (Chowdhery et al. 2022, arXiv 2204.02311, section 5.1), from a checkpoint about
  100 batches before a spike and without 200 to 500 batches; they found the same batches harmless
  elsewhere, so data alone is not to blame.

Nothing is added to checkpoints: what the window needs after a resume is in the ledger too, so a
resumed run decides as an uninterrupted one, and any checkpoint can be resumed with it.

Metrics, under ``foundry_plugins/spike_guard/``: ``loss_z``, ``norm_z``, ``gradient_norm`` (under
hybrid sharding too large by the square root of the replicas, which z does not see) and
``skipped_batches``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from composer.callbacks import CheckpointSaver
from composer.core import Callback, State
from composer.loggers import Logger
from composer.utils import dist, format_name_with_dist

from foundry_plugins.callbacks.batch_measures import BatchMeasures
from foundry_plugins.callbacks.batch_samples import samples
from foundry_plugins.callbacks.leaving import leave
from foundry_plugins.callbacks.spike_ledger import (
    ROLLBACK,
    SEEN,
    SKIPPED,
    SPIKE,
    Record,
    append,
    is_rollback,
    take_up,
)
from foundry_plugins.callbacks.spikes import Window
from foundry_plugins.contract.errors import (
    UserError,
    did_you_mean,
    reject_unknown_keys,
    require,
)
from foundry_plugins.contract.log import logger

ROLLBACK_STATUS = 75
_LOG, _SKIP = "log", "skip"
_ACTIONS = (_LOG, _SKIP, ROLLBACK)
_SECTION = "callbacks.spike_guard"
_METRICS = "foundry_plugins/spike_guard"
_KEYS = ("action", "window", "threshold", "budget", "margin", "ledger")

log = logger(__name__)


class SpikeGuard(Callback):
    """Watches loss and gradients, for LLM Foundry's ``callbacks`` registry.

    ```yaml
    callbacks:
      spike_guard:
        action: rollback
        window: 128
        threshold: 8.0
        budget: 10
    ```

    Args:
        action: ``log``, ``skip`` or ``rollback``.
        window: How many earlier batches a batch is measured against; until there are that many,
            only what is not finite counts.
        threshold: Above which robust z a value is a spike.
        budget: How many batches may be skipped, or rollbacks made, in the whole run.
        margin: With rollback, how many batches before and after are passed by too.
        ledger: The file; default ``SAVE_FOLDER.spike_guard.jsonl``, beside the save folder.
    """

    def __init__(
        self,
        action: str = _LOG,
        window: int = 128,
        threshold: float = 8.0,
        budget: int = 10,
        margin: int = 0,
        ledger: str | None = None,
        **unknown: Any,
    ) -> None:
        reject_unknown_keys(_SECTION, unknown, _KEYS)
        if action not in _ACTIONS:
            raise UserError(
                f"`{_SECTION}.action` must be one of {', '.join(_ACTIONS)}, "
                f"got {action!r}{did_you_mean(str(action), _ACTIONS)}."
            )
        for key, value, least in (
            ("window", window, 2),
            ("budget", budget, 1),
            ("margin", margin, 0),
        ):
            require(
                type(value) is int and value >= least,
                f"`{_SECTION}.{key}` must be a whole number of at least {least}, got {value!r}.",
            )
        require(
            type(threshold) in (int, float) and threshold > 0,
            f"`{_SECTION}.threshold` must be a number above 0, got {threshold!r}.",
        )
        require(
            margin == 0 or action == ROLLBACK,
            f"`{_SECTION}.margin` has no meaning with action {action}; remove it, or set rollback.",
        )
        self.action, self.size, self.threshold = action, window, float(threshold)
        self.budget, self.margin = budget, margin
        self.ledger = None if ledger is None else Path(ledger)
        self._losses, self._norms = Window(window), Window(window)
        self._rollbacks: list[Record] = []
        self._spent = 0
        self._skipped = 0
        self._measures: BatchMeasures | None = None

    def init(self, state: State, logger: Logger) -> None:
        """Finds where the ledger lies."""
        savers = [c for c in state.callbacks if isinstance(c, CheckpointSaver)]
        # A folder on an object store is a temporary one on this machine.
        if self.ledger is None and savers and savers[0].remote_uploader is None:
            folder = Path(format_name_with_dist(savers[0].folder, state.run_name))
            self.ledger = folder.with_name(f"{folder.name}.spike_guard.jsonl")

    def after_load(self, state: State, logger: Logger) -> None:
        """Takes up what was noted before the checkpoint that was loaded, the same on all ranks."""
        require(
            self.ledger is not None or self.action == _LOG,
            f"`{_SECTION}.action` {self.action} needs a file for its ledger; set a local "
            f"`save_folder` (and `autoresume: true`), or `{_SECTION}.ledger` to a file that stays.",
        )
        found: list[Any] = [None]
        if self.ledger is not None and dist.get_global_rank() == 0:
            found = [take_up(self.ledger, int(state.timestamp.batch))]
        dist.broadcast_object_list(found)
        records: list[Record] = found[0] or []
        seen = [r for r in records if r["kind"] == SEEN][-self.size :]
        self._losses = Window(self.size, [r["loss"] for r in seen])
        self._norms = Window(self.size, [r["norm"] for r in seen])
        self._rollbacks = [r for r in records if is_rollback(r)]
        self._spent = sum(r["kind"] == SPIKE and r["action"] == self.action for r in records)
        self._skipped = sum(
            r["kind"] == SKIPPED or (r["kind"] == SPIKE and r["action"] == _SKIP) for r in records
        )

    def before_train_batch(self, state: State, logger: Logger) -> None:
        """Starts a batch."""
        self._measures = BatchMeasures(state)

    def after_loss(self, state: State, logger: Logger) -> None:
        """Takes a microbatch's loss."""
        if self._measures is not None:
            self._measures.add_loss(state)

    def after_backward(self, state: State, logger: Logger) -> None:
        """Takes the gradient, before anything clips it."""
        if self._measures is not None:
            self._measures.add_gradient(state)

    def after_train_batch(self, state: State, logger: Logger) -> None:
        """Judges the batch and acts, before the step."""
        if self._measures is None:
            return
        batch = int(state.timestamp.batch)
        loss, norm = self._measures.over_ranks(state)
        if self._is_noted(state, batch):
            self._pass_by(state)
            self._note({"kind": SKIPPED, "batch": batch})
            log.warning("spike_guard: no step on batch %d, as the ledger says.", batch)
        else:
            z = {"loss": self._losses.z(loss), "norm": self._norms.z(norm)}
            logger.log_metrics(
                {f"{_METRICS}/{name}_z": v for name, v in z.items() if math.isfinite(v)}
            )
            reason = max(z, key=lambda name: z[name])
            if z[reason] > self.threshold:
                self._act(state, batch, reason, z[reason], {"loss": loss, "norm": norm})
            if z[reason] <= self.threshold or (self.action == _LOG and math.isfinite(z[reason])):
                # Where nothing is done, what stays high becomes the new measure.
                self._losses.add(loss)
                self._norms.add(norm)
                self._note({"kind": SEEN, "batch": batch, "loss": loss, "norm": norm})
        logger.log_metrics(
            {f"{_METRICS}/gradient_norm": norm, f"{_METRICS}/skipped_batches": self._skipped}
        )

    def _is_noted(self, state: State, batch: int) -> bool:
        near = [r for r in self._rollbacks if abs(r["batch"] - batch) <= self.margin]
        exact = [r for r in near if r["batch"] == batch]
        if exact and exact[-1]["samples"] != samples(state, state.batch):
            log.warning(
                "spike_guard: batch %d holds other samples than when %s was written, so it is not "
                "passed by; data or batch size have changed: move the ledger away.",
                batch,
                self.ledger,
            )
            return False
        return bool(near)

    def _act(
        self, state: State, batch: int, reason: str, z: float, values: dict[str, float]
    ) -> None:
        found = samples(state, state.batch)
        log.warning(
            "spike_guard: batch %d: loss %g, gradient norm %g (z of the %s %.1f): %s. Samples: %s",
            *(batch, values["loss"], values["norm"], reason, z, self.action, found),
        )
        self._spent += 1
        used_up = self.action != _LOG and self._spent > self.budget
        if not used_up:
            record = {"kind": SPIKE, "batch": batch, "action": self.action, "reason": reason}
            self._note({**record, "z": z, **values, "samples": found})
        require(
            not used_up,
            f"`{_SECTION}.budget` of {self.budget} is used up: batch {batch} has loss "
            f"{values['loss']:g} and gradient norm {values['norm']:g}. See {self.ledger} for all "
            "spikes; lower the learning rate, clean the data, or raise the budget.",
        )
        if self.action == _SKIP:
            self._pass_by(state)
        if self.action == ROLLBACK:
            leave(
                ROLLBACK_STATUS,
                f"spike_guard: batch {batch} is in {self.ledger}. Exit status {ROLLBACK_STATUS}: "
                "run the same command again to go on from the last checkpoint without it.",
            )

    def _pass_by(self, state: State) -> None:
        self._skipped += 1
        for parameter in state.model.parameters():
            parameter.grad = None

    def _note(self, record: Record) -> None:
        if self.ledger is not None and dist.get_global_rank() == 0:
            append(self.ledger, record)
