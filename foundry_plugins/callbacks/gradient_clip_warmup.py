# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``gradient_clip_warmup``: a clipping threshold that changes over the run.

It sets the threshold of the host's own ``gradient_clipping`` algorithm before each batch; the
formulas are in `clip_thresholds.py`. ``along_lr`` reads the learning rate that the coming step will
use, and the group's peak; with ``linear`` and ``geometric`` the threshold follows from the YAML and
the timestamp. So a resumed run has the thresholds of an uninterrupted one.

``zclip`` needs the norm of the very gradient that it clips, which the host does not tell. So the
host's threshold is set to infinity, and this callback clips right after it, once gradients are
accumulated, averaged over ranks and unscaled. The host's threshold stays the upper limit. Its
running mean and variance are kept in checkpoints.

With Lion, clipping cannot shrink a step: its length is the learning rate, whatever the gradient's
scale, and a constant threshold below all norms changes nothing at all. Clipping only makes the
gradients that it clips weigh less in the momentum than the others. After a re-warm ``along_lr``
therefore keeps the old direction for longer; it does not make the first steps smaller, which is for
the learning rate to do. With AdamW the same holds but for the delay of its second moment.

Metrics, under ``foundry_plugins/gradient_clip_warmup/``: ``threshold``; ``gradient_norm``, in the
sense that is clipped (the 2-norm for ``norm``, the largest element for ``value``), of what clipping
left, and with ``zclip`` of what came in; ``clipped``, 1 if the threshold was reached and else 0;
``clipped_share``, its mean over the last 100 batches, which are kept in checkpoints.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import torch
from composer.algorithms import GradientClipping
from composer.core import Callback, State
from composer.loggers import Logger
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm

from foundry_plugins.callbacks.clip_thresholds import ZScore, along_lr, geometric, linear
from foundry_plugins.contract.errors import (
    UserError,
    did_you_mean,
    reject_unknown_keys,
    require,
)
from foundry_plugins.contract.log import logger
from foundry_plugins.host import make_callback_state_optional
from foundry_plugins.schedules.times import Span, length, now, parse_span

log = logger(__name__)

_SECTION = "callbacks.gradient_clip_warmup"
_RAMPS = {"linear": linear, "geometric": geometric}
_MODE_KEYS = {
    "along_lr": ("min_threshold",),
    "linear": ("initial_threshold", "t_warmup"),
    "geometric": ("initial_threshold", "t_warmup"),
    "zclip": ("alpha", "z_threshold", "warmup_batches"),
}
# Kumar et al. 2025 (arXiv 2504.02507).
_ZCLIP = {"alpha": 0.97, "z_threshold": 2.5, "warmup_batches": 25}
_WINDOW = 100
_VERSION = 2
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
            ``zclip``: what stands out from the norms before it, and never above the algorithm's.
        min_threshold: Lower limit for ``along_lr``, above 0.
        initial_threshold: First threshold of the other modes, above 0.
        t_warmup: Length of their way, in ba, tok, sp, ep or dur.
        alpha: Weight of the past in ``zclip``'s averages, in (0, 1); 0.97.
        z_threshold: Deviations above the mean from which ``zclip`` clips; 2.5.
        warmup_batches: Batches that ``zclip`` only looks at; 25, at least 2.
    """

    def __init__(
        self,
        mode: str = "along_lr",
        min_threshold: float | None = None,
        initial_threshold: float | None = None,
        t_warmup: str | None = None,
        alpha: float | None = None,
        z_threshold: float | None = None,
        warmup_batches: int | None = None,
        **unknown: Any,
    ) -> None:
        settings = {
            "min_threshold": min_threshold,
            "initial_threshold": initial_threshold,
            "t_warmup": t_warmup,
            "alpha": alpha,
            "z_threshold": z_threshold,
            "warmup_batches": warmup_batches,
        }
        reject_unknown_keys(_SECTION, unknown, ("mode", *settings))
        if mode not in _MODE_KEYS:
            raise UserError(
                f"`{_SECTION}.mode` must be one of {', '.join(_MODE_KEYS)}, "
                f"got {mode!r}{did_you_mean(str(mode), _MODE_KEYS)}."
            )
        if mode == "zclip":
            settings |= {k: v if settings[k] is None else settings[k] for k, v in _ZCLIP.items()}
        for key, value in settings.items():
            _check_setting(mode, key, value)
        self.mode = mode
        self.zscore: ZScore | None = None
        if mode == "zclip":
            self.zscore = ZScore(*(settings[key] for key in _ZCLIP))
        self.first = float(min_threshold or initial_threshold or 0.0)
        self.t_warmup: Span | None = None
        if t_warmup is not None:
            self.t_warmup = parse_span(f"{_SECTION}.t_warmup", t_warmup)
        self._clipping: GradientClipping | None = None
        self._final = 0.0
        self._clipped: deque[float] = deque(maxlen=_WINDOW)

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

    def before_load(self, state: State, logger: Logger) -> None:
        """Lets sharded checkpoints that were saved without this callback be loaded."""
        make_callback_state_optional(state)

    def fit_start(self, state: State, logger: Logger) -> None:
        """Refuses a run without a peak to follow; says what Lion makes of the others."""
        if self.mode == "along_lr" and "lion" in type(state.optimizers[0]).__qualname__.lower():
            log.warning(
                "gradient_clip_warmup: Lion's steps are as long as the learning rate, whatever the "
                "gradient's scale; clipping only makes early gradients weigh less in the momentum."
            )
        _, peak = _learning_rate(state)
        require(
            self.mode != "along_lr" or peak > 0,
            f"`{_SECTION}.mode` along_lr needs a peak learning rate above 0, got `optimizer.lr` "
            f"{peak:g}; set it, or choose linear or geometric.",
        )

    def batch_start(self, state: State, logger: Logger) -> None:
        """Sets the threshold that the coming step is clipped to."""
        if self._clipping is None:
            return
        self._clipping.clipping_threshold = self._threshold(state)
        if self.zscore is None:
            logger.log_metrics({f"{_METRICS}/threshold": self._clipping.clipping_threshold})

    def after_train_batch(self, state: State, logger: Logger) -> None:
        """Logs what clipping, which ran just before, has left; with ``zclip``, clips."""
        if self._clipping is None:
            return
        norm = _gradient_norm(state.model, self._clipping.clipping_type)
        if self.zscore is None:
            clipped = norm >= _reached(self._clipping.clipping_threshold)
        else:
            threshold = min(self._final, self.zscore.threshold(norm))
            clipped = norm > threshold
            if clipped:
                _clip(state.model, self._clipping.clipping_type, norm, threshold)
            # The mean follows what was left by ZClip alone: a limit below it would pull it down.
            self.zscore.update(min(norm, self.zscore.threshold(norm)))
            logger.log_metrics({f"{_METRICS}/threshold": threshold})
        self._clipped.append(float(clipped))
        share = sum(self._clipped) / len(self._clipped)
        logger.log_metrics(
            {
                f"{_METRICS}/gradient_norm": norm,
                f"{_METRICS}/clipped": float(clipped),
                f"{_METRICS}/clipped_share": share,
            }
        )

    def close(self, state: State, logger: Logger) -> None:
        """Gives the algorithm its own threshold back, for whoever uses the object next."""
        if self._clipping is not None:
            self._clipping.clipping_threshold = self._final

    def state_dict(self) -> dict[str, Any]:
        """What was clipped of late, and the averages of ``zclip``."""
        found: dict[str, Any] = {"version": _VERSION, "clipped": list(self._clipped)}
        if self.zscore is not None:
            found |= {"mean": self.zscore.mean, "var": self.zscore.var}
            found["first"] = list(self.zscore.first)
        return found

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Reads `state_dict`; a checkpoint of another mode or version may lack parts of it."""
        self._clipped = deque(state.get("clipped", ()), maxlen=_WINDOW)
        if self.zscore is not None and "mean" in state:
            self.zscore.mean, self.zscore.var = state["mean"], state["var"]
            self.zscore.first = list(state["first"])

    def _threshold(self, state: State) -> float:
        if self.zscore is not None:
            return math.inf
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
        require(
            key != "alpha" or value < 1, f"`{_SECTION}.alpha` must be in (0, 1), got {value!r}."
        )
        require(
            key != "warmup_batches" or (isinstance(value, int) and value >= 2),
            f"`{_SECTION}.warmup_batches` must be a whole number of at least 2, got {value!r}.",
        )


def _learning_rate(state: State) -> tuple[float, float]:
    group = state.optimizers[0].param_groups[0]
    return float(group["lr"]), float(group.get("initial_lr", group["lr"]))


def _gradient_norm(model: torch.nn.Module, clipping_type: str) -> float:
    kind = 2.0 if clipping_type == "norm" else math.inf
    for module in model.modules():
        # FSDP1: a rank sees its own shards only, so the root is asked, which clips nothing here.
        if isinstance(module, FullyShardedDataParallel) and module.check_is_root():
            return float(module.clip_grad_norm_(math.inf, kind))
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = get_total_norm(gradients, norm_type=kind)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def _clip(model: torch.nn.Module, clipping_type: str, norm: float, threshold: float) -> None:
    """Clips local shards; the norm is that of all ranks, so all do the same."""
    for parameter in model.parameters():
        gradient = parameter.grad
        if gradient is None:
            continue
        local = gradient.to_local() if isinstance(gradient, DTensor) else gradient
        if clipping_type == "norm":
            local.mul_(threshold / (norm + 1e-6))
        else:
            local.clamp_(-threshold, threshold)


def _reached(threshold: float) -> float:
    # torch scales by threshold / (norm + 1e-6), so a clipped norm ends just below the threshold.
    return threshold * (1 - 1e-4) * threshold / (threshold + 1e-6)
