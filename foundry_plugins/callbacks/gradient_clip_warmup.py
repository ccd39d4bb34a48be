# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``gradient_clip_warmup``: a clipping threshold that changes over the run.

It sets the threshold of the host's own ``gradient_clipping`` algorithm before each batch; the
formulas are in `clip_thresholds.py`. ``along_lr`` reads the learning rate that the coming step will
use, and the group's peak. Nothing is stored: the threshold follows from the YAML, the timestamp and
the learning rate, so a resumed run has the thresholds of an uninterrupted one.

With Lion, clipping cannot shrink a step: its length is the learning rate, whatever the gradient's
scale. It only makes clipped gradients weigh less in the momentum than earlier ones.

Metrics, under ``foundry_plugins/gradient_clip_warmup/``: ``threshold``; ``gradient_norm``, what is
left after clipping, in the sense that is clipped (the 2-norm for ``norm``, the largest element for
``value``); ``clipped``, 1 if the threshold was reached and else 0, whose mean over a stretch is the
clipped share. The last two are left out under FSDP1, where a rank sees only its own shards.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from composer.algorithms import GradientClipping
from composer.core import Callback, State
from composer.loggers import Logger
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm

from foundry_plugins.callbacks.clip_thresholds import along_lr, geometric, linear
from foundry_plugins.contract.errors import (
    UserError,
    did_you_mean,
    reject_unknown_keys,
    require,
)
from foundry_plugins.schedules.times import Span, length, now, parse_span

_SECTION = "callbacks.gradient_clip_warmup"
_RAMPS = {"linear": linear, "geometric": geometric}
_MODE_KEYS = {
    "along_lr": ("min_threshold",),
    "linear": ("initial_threshold", "t_warmup"),
    "geometric": ("initial_threshold", "t_warmup"),
}
_METRICS = "foundry_plugins/gradient_clip_warmup"


class GradientClipWarmup(Callback):
    """A moving clipping threshold, for LLM Foundry's ``callbacks`` registry.

    ```yaml
    algorithms:
      gradient_clipping:
        clipping_type: norm
        clipping_threshold: 1.0
    callbacks:
      gradient_clip_warmup:
        mode: along_lr
        min_threshold: 0.05
    ```

    Args:
        mode: ``along_lr``: the algorithm's threshold times lr / peak lr. ``linear`` and
            ``geometric``: from ``initial_threshold`` to the algorithm's over ``t_warmup``.
        min_threshold: Lower limit for ``along_lr``, above 0.
        initial_threshold: First threshold of the other modes, above 0.
        t_warmup: Length of the other modes' way, in ba, tok, sp, ep or dur.
    """

    def __init__(
        self,
        mode: str = "along_lr",
        min_threshold: float | None = None,
        initial_threshold: float | None = None,
        t_warmup: str | None = None,
        **unknown: Any,
    ) -> None:
        settings = {
            "min_threshold": min_threshold,
            "initial_threshold": initial_threshold,
            "t_warmup": t_warmup,
        }
        reject_unknown_keys(_SECTION, unknown, ("mode", *settings))
        if mode not in _MODE_KEYS:
            raise UserError(
                f"`{_SECTION}.mode` must be one of {', '.join(_MODE_KEYS)}, "
                f"got {mode!r}{did_you_mean(str(mode), _MODE_KEYS)}."
            )
        for key, value in settings.items():
            _check_setting(mode, key, value)
        self.mode = mode
        self.first = float(min_threshold or initial_threshold or 0.0)
        self.t_warmup: Span | None = None
        if t_warmup is not None:
            self.t_warmup = parse_span(f"{_SECTION}.t_warmup", t_warmup)
        self._clipping: GradientClipping | None = None
        self._final = 0.0

    def init(self, state: State, logger: Logger) -> None:
        """Finds the algorithm, and reads its threshold the one time it is as the YAML built it."""
        found = [a for a in state.algorithms if isinstance(a, GradientClipping)]
        require(
            len(found) == 1,
            f"`{_SECTION}` sets the threshold of one `algorithms.gradient_clipping`, but there are "
            f"{len(found)}; list it exactly once, with clipping_type and clipping_threshold.",
        )
        if found[0] is not self._clipping:
            self._clipping, self._final = found[0], float(found[0].clipping_threshold)
        kind = found[0].clipping_type
        require(
            kind in ("norm", "value"),
            "`algorithms.gradient_clipping.clipping_type` must be norm or value for "
            f"`{_SECTION}`, got {kind!r}: its threshold is a ratio to each weight's norm.",
        )
        require(
            self.mode != "along_lr" or self.first <= self._final,
            f"`{_SECTION}.min_threshold` must be at most the {self._final:g} of "
            f"`algorithms.gradient_clipping.clipping_threshold`, got {self.first:g}.",
        )
        require(
            self._final > 0,
            "`algorithms.gradient_clipping.clipping_threshold` must be above 0, "
            f"got {self._final:g}.",
        )

    def fit_start(self, state: State, logger: Logger) -> None:
        """Refuses a run without a peak to follow."""
        _, peak = _learning_rate(state)
        require(
            self.mode != "along_lr" or peak > 0,
            f"`{_SECTION}.mode` along_lr needs a peak learning rate above 0, got `optimizer.lr` "
            f"{peak:g}; set it, or choose linear or geometric.",
        )

    def batch_start(self, state: State, logger: Logger) -> None:
        """Sets the threshold that the coming step is clipped to."""
        if self._clipping is not None:
            self._clipping.clipping_threshold = self._threshold(state)
            logger.log_metrics({f"{_METRICS}/threshold": self._clipping.clipping_threshold})

    def after_train_batch(self, state: State, logger: Logger) -> None:
        """Logs what clipping, which ran just before, has left."""
        if self._clipping is None or state.fsdp_config_version == 1:
            return
        threshold = self._clipping.clipping_threshold
        norm = _gradient_norm(state.model, self._clipping.clipping_type)
        clipped = float(norm >= _reached(threshold))
        logger.log_metrics({f"{_METRICS}/gradient_norm": norm, f"{_METRICS}/clipped": clipped})

    def close(self, state: State, logger: Logger) -> None:
        """Gives the algorithm its own threshold back, for whoever uses the object next."""
        if self._clipping is not None:
            self._clipping.clipping_threshold = self._final

    def _threshold(self, state: State) -> float:
        if self.t_warmup is None:
            lr, peak = _learning_rate(state)
            return along_lr(self._final, lr / peak, self.first)
        way = length(self.t_warmup, state)
        progress = float(now(state, way.clock) / way.amount)
        return _RAMPS[self.mode](self.first, self._final, progress)


def _check_setting(mode: str, key: str, value: Any) -> None:
    if key not in _MODE_KEYS[mode]:
        require(
            value is None,
            f"`{_SECTION}.{key}` has no meaning with mode {mode}, which takes "
            f"{', '.join(_MODE_KEYS[mode])}; remove it or change the mode.",
        )
    elif key == "t_warmup":
        require(
            parse_span(f"{_SECTION}.{key}", value).amount > 0,
            f"`{_SECTION}.{key}` must be longer than 0, got {value}.",
        )
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        require(
            number and 0 < value < math.inf,
            f"`{_SECTION}.{key}` must be a number above 0 with mode {mode}, got {value!r}.",
        )


def _learning_rate(state: State) -> tuple[float, float]:
    group = state.optimizers[0].param_groups[0]
    return float(group["lr"]), float(group.get("initial_lr", group["lr"]))


def _gradient_norm(model: torch.nn.Module, clipping_type: str) -> float:
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = get_total_norm(gradients, norm_type=2.0 if clipping_type == "norm" else math.inf)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def _reached(threshold: float) -> float:
    # torch scales by threshold / (norm + 1e-6), so a clipped norm ends just below the threshold.
    return threshold * (1 - 1e-4) * threshold / (threshold + 1e-6)
