# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``learning_rate_override``: the YAML's optimizer settings for a run that continues a checkpoint.

Composer restores the learning rate and weight decay from a checkpoint, and the YAML's have no
effect; leaving parts out by ``load_ignore_keys`` mixes old and new, so that decay or schedule is
off by their ratio. This callback takes the YAML's, once, after the checkpoint has been loaded:

* each group's settings (lr, initial_lr, weight decay, betas) become those that the YAML built, the
  schedulers' base rates too, and the rate is set to what the schedule says for the next batch;
* ``momentum`` is kept, or set to 0 everywhere;
* ``time`` starts again at 0, or goes on. A ``max_duration`` that goes on counts the old run too;
* ``data`` is new: the first sample of the first epoch comes next; or the same, and goes on.

That it was done, and where, is kept in this run's own checkpoints, under its ``run_name``:
resuming them, by ``autoresume`` or ``load_path``, changes nothing any more, and the schedule
``rewarm`` counts from the same origin. A run of another name that continues this one overrides
anew. The checkpoint that is taken over need not know this callback, sharded ones included.
"""

from __future__ import annotations

from typing import Any

import torch
from composer.core import Callback, State, Timestamp
from composer.loggers import Logger

from foundry_plugins.contract.errors import (
    UserError,
    did_you_mean,
    reject_unknown_keys,
    require,
)
from foundry_plugins.contract.log import logger
from foundry_plugins.host import make_callback_state_optional
from foundry_plugins.schedules.origin import KeepsOrigin, Origin

log = logger(__name__)

_SECTION = "callbacks.learning_rate_override"
_CHOICES = {
    "momentum": ("keep", "reset"),
    "time": ("restart", "keep"),
    "data": ("new", "same"),
}
_VERSION = 1


class LearningRateOverride(Callback, KeepsOrigin):
    """Takes the YAML's optimizer settings over a checkpoint's, for the ``callbacks`` registry.

    ```yaml
    scheduler:
      name: rewarm
      t_warmup: 2ba
      t_cooldown: rest
      cooldown: cosine
    callbacks:
      learning_rate_override:
        momentum: keep
        time: restart
        data: new
    ```

    Args:
        momentum: ``keep`` the optimizer's state, or ``reset`` it to 0.
        time: ``restart`` the clocks at 0, or ``keep`` them.
        data: ``new``: start with the loader's first sample; ``same``: go on where the old run was,
            which needs ``time: keep``.
    """

    def __init__(
        self,
        momentum: str = "keep",
        time: str = "restart",
        data: str = "new",
        **unknown: Any,
    ) -> None:
        reject_unknown_keys(_SECTION, unknown, _CHOICES)
        for key, value in (("momentum", momentum), ("time", time), ("data", data)):
            if value not in _CHOICES[key]:
                raise UserError(
                    f"`{_SECTION}.{key}` must be one of {', '.join(_CHOICES[key])}, "
                    f"got {value!r}{did_you_mean(str(value), _CHOICES[key])}."
                )
        require(
            data == "new" or time == "keep",
            f"`{_SECTION}.data` same goes on in the middle of the old run's data, which needs "
            f"`{_SECTION}.time: keep`; set that, or `data: new`.",
        )
        self.momentum, self.time, self.data = momentum, time, data
        self.run_name = ""
        self.done_by = ""  # the run that this was done in; empty before
        self._built: list[dict[str, Any]] = []
        self._first_sample: dict[str, Any] | None = None

    def before_load(self, state: State, logger: Logger) -> None:
        """Notes what the YAML built, before a checkpoint replaces it."""
        make_callback_state_optional(state)
        # Composer's checkpoints bring the old run's name along.
        self.run_name = state.run_name
        self.origin, self.done_by = None, ""
        self._built = [
            {key: value for key, value in group.items() if key != "params"}
            for group in state.optimizers[0].param_groups
        ]
        dataset = _train_dataset(state)
        if self.data == "new" and hasattr(dataset, "state_dict"):
            self._first_sample = dataset.state_dict(0, True)

    def after_load(self, state: State, logger: Logger) -> None:
        """Overrides, unless this is a checkpoint of this very run."""
        require(
            state.load_path is not None,
            f"`{_SECTION}` found no checkpoint to continue: `load_path` is not set; set it, or "
            "remove the callback.",
        )
        if self.done_by == self.run_name:
            return
        self._override(state)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs; the same keys before and after."""
        origin = self.origin or Origin()
        return {
            "version": _VERSION,
            "done_by": self.done_by,
            "batch": origin.batch,
            "sample": origin.sample,
            "token": origin.token,
            "lr_share": origin.lr_share,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Reads `state_dict`; what another run did is not this run's doing."""
        if not state or state["done_by"] != self.run_name:
            return
        self.done_by = state["done_by"]
        self.origin = Origin(state["batch"], state["sample"], state["token"], state["lr_share"])

    def _override(self, state: State) -> None:
        groups = state.optimizers[0].param_groups
        continued = state.timestamp.batch.value > 0
        old = float(groups[0]["lr"])
        peak = _peak(self._built[0])
        share = old / peak if continued and peak > 0 else 0.0
        for group, built in zip(groups, self._built, strict=True):
            group.update(built)
        if self.momentum == "reset":
            _set_to_zero(state.optimizers[0])
        if self.data == "new":
            self._start_data_anew(state)
        if self.time == "restart":
            state.timestamp = Timestamp()
        now = state.timestamp
        self.origin = Origin(now.batch.value, now.sample.value, now.token.value, share)
        self.done_by = self.run_name
        self._set_rates(state)
        log.warning(
            "learning_rate_override: lr %g, weight decay %g (YAML, peak lr %g), after lr %g in the "
            "checkpoint; momentum: %s, time: %s, data: %s.",
            float(groups[0]["lr"]),
            float(groups[0].get("weight_decay", 0.0)),
            peak,
            old,
            self.momentum,
            self.time,
            self.data,
        )

    def _set_rates(self, state: State) -> None:
        """Base rates of the schedulers, and what they say for the batch that comes next."""
        rates = [_peak(built) for built in self._built]
        for scheduler in state.schedulers:
            scheduler.base_lrs = list(rates)
            factors = [function(0) for function in scheduler.lr_lambdas]  # type: ignore[attr-defined]
            for group, rate, factor in zip(
                state.optimizers[0].param_groups, rates, factors, strict=True
            ):
                group["lr"] = rate * factor
            scheduler._last_lr = [group["lr"] for group in state.optimizers[0].param_groups]

    def _start_data_anew(self, state: State) -> None:
        state.timestamp = state.timestamp.copy(
            batch_in_epoch=0, sample_in_epoch=0, token_in_epoch=0
        )
        if self._first_sample is not None:
            _train_dataset(state).load_state_dict(self._first_sample)


def _peak(group: dict[str, Any]) -> float:
    return float(group.get("initial_lr", group["lr"]))


def _set_to_zero(optimizer: torch.optim.Optimizer) -> None:
    """The state an optimizer has before its first step, in place, whatever its sharding."""
    for state in optimizer.state.values():
        for key, value in state.items():
            if isinstance(value, torch.Tensor):
                value.zero_()
            elif isinstance(value, int | float):
                state[key] = type(value)(0)


def _train_dataset(state: State) -> Any:
    return getattr(state.train_dataloader, "dataset", None)
