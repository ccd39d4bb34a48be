# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``lionw``: Lion with weight decay whose convention is spelt out.

The maths is in `reference.py`, the decay conventions in `weight_decay.py`. What this class adds:

* a step with a non-finite gradient on any rank changes nothing and is counted;
* it updates local shards, so it runs on plain tensors, DDP, FSDP and DTensor alike;
* one fused pass over all tensors where there is a kernel for them (`compiled.py`), else
  `plain.py`, with equal results; the log of the first step says which;
* parameters below 32 bits are updated in fp32 and rounded once;
* the groups hold exactly the keys of Foundry's ``decoupled_lionw``, with the decay in Foundry's
  convention whatever the YAML's mode, the state is ``exp_avg``, and the class carries the other's
  qualified name, under which Composer files optimizer states: checkpoints of either load into the
  other with their momentum.

Default betas: (0.95, 0.98), which Chen et al. 2023 (arXiv 2302.06675) use for language models.
Their rule of thumb: lr 3 to 10 times smaller and lr-coupled decay 3 to 10 times larger than
AdamW's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.contract.log import logger
from foundry_plugins.optim import metrics, momentum
from foundry_plugins.optim.compiled import Piece
from foundry_plugins.optim.finite import agreed, all_finite
from foundry_plugins.optim.replay import Replay
from foundry_plugins.optim.settings import boolean, non_negative, options, two_betas
from foundry_plugins.optim.shards import (
    is_rank_zero,
    local,
    local_gradient,
    replicas,
)
from foundry_plugins.optim.update import Turn, update
from foundry_plugins.optim.weight_decay import check_shrinkage, shrinkage_per_step

log = logger(__name__)

_GROUP_KEYS = ("lr", "betas", "weight_decay", "weight_decay_mode")
_OPTION_KEYS = ("cautious", "momentum_dtype", "stochastic_rounding", "seed", "compiled")
_HOST_KEYS = ("disable_grad", "param_groups", "name")
_KEYS = (*_GROUP_KEYS, "allow_large_weight_decay", *_OPTION_KEYS, *_HOST_KEYS)


class LionW(torch.optim.Optimizer):
    """Lion with explicit weight decay, for LLM Foundry's ``optimizers`` registry.

    ```yaml
    optimizer:
      name: lionw
      lr: 1.0e-3
      betas: [0.95, 0.98]
      weight_decay: 0.1
      weight_decay_mode: lr_coupled
    ```

    Args:
        params: Parameters, or groups that may override lr, betas, weight_decay and
            weight_decay_mode.
        lr: Peak learning rate; the scheduler multiplies it.
        betas: Weights of the momentum in the update and in its own average, both in [0, 1).
        weight_decay: Strength of the decay, 0 for none.
        weight_decay_mode: ``lr_coupled`` (weights shrink by lr * weight_decay a step) or
            ``decoupled`` (by weight_decay * lr / peak lr, as in Foundry's own optimizers).
            Required where weight_decay is not 0.
        allow_large_weight_decay: Accept a decay of more than 1 % a step.
        cautious: Move only elements whose direction has the sign of the gradient, further by what
            the others do not move (arXiv 2411.16085). Costs one more pass over gradients and
            momentum and, with FSDP2, one small all-reduce. Under FSDP1 the share of elements that
            agree is that of a rank's piece, not of the whole tensor.
        momentum_dtype: ``float32``, ``bfloat16``, or ``int8`` with one scale for 64 elements
            (`momentum.py`; not under FSDP1); by default the dtype of the weights.
        stochastic_rounding: Round bf16 weights up or down at random so that steps below their last
            bit are not lost (`rounding.py`). For models kept in bf16, not for mixed precision.
        seed: Decides the random numbers of stochastic_rounding.
        compiled: Use compiled kernels where they fit; false runs torch operations alone.

    Attributes:
        skipped_steps: Steps left out in this process because a gradient was not finite.
    """

    _replay: Replay | None = None

    # Composer keeps optimizer states under the qualified name of their class, and only looks under
    # that of the class that loads.
    __qualname__ = "DecoupledLionW"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | None = None,
        betas: Iterable[float] = (0.95, 0.98),
        weight_decay: float = 0.0,
        weight_decay_mode: str | None = None,
        allow_large_weight_decay: bool = False,
        cautious: bool = False,
        momentum_dtype: str | None = None,
        stochastic_rounding: bool = False,
        seed: int = 0,
        compiled: bool = True,
        **unknown: Any,
    ) -> None:
        reject_unknown_keys("optimizer", unknown, _KEYS)
        self._options = options(
            cautious=cautious,
            momentum_dtype=momentum_dtype,
            stochastic_rounding=stochastic_rounding,
            seed=seed,
            compiled=compiled,
        )
        self.skipped_steps = 0
        self._allow_large_weight_decay = boolean(
            "allow_large_weight_decay", allow_large_weight_decay
        )
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay}
        # The base class copies `defaults` into every group; the mode is spent on conversion.
        self._settings = {**defaults, "weight_decay_mode": weight_decay_mode}
        self._constructed = self._has_stepped = False
        self._replicas: dict[str, int] = {}
        super().__init__(params, defaults)
        self._constructed = True
        require(
            not stochastic_rounding or any(p.dtype is torch.bfloat16 for p in self._parameters()),
            "`optimizer.stochastic_rounding` is true but no weight is bf16, so nothing would be "
            "rounded: set `master_weights_dtype: bf16`, or leave it out.",
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group, its decay converted to the decoupled convention.

        A later group that carries ``initial_lr`` was converted before: FSDP empties the list and
        adds the same groups again with sharded parameters.
        """
        if not self._constructed or "initial_lr" not in param_group:
            param_group = self._convert(param_group)
        super().add_param_group(param_group)

    def _convert(self, group: dict[str, Any]) -> dict[str, Any]:
        parameters = {k: v for k, v in group.items() if k in ("params", "param_names")}
        overrides = {k: v for k, v in group.items() if k not in parameters}
        reject_unknown_keys("optimizer.param_groups", overrides, _GROUP_KEYS)
        given = {**self._settings, **overrides}
        lr, mode = non_negative("lr", given["lr"]), given["weight_decay_mode"]
        weight_decay = non_negative("weight_decay", given["weight_decay"])
        shrinkage = shrinkage_per_step(weight_decay, mode, lr)
        check_shrinkage(shrinkage, weight_decay, mode, self._allow_large_weight_decay)
        if is_rank_zero():
            log.info(
                "lionw: a step at the peak lr %g shrinks weights by %g (weight_decay %g, %s).",
                *(lr, shrinkage, weight_decay, mode or "no decay"),
            )
        betas = two_betas(given["betas"])
        return {
            **parameters,
            **{"lr": lr, "betas": betas, "weight_decay": shrinkage, "initial_lr": lr},
        }

    def __getstate__(self) -> dict[str, Any]:
        # For copies of the object; checkpoints hold only the state and the groups.
        own = {name: value for name, value in vars(self).items() if name in _OWN}
        return {**super().__getstate__(), **own}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step, on all ranks together.

        Composer passes its forward and backward pass as ``closure``, so gradients exist only after
        it ran. A distributed checkpoint is loaded after a step without closure on zero gradients
        at lr 0: nothing moves then, decay included, and the state comes into being.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if self._replay and self._replay.finds_gradients(self.param_groups, self.state):
            self._step_again(self._replay)
            return loss
        found = self._gradients()
        if all_finite([g for _, _, g, _ in found], self._device(), self._options.compiled):
            # The state of a parameter comes into being here, not before its first step.
            self._update([Turn(i, p, g, rates, self.state[p]) for i, p, g, rates in found])
        else:
            self._skip()
        return loss

    def _step_again(self, replay: Replay) -> None:
        if agreed(replay.finite(), self._device()):
            replay.step_([_rates(group) for group in self.param_groups])
        else:
            self._skip()

    def _parameters(self) -> Iterable[Tensor]:
        return chain.from_iterable(group["params"] for group in self.param_groups)

    def _gradients(self) -> list[tuple[int, Tensor, Tensor, tuple[float, float, float, float]]]:
        """Place, parameter, local gradient and rates of each parameter that has a gradient."""
        found, index = [], -1
        for group in self.param_groups:
            rates = _rates(group)
            for p in group["params"]:
                index += 1
                g = p.grad
                if g is not None and p.requires_grad:
                    # Plain parameters are the common case, and there can be thousands.
                    g = g if type(p) is Parameter else local_gradient(p, g)
                    found.append((index, p, g, rates))
        return found

    def _update(self, turns: list[Turn]) -> None:
        is_first = turns and not self._has_stepped
        if is_first and self._options.momentum_dtype is torch.int8:
            require(
                any(p.ndim >= 2 for p in self._parameters()),
                "`optimizer.momentum_dtype` int8 found no tensor of two dimensions: FSDP1 makes "
                "flat pieces of all of them; use FSDP2, or bfloat16.",
            )
        batches = update(turns, list(self._parameters()), self._options)
        self._replay = self._keep(batches, turns)
        if is_first:
            self._has_stepped = True
            self._tell_path(batches, len(turns))

    def _keep(self, batches: list[list[Piece]], turns: list[Turn]) -> Replay | None:
        simple = not (self._options.cautious or self._options.stochastic_rounding)
        if not simple or len(batches) != 1 or len(batches[0]) != len(turns):
            return None
        on_cpu = all(type(turn.p) is Parameter and turn.p.is_cpu for turn in turns)
        return Replay(self.param_groups, self.state, batches[0]) if on_cpu else None

    def _skip(self) -> None:
        self.skipped_steps += 1
        if is_rank_zero():
            log.warning(
                "lionw: a gradient is not finite: this step changed nothing (%d skipped so far).",
                self.skipped_steps,
            )

    def _tell_path(self, batches: list[list[Piece]], count: int) -> None:
        if is_rank_zero():
            log.info(
                "lionw: %d of %d tensors take the compiled %s path in %d launches, the others "
                "plain torch operations.",
                *(sum(map(len, batches)), count, self._device().type, len(batches)),
            )

    def _device(self) -> torch.device:
        return next((local(p).device for p in self._parameters()), torch.device("cpu"))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a saved state, with its momentum in this optimizer's format.

        The base class casts all state to the dtype of the weights, which would spoil a narrower or
        wider momentum, so what is stored otherwise is taken from ``state_dict`` itself.
        """
        super().load_state_dict(state_dict)
        indices = chain.from_iterable(group["params"] for group in state_dict["param_groups"])
        for index, p in zip(indices, self._parameters(), strict=True):
            saved = state_dict["state"].get(index)
            dtype = self._options.momentum_dtype
            if saved and not momentum.is_cast_right(saved, p, dtype):
                kept = {"step": self.state[p]["step"]} if "step" in saved else {}
                self.state[p] = {**momentum.converted(saved, p, dtype), **kept}

    def report_per_parameter_metrics(
        self, param: Tensor, name: str, optimizer_metrics: dict[str, Any]
    ) -> dict[str, Any]:
        """Adds the norms of a parameter, for Composer's ``optimizer_monitor``."""
        if param.grad is not None:
            group = next(g for g in self.param_groups if any(p is param for p in g["params"]))
            found = metrics.norms(param, self.state.get(param, {}), group, _decay(group))
            optimizer_metrics.update({f"{metric}/{name}": x for metric, x in found.items()})
            self._replicas[name] = replicas(param)
        return optimizer_metrics

    def pre_reduce_metrics(self, optimizer_metrics: dict[str, Any]) -> dict[str, Any]:
        """Squares norms, for the sum over ranks; a shard on several ranks counts once."""
        for metric, norm in optimizer_metrics.items():
            copies = self._replicas.get(metric.split("/", 2)[-1], 1)
            optimizer_metrics[metric] = norm**2 / copies
        return optimizer_metrics

    def dist_reduce_metrics(self, optimizer_metrics: dict[str, Any]) -> dict[str, Any]:
        """The norms of whole parameters from what `pre_reduce_metrics` left; collective."""
        return metrics.reduced(optimizer_metrics)


# Pickle looks a class up under its qualified name.
DecoupledLionW = LionW

_OWN = (
    "skipped_steps",
    "_options",
    "_allow_large_weight_decay",
    "_settings",
    "_constructed",
    "_has_stepped",
    "_replicas",
)


def _rates(group: dict[str, Any]) -> tuple[float, float, float, float]:
    return group["lr"], *group["betas"], _decay(group)


def _decay(group: dict[str, Any]) -> float:
    """The share of the weights that a step at the group's present learning rate removes."""
    peak = group["initial_lr"]
    return group["lr"] / peak * group["weight_decay"] if peak > 0 else 0.0
