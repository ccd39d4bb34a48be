# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``weight_averaging``: the mean of the weights over fixed windows of batches, while training.

Hägele et al. 2024 (arXiv 2405.18392, section 4) average the weights of a run at a constant
learning rate over windows of 500 batches, which comes close to a cooldown without one. Here the
weights after each batch of a window are added up in fp32, and at its end

    mean = sum / batches

is written to ``folder/ba500.pt``, which ``load_path`` and ``foundry-plugins export`` take. With
``evaluate: true`` evaluations see the mean of the last whole window instead of the weights;
training never does.

For small runs: it holds one more copy of the weights in fp32, two with ``evaluate`` (three while
evaluating), passes over all weights in every batch, and puts the copies into checkpoints, so that a
resumed run has the same means. Sharded weights are refused; average checkpoints with
``foundry-plugins average`` there, which costs training nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from composer.core import Callback, State
from composer.loggers import Logger
from composer.models import HuggingFaceModel
from composer.utils import dist
from torch import Tensor

from foundry_plugins.contract.errors import reject_unknown_keys, require
from foundry_plugins.contract.files import atomic_path
from foundry_plugins.contract.log import logger

_SECTION = "callbacks.weight_averaging"
_VERSION = 1

log = logger(__name__)

Weights = dict[str, Tensor]


class WeightAveraging(Callback):
    """Means over windows, for LLM Foundry's ``callbacks`` registry.

    ```yaml
    callbacks:
      weight_averaging:
        folder: runs/quickstart/means
        window_batches: 500
        evaluate: false
    ```

    Args:
        folder: Where the means are written.
        window_batches: Batches of a window; the source's 500. The first begins with the run.
        evaluate: Whether evaluations see the last mean.
    """

    def __init__(
        self,
        folder: str | None = None,
        window_batches: int = 500,
        evaluate: bool = False,
        **unknown: Any,
    ) -> None:
        reject_unknown_keys(_SECTION, unknown, ("folder", "window_batches", "evaluate"))
        require(
            isinstance(folder, str) and folder != "",
            f"`{_SECTION}.folder` must name the folder for the means, got {folder!r}.",
        )
        require(
            type(window_batches) is int and window_batches > 0,
            f"`{_SECTION}.window_batches` must be a whole number above 0, got {window_batches!r}.",
        )
        require(
            isinstance(evaluate, bool),
            f"`{_SECTION}.evaluate` must be true or false, got {evaluate!r}.",
        )
        self.folder, self.window, self.evaluate = Path(str(folder)), window_batches, evaluate
        self._sum: Weights = {}
        self._count = 0
        self._mean: Weights = {}
        self._aside: Weights = {}

    def before_load(self, state: State, logger: Logger) -> None:
        """Refuses weights that are spread over ranks.

        Before a load, because a sharded checkpoint that lacks this callback's state would fail to
        load with a message about missing keys.
        """
        _check_whole(state)

    def fit_start(self, state: State, logger: Logger) -> None:
        """Refuses weights that were spread over ranks only after a load; goes on with a window."""
        _check_whole(state)
        # They were loaded to the CPU.
        for weights in (self._sum, self._mean):
            weights.update({n: state.device.tensor_to_device(w) for n, w in weights.items()})
        begun = int(state.timestamp.batch) % self.window
        if begun != self._count and dist.get_global_rank() == 0:
            log.warning(
                "weight_averaging: the checkpoint holds %d of the %d batches of this window, whose "
                "mean is left out.",
                self._count,
                begun,
            )

    @torch.no_grad()
    def batch_end(self, state: State, logger: Logger) -> None:
        """Adds the weights after a batch; at the end of a window writes the mean."""
        batch = int(state.timestamp.batch)
        for name, weight in _weights(state).items():
            if self._count == 0:
                self._sum[name] = weight.to(torch.float32, copy=True)
            else:
                self._sum[name] += weight
        self._count += 1
        if batch % self.window:
            return
        # A window that was entered in its middle has no mean.
        if self._count == self.window:
            for total in self._sum.values():
                total /= self.window
            self._write(state, batch)
            self._mean = self._sum if self.evaluate else {}
        self._sum, self._count = {}, 0

    def eval_before_all(self, state: State, logger: Logger) -> None:
        """Puts the mean in the weights' place."""
        if self._mean:
            self._aside = {name: w.detach().clone() for name, w in _weights(state).items()}
            _put(state, self._mean)

    def eval_after_all(self, state: State, logger: Logger) -> None:
        """Puts the weights back."""
        if self._aside:
            _put(state, self._aside)
            self._aside = {}

    def state_dict(self) -> dict[str, Any]:
        """The window so far."""
        return {
            "version": _VERSION,
            "count": self._count,
            "sum": dict(self._sum),
            "mean": dict(self._mean),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with a saved window."""
        self._count = state["count"]
        self._sum, self._mean = dict(state["sum"]), dict(state["mean"])

    def _write(self, state: State, batch: int) -> None:
        if dist.get_global_rank() != 0:
            return
        found = state.get_model_state_dict().items()
        content: dict[str, Any] = {"model": {n: self._sum.get(n, value) for n, value in found}}
        model = _model(state)
        if isinstance(model, HuggingFaceModel):
            content["integrations"] = {"huggingface": model.get_metadata()}
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.folder / f"ba{batch}.pt") as partial:
            torch.save({"state": content}, partial)


def _check_whole(state: State) -> None:
    require(
        not state.fsdp_enabled,
        f"`{_SECTION}` needs whole weights on every rank, but `fsdp_config` shards them; "
        "remove it, and average checkpoints with `foundry-plugins average`.",
    )


def _model(state: State) -> torch.nn.Module:
    model = state.model.module if state.is_model_ddp else state.model
    assert isinstance(model, torch.nn.Module)
    return model


def _weights(state: State) -> Weights:
    # Tied weights under each of their names, as checkpoints have them.
    return dict(_model(state).named_parameters(remove_duplicate=False))


@torch.no_grad()
def _put(state: State, weights: Weights) -> None:
    for name, weight in _weights(state).items():
        weight.copy_(weights[name])
