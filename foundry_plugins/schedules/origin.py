# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where a continued run began: what a schedule reads, and what a callback keeps.

The two do not know each other. A callback that keeps an origin is a `KeepsOrigin`; a schedule asks
the host's state for it. It must be kept in checkpoints, because neither the timestamp at the start
of a fit nor that of the checkpoint that was loaded tells a first start from a resumed one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from composer.core import Time, Timestamp

from foundry_plugins.contract.errors import require

if TYPE_CHECKING:
    from composer.core import State

    from foundry_plugins.schedules.times import Run


@dataclasses.dataclass(frozen=True)
class Origin:
    """The clocks at the start of a continued run, and the learning rate it came with.

    ``lr_share`` is the old learning rate as a share of the new peak; 0 if none came along.
    """

    batch: int = 0
    sample: int = 0
    token: int = 0
    lr_share: float = 0.0


class KeepsOrigin:
    """A callback that keeps the origin of the run; None until a checkpoint has been loaded."""

    origin: Origin | None = None


def find_origin(state: State) -> Origin:
    """The origin that a callback keeps; time 0 until it is known.

    Raises:
        UserError: if no callback keeps one.
    """
    keepers = [callback for callback in state.callbacks if isinstance(callback, KeepsOrigin)]
    require(
        len(keepers) == 1,
        "The scheduler rewarm counts from where a checkpoint was taken over, and that is kept by "
        f"`callbacks.learning_rate_override`, which is listed {len(keepers)} times; list it once.",
    )
    return keepers[0].origin or Origin()


@dataclasses.dataclass(frozen=True)
class SinceOrigin:
    """A run's clocks and duration counted from its origin."""

    max_duration: Time | None
    timestamp: Timestamp
    dataloader_len: Time | None
    train_dataloader: object


def since(run: Run, origin: Origin) -> SinceOrigin:
    """``run`` as it looks from ``origin``.

    Raises:
        UserError: if nothing is left of ``max_duration``, or it is in epochs, which new data counts
            differently from old.
    """
    limit, timestamp = run.max_duration, run.timestamp
    if limit is not None and origin.batch:
        require(
            limit.unit.value in ("ba", "sp", "tok"),
            f"`max_duration` {limit} cannot be counted from where a checkpoint was taken over; "
            "give it in ba, sp or tok, or set `callbacks.learning_rate_override.time: restart`.",
        )
        past = {"ba": origin.batch, "sp": origin.sample, "tok": origin.token}[limit.unit.value]
        require(
            limit.value > past,
            f"`max_duration` {limit} is over: the checkpoint was taken at {past}{limit.unit.value};"
            " add what is to be trained, or set `callbacks.learning_rate_override.time: restart`.",
        )
        limit = Time(limit.value - past, limit.unit)
    return SinceOrigin(
        max_duration=limit,
        timestamp=Timestamp(
            batch=timestamp.batch.value - origin.batch,
            sample=timestamp.sample.value - origin.sample,
            token=timestamp.token.value - origin.token,
        ),
        dataloader_len=run.dataloader_len,
        train_dataloader=run.train_dataloader,
    )
