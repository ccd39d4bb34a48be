# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``lionw``: Lion with weight decay whose convention is spelt out.

The maths is in `reference.py`, the decay conventions in `weight_decay.py`. What this class adds:

* a step with a non-finite gradient on any rank changes nothing and is counted;
* it updates local shards, so it runs on plain tensors, DDP, FSDP and DTensor alike;
* parameters below 32 bits are updated in fp32 and rounded once;
* the groups hold exactly the keys of Foundry's ``decoupled_lionw``, with the decay in Foundry's
  convention whatever the YAML's mode, and the state is ``exp_avg``.

Default betas: (0.95, 0.98), which Chen et al. 2023 (arXiv 2302.06675) use for language models.
Their rule of thumb: lr 3 to 10 times smaller and lr-coupled decay 3 to 10 times larger than
AdamW's.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist
from torch.distributed.tensor import DTensor

from foundry_plugins.contract.errors import UserError, reject_unknown_keys, require
from foundry_plugins.optim.finite import all_finite
from foundry_plugins.optim.weight_decay import check_shrinkage, shrinkage_per_step

log = logging.getLogger(__name__)

# Updated in fp32 and rounded once: two roundings would lose decay and small steps sooner.
_NARROW = (torch.bfloat16, torch.float16)
_GROUP_KEYS = ("lr", "betas", "weight_decay", "weight_decay_mode")
_KEYS = (*_GROUP_KEYS, "allow_large_weight_decay", "disable_grad", "param_groups", "name")


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

    Attributes:
        skipped_steps: Steps left out in this process because a gradient was not finite.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | None = None,
        betas: Iterable[float] = (0.95, 0.98),
        weight_decay: float = 0.0,
        weight_decay_mode: str | None = None,
        allow_large_weight_decay: bool = False,
        **unknown: Any,
    ) -> None:
        reject_unknown_keys("optimizer", unknown, _KEYS)
        require(
            isinstance(allow_large_weight_decay, bool),
            "`optimizer.allow_large_weight_decay` must be true or false, "
            f"got {allow_large_weight_decay!r}.",
        )
        self.skipped_steps = 0
        self._allow_large_weight_decay = allow_large_weight_decay
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay}
        # The base class copies `defaults` into every group; the mode is spent on conversion.
        self._settings = {**defaults, "weight_decay_mode": weight_decay_mode}
        self._constructed = False
        super().__init__(params, defaults)
        self._constructed = True

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
        lr, mode = _non_negative("lr", given["lr"]), given["weight_decay_mode"]
        weight_decay = _non_negative("weight_decay", given["weight_decay"])
        shrinkage = shrinkage_per_step(weight_decay, mode, lr)
        check_shrinkage(shrinkage, weight_decay, mode, self._allow_large_weight_decay)
        if _is_rank_zero():
            log.info(
                "lionw: a step at the peak lr %g shrinks weights by %g (weight_decay %g, %s).",
                *(lr, shrinkage, weight_decay, mode or "no decay"),
            )
        betas = _two_betas(given["betas"])
        return {
            **parameters,
            **{"lr": lr, "betas": betas, "weight_decay": shrinkage, "initial_lr": lr},
        }

    def __getstate__(self) -> dict[str, Any]:
        # For copies of the object; checkpoints hold only the state and the groups.
        own = ("skipped_steps", "_allow_large_weight_decay", "_settings", "_constructed")
        return {**super().__getstate__(), **{name: getattr(self, name) for name in own}}

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
        updates = [
            (group, p, _local_gradient(p, p.grad))
            for group in self.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        if all_finite([gradient for _, _, gradient in updates], self._device()):
            for group, p, gradient in updates:
                self._update(group, p, gradient)
        else:
            self._skip()
        return loss

    def _update(self, group: dict[str, Any], p: Tensor, gradient: Tensor) -> None:
        state = self.state[p]
        if "exp_avg" not in state:
            state["exp_avg"] = torch.zeros_like(p)
        lr, peak = group["lr"], group["initial_lr"]
        beta1, beta2 = group["betas"]
        decay = lr / peak * group["weight_decay"] if peak > 0 else 0.0
        lion_step_(
            _local(p),
            gradient,
            _local(state["exp_avg"]),
            lr=lr,
            beta1=beta1,
            beta2=beta2,
            decay=decay,
        )

    def _skip(self) -> None:
        self.skipped_steps += 1
        if _is_rank_zero():
            log.warning(
                "lionw: a gradient is not finite: this step changed nothing (%d skipped so far).",
                self.skipped_steps,
            )

    def _device(self) -> torch.device:
        parameters = (p for group in self.param_groups for p in group["params"])
        return next((_local(p).device for p in parameters), torch.device("cpu"))


def lion_step_(
    p: Tensor, g: Tensor, m: Tensor, *, lr: float, beta1: float, beta2: float, decay: float
) -> None:
    """`reference.lion_step` in place; its temporaries are of the size of one tensor.

    The order of operations is that of Foundry's optimizer, so fp32 runs agree bit for bit.
    """
    # sign(c) with c = beta1 * m + (1 - beta1) * g
    direction = m.lerp(g, 1 - beta1).sign_()
    # p = p * (1 - decay) - lr * sign(c)
    wide = p if p.dtype not in _NARROW else p.float()
    if decay != 0:
        wide.mul_(1 - decay)
    wide.add_(direction, alpha=-lr)
    if wide is not p:
        p.copy_(wide)
    # m = beta2 * m + (1 - beta2) * g
    m.lerp_(g, 1 - beta2)


def _local(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _local_gradient(p: Tensor, gradient: Tensor) -> Tensor:
    # Under tensor parallelism a gradient can arrive as partial sums of the parameter's shards.
    if (
        isinstance(p, DTensor)
        and isinstance(gradient, DTensor)
        and gradient.placements != p.placements
    ):
        gradient = gradient.redistribute(p.device_mesh, p.placements)
    return _local(gradient)


def _non_negative(key: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        hint = " (write 1.0e-4, not 1e-4)" if isinstance(value, str) else ""
        raise UserError(f"`optimizer.{key}` must be a number of at least 0, got {value!r}{hint}.")
    return float(value)


def _two_betas(value: Any) -> tuple[float, float]:
    betas = list(value) if isinstance(value, list | tuple) else []
    numbers = [b for b in betas if isinstance(b, int | float) and 0 <= b < 1]
    require(
        len(betas) == 2 and len(numbers) == 2,
        f"`optimizer.betas` must be two numbers in [0, 1), e.g. [0.95, 0.98], got {value!r}.",
    )
    return float(betas[0]), float(betas[1])


def _is_rank_zero() -> bool:
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0
