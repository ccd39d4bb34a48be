# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Finds a checkpoint whose settings have silently won over the YAML's.

Composer restores the optimizer's groups from a checkpoint: the learning rate and weight decay of
the YAML are then without effect. The settings as built are those at a scheduler's first call, when
Composer compiles it, before anything is loaded. They are compared right after the optimizer has
loaded, unless a callback is there to put that right, and at each later call.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from foundry_plugins.contract.errors import require
from foundry_plugins.schedules.origin import KeepsOrigin

if TYPE_CHECKING:
    from composer.core import State
    from torch.optim import Optimizer

_TOLERANCE = 1e-6


class LoadedSettings:
    """Remembers what an optimizer was built with."""

    def __init__(self) -> None:
        self._optimizer: weakref.ref[Optimizer] | None = None
        self._built: list[dict[str, float]] = []

    def check(self, state: State) -> None:
        """Compares the optimizer's groups with those of the first call.

        Raises:
            UserError: naming the setting that a checkpoint replaced.
        """
        optimizer = state.optimizers[0]
        found = [_settings(group) for group in optimizer.param_groups]
        if self._optimizer is None or self._optimizer() is not optimizer:
            self._optimizer, self._built = weakref.ref(optimizer), found
            optimizer.register_load_state_dict_post_hook(lambda _: self._after_load(state))
            return
        self._compare(found)
        # A checkpoint may be loaded without its optimizer, and its schedulers' base rates hold.
        for scheduler in state.schedulers:
            base = [{"lr": float(rate)} for rate in scheduler.base_lrs]
            self._compare([now | rate for now, rate in zip(found, base, strict=False)])

    def _after_load(self, state: State) -> None:
        if not any(isinstance(callback, KeepsOrigin) for callback in state.callbacks):
            self.check(state)

    def _compare(self, found: list[dict[str, float]]) -> None:
        # Groups that were added since the first call were not loaded.
        for built, now in zip(self._built, found, strict=False):
            for key, value in built.items():
                same = abs(now[key] - value) <= _TOLERANCE * max(abs(value), abs(now[key]))
                require(
                    same,
                    f"`optimizer.{key}` {value:g}, as built from the YAML, is without effect, "
                    f"because the checkpoint holds {now[key]:g} and Composer prefers that; add "
                    "`callbacks.learning_rate_override` to train with the YAML's, or write the "
                    "checkpoint's into the YAML, or set `load_weights_only: true`.",
                )


def _settings(group: dict[str, Any]) -> dict[str, float]:
    return {
        "lr": float(group.get("initial_lr", group["lr"])),
        "weight_decay": float(group.get("weight_decay", 0.0)),
    }
