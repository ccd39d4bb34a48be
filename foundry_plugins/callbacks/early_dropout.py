# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``early_dropout``: dropout for a part of training, with masks that a resumed run draws again.

Liu et al. 2023, "Dropout Reduces Underfitting" (arXiv 2303.01500): dropout during the first part of
training only makes the gradients of batches agree more, and the final training loss lower; dropout
during the last part only helps models that overfit.

    early      p(t) = p0 * schedule(t / t_end), exactly 0 from t >= t_end
    late       p(t) = 0, and p0 from t >= t_start
    constant   p(t) = p0

with t the time at which the batch starts and one p for all its microbatches. Early with
``schedule: linear`` is Refact's (0.1 to 0 over the first 20 % of the run), with ``constant`` the
paper's step. p0 is each place's own value as built from the YAML, and that of each kind in
`dropout_kinds.py` that is named here.

Nothing is stored: p follows from the timestamp, and masks from seed, rank and batch, so a resumed
run drops what an uninterrupted one does. With streaming data the host restores random states only
at the start of an epoch, so without this callback a run that was resumed within one draws other
masks: ``mode: constant`` is for a model that keeps its dropout.

Under ``compile_config`` the whole run is one graph. Only the dropout of attention weights is a
number in torch's kernels, and each is a graph: there a falling p has three steps and 0.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import torch
from composer.core import Callback, State
from composer.loggers import Logger
from composer.utils import dist

from foundry_plugins.callbacks.dropout_kinds import KINDS, Remove
from foundry_plugins.callbacks.dropout_modules import (
    ScheduledDropout,
    Strength,
    is_compiled,
    schedule_dropouts,
)
from foundry_plugins.callbacks.dropout_sites import DropoutSite, dropout_sites
from foundry_plugins.contract.errors import (
    UserError,
    did_you_mean,
    reject_unknown_keys,
    require,
)
from foundry_plugins.contract.log import logger
from foundry_plugins.contract.stateless_hash import hash64
from foundry_plugins.schedules.shapes import SHAPES, Shape, find_shape
from foundry_plugins.schedules.times import length, now, parse_span

_SECTION = "callbacks.early_dropout"
_METRICS = "foundry_plugins/early_dropout"
_EARLY, _LATE, _CONSTANT = "early", "late", "constant"
_MODE_KEYS = {_EARLY: ("t_end", "schedule"), _LATE: ("t_start",), _CONSTANT: ()}
_PLATEAUS = 3  # beside 0

log = logger(__name__)


class EarlyDropout(Callback):
    """Dropout that ends or begins within the run, for LLM Foundry's ``callbacks`` registry.

    ```yaml
    model:
      resid_pdrop: 0.1
    callbacks:
      early_dropout:
        t_end: 0.2dur
        schedule: linear
    ```

    Args:
        mode: ``early``, ``late`` or ``constant``.
        t_end: With ``early``, the time from which there is no dropout, in ba, tok, sp, ep or dur.
        schedule: With ``early``, ``constant`` or a shape of ``schedules/shapes.py`` by which p
            falls; default ``linear``.
        t_start: With ``late``, the time from which there is dropout.
        kinds: ``stochastic_depth``, ``drop_head``, ``layer_drop`` and ``token_dropout``, each a
            rate in (0, 1) at which it starts.
    """

    def __init__(
        self,
        mode: str = _EARLY,
        t_end: str | None = None,
        schedule: str | None = None,
        t_start: str | None = None,
        **kinds: Any,
    ) -> None:
        if mode not in _MODE_KEYS:
            raise UserError(
                f"`{_SECTION}.mode` must be one of {', '.join(_MODE_KEYS)}, "
                f"got {mode!r}{did_you_mean(str(mode), _MODE_KEYS)}."
            )
        settings = {"t_end": t_end, "schedule": schedule, "t_start": t_start}
        reject_unknown_keys(_SECTION, kinds, ("mode", *settings, *KINDS))
        for key, value in settings.items():
            require(
                value is None or key in _MODE_KEYS[mode],
                f"`{_SECTION}.{key}` has no meaning with mode {mode}; remove it or change the "
                f"mode ({', '.join(f'{m}: {_listed(keys)}' for m, keys in _MODE_KEYS.items())}).",
            )
        self.mode = mode
        self.kinds = {name: _rate(name, rate) for name, rate in kinds.items()}
        self.time = None
        if mode != _CONSTANT:
            key = "t_end" if mode == _EARLY else "t_start"
            self.time = parse_span(f"{_SECTION}.{key}", settings[key])
            require(
                self.time.amount > 0,
                f"`{_SECTION}.{key}` must be longer than 0, got {settings[key]}; for a run without "
                "dropout leave the callback out, for one with the same throughout set mode "
                "constant.",
            )
        self.shape = _shape("linear" if schedule is None else schedule)
        self._strength = Strength(torch.ones(()))
        self._sites: list[DropoutSite] = []
        self._added: list[Remove] = []

    def before_load(self, state: State, logger: Logger) -> None:
        """Notes each place's own p: the model is whole now, and no batch has run yet."""
        self._undo()
        self._strength = Strength(state.device.tensor_to_device(torch.ones(())))
        schedule_dropouts(state.model, self._strength)
        self._sites = dropout_sites(state.model)
        for name, rate in self.kinds.items():
            added = KINDS[name](state.model, rate, self._strength)
            require(
                len(added) > 0,
                f"`{_SECTION}.{name}` found no place in {type(state.model).__name__}; it knows the "
                "parts of MPT models (mpt_causal_lm, code_mpt_causal_lm); remove it.",
            )
            self._added += added
        require(
            len(self._sites) + len(self._added) > 0,
            f"`{_SECTION}` found no dropout above 0 in the model; set `model.resid_pdrop`, "
            "`model.emb_pdrop` or `model.attn_config.attn_pdrop` to the value to start from, name "
            f"one of {', '.join(KINDS)} here, or leave the callback out.",
        )
        if self._sites and "stochastic_depth" in self.kinds and dist.get_global_rank() == 0:
            log.warning(
                "`%s.stochastic_depth` works beside the model's own dropout; the source (arXiv "
                "2303.01500) uses one or the other.",
                _SECTION,
            )

    def fit_start(self, state: State, logger: Logger) -> None:
        """Sets p once after a load."""
        self._apply(state)

    def batch_start(self, state: State, logger: Logger) -> None:
        """Sets and logs the batch's p (the largest, where places differ)."""
        # Masks decided by the batch are the same in a run that was resumed.
        batch = int(state.timestamp.batch)
        torch.manual_seed(hash64(state.rank_zero_seed, dist.get_global_rank(), batch) >> 1)
        factor = self._apply(state)
        starts = dict(self.kinds)
        if self._sites:
            starts["p"] = max(site.p for site in self._sites)
        logger.log_metrics({f"{_METRICS}/{name}": p * factor for name, p in starts.items()})

    def close(self, state: State, logger: Logger) -> None:
        """Gives the model its own values back, for whoever uses it next."""
        self._undo()

    def _undo(self) -> None:
        for site in self._sites:
            site.scale(1.0)
        for remove in self._added:
            remove()
        self._sites, self._added = [], []

    def _apply(self, state: State) -> float:
        factor, stepped = self._factors(state)
        self._strength.set(factor)
        compiled = is_compiled(state.model)
        for site in self._sites:
            steps = compiled and not isinstance(site.module, ScheduledDropout)
            site.scale(stepped if steps else factor)
        return factor

    def _factors(self, state: State) -> tuple[float, float]:
        """The factor on every p0, and the same in few steps."""
        if self.time is None:
            return 1.0, 1.0
        span = length(self.time, state)
        progress = now(state, span.clock) / span.amount
        if self.mode == _LATE:
            share = float(progress >= 1)
            return share, share
        if progress >= 1:
            return 0.0, 0.0
        return self.shape(float(progress)), self.shape(float(middle(progress)))


def middle(progress: Fraction) -> Fraction:
    """The middle of the third that ``progress`` in [0, 1) lies in: on average a straight line."""
    return (math.floor(progress * _PLATEAUS) + Fraction(1, 2)) / _PLATEAUS


def _shape(name: object) -> Shape:
    if name == _CONSTANT:
        return lambda progress: 1.0
    require(
        isinstance(name, str) and name in SHAPES,
        f"`{_SECTION}.schedule` must be one of {', '.join([_CONSTANT, *SHAPES])}, "
        f"got {name!r}{did_you_mean(str(name), [_CONSTANT, *SHAPES])}.",
    )
    return find_shape(f"{_SECTION}.schedule", name)


def _rate(name: str, rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1:
        raise UserError(f"`{_SECTION}.{name}` must be a rate in (0, 1), got {rate!r}.")
    return float(rate)


def _listed(keys: tuple[str, ...]) -> str:
    return " and ".join(keys) or "none"
