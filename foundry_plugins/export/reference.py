# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The trained model itself, rebuilt from a checkpoint by Foundry: what an export must equal.

The class comes from Foundry's registry, as in training, with the stored configuration; only the
kernel is set to the plain one that runs anywhere. fp32, without dropout.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from foundry_plugins.contract.errors import require
from foundry_plugins.export.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

# Our attention class, which takes ALiBi relative to the query by itself.
ATTENTION = "alibi_multiquery_attention"
# `model_type` of the stored configuration -> name in Foundry's registry of models.
_REGISTERED = {"mpt": "mpt_causal_lm", "code_mpt": "code_mpt_causal_lm"}


def load_reference(checkpoint: Checkpoint) -> Callable[[Sequence[int]], torch.Tensor]:
    """Builds the trained model.

    Returns:
        A function from token ids to fp32 logits, (T) -> (T, V).

    Raises:
        UserError: if the checkpoint is of a model class that is not known here.
    """
    import torch
    from llmfoundry.utils.builders import build_composer_model

    from foundry_plugins.host import use_relative_alibi

    kind = checkpoint.config.get("model_type")
    require(
        kind in _REGISTERED,
        f"{checkpoint.path} holds a model of type {kind!r}, which cannot be rebuilt to check the "
        f"export against; it must be one of {', '.join(_REGISTERED)}.",
    )
    with _quiet():
        built = build_composer_model(_REGISTERED[str(kind)], _model_section(checkpoint), None)
    model: Any = built.model
    # Built on the meta device, so that the weights are neither initialised nor held twice.
    model.load_state_dict(checkpoint.weights, assign=True)
    model.eval()
    if checkpoint.config["attn_config"]["attn_type"] != ATTENTION:
        use_relative_alibi(model.transformer)

    threads = 1 if checkpoint.is_small else torch.get_num_threads()

    def logits(ids: Sequence[int]) -> torch.Tensor:
        with torch.inference_mode(), _quiet(), _threads(threads):
            return model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0].float()

    return logits


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides remarks on the configuration, which were made and read when the model was trained."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _model_section(checkpoint: Checkpoint) -> dict[str, Any]:
    """The YAML's ``model`` section that gives the stored configuration."""
    from llmfoundry.models.mpt.configuration_mpt import MPTConfig

    keys = inspect.signature(MPTConfig.__init__).parameters.keys() - {"self", "kwargs"}
    section = {key: value for key, value in checkpoint.config.items() if key in keys}
    attention = {**checkpoint.config["attn_config"], "attn_impl": "torch"}
    if attention["attn_type"] == ATTENTION:
        attention["kernel"] = "reference"
    return section | {
        "attn_config": attention,
        "init_device": "meta",
        "loss_fn": "torch_crossentropy",
        "use_train_metrics": False,
    }
