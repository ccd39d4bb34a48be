# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``rewarm``: a new warm-up and decay for a model that was trained to its end.

Gupta et al. 2023 (arXiv 2308.04014) and Ibrahim et al. 2024 (arXiv 2403.08763): the learning rate
rises linearly to a new peak and decays again, while 1 to 5 % of the old data (about 25 % after a
strong shift) are replayed. A stretch of rising loss at first is to be expected.

All is as in ``warmup_stable_decay``, counted from where the checkpoint was taken over: ``dur`` is a
share of what is left of ``max_duration`` then. The callback ``learning_rate_override`` keeps that
origin, puts the YAML's peak into the optimizer, and is required.
"""

from __future__ import annotations

from typing import Any

from composer.core import State

from foundry_plugins.contract.errors import require
from foundry_plugins.schedules.origin import find_origin, since
from foundry_plugins.schedules.schedulers import WarmupStableDecayScheduler


class RewarmScheduler(WarmupStableDecayScheduler):
    """``warmup_stable_decay`` from a checkpoint on, for LLM Foundry's ``schedulers`` registry.

    ```yaml
    scheduler:
      name: rewarm
      t_warmup: 0.01dur
      start: checkpoint
      t_cooldown: rest
      cooldown: cosine
      alpha_f: 0.1
    callbacks:
      learning_rate_override: {}
    ```

    Args:
        t_warmup: Length of the warm-up, as in ``warmup_stable_decay``; 0 to 2 % of the new data
            made no difference in Gupta et al.
        start: Where the warm-up begins: ``checkpoint``, at the learning rate that the checkpoint
            was saved with (but not above the new peak), or ``zero``.
        settings: The other keys of ``warmup_stable_decay``.
    """

    name = "rewarm"
    own_keys = ("start",)

    def __init__(
        self, t_warmup: str | None = None, start: str = "checkpoint", **settings: Any
    ) -> None:
        super().__init__(t_warmup=t_warmup, **settings)
        require(
            start in ("checkpoint", "zero"),
            f"`scheduler.start` must be checkpoint or zero, got {start!r}.",
        )
        self.start = start

    def value_at(self, state: State) -> float:
        """The multiplier, from the origin that the callback keeps."""
        origin = find_origin(state)
        run = since(state, origin)
        start = min(1.0, origin.lr_share) if self.start == "checkpoint" else 0.0
        return self.value(run, self.warmup_length(run, state), start)
