# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What single values of a ``model`` section may be, each for itself.

Foundry passes most of them on as they are: ``norm_eps: -1`` trains on NaN, ``alibi: "false"`` is
true, ``clip_qkv: 0`` has no gradient, and a mistake under ``init_config`` shows on the meta device
only when the weights are made. What does not fit together is in ``checks.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from llmfoundry.layers_registry import fcs, norms, param_init_fns
from llmfoundry.models.utils.config_defaults import init_config_defaults
from torch import nn

from foundry_plugins.contract.errors import UserError, did_you_mean, require

# Numbers above 0.
_ABOVE_ZERO = ("norm_eps", "expansion_ratio")
# The same, or None, which is the host's default.
_ABOVE_ZERO_OR_NONE = (
    *("final_logit_softcapping", "attn_config.softmax_scale", "attn_config.clip_qkv"),
    *("init_config.init_std", "init_config.emb_init_std"),
)
_SWITCHES = (
    *("learned_pos_emb", "no_bias", "attention_bias", "tie_word_embeddings", "use_cache"),
    *("use_pad_tok_in_ffn", "attn_config.alibi", "attn_config.rope", "attn_config.t5_bias"),
    *("attn_config.qk_ln", "attn_config.qk_gn", "attn_config.attn_uses_sequence_id"),
    "attn_config.fused_qkv",
)
_DEVICES = ("cpu", "cuda", "meta", "mixed")
# What the host's functions that make weights raise for a setting of theirs.
_INIT_ERRORS = (KeyError, TypeError, ValueError, RuntimeError)


def is_number(value: Any) -> bool:
    """Whether it is finite, and not a switch."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: Any, least: int) -> bool:
    """Whether it is a whole number of at least so much, and not a switch."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def fc_name(fc_type: Any) -> Any:
    """The kind of linear layer, which the host takes as a name or as a section."""
    if isinstance(fc_type, Mapping):
        fc_type = fc_type.get("name")
    return "torch" if fc_type is None else fc_type


def check_values(section: Mapping[str, Any]) -> None:
    """Raises `UserError` for a value that can be nothing of its key's."""
    for key in (*_ABOVE_ZERO, *_ABOVE_ZERO_OR_NONE):
        value = _find(section, key)
        require(
            (is_number(value) and value > 0) or (value is None and key in _ABOVE_ZERO_OR_NONE),
            f"`model.{key}` must be a number above 0, got {value!r}.",
        )
    for key in _SWITCHES:
        value = _find(section, key, False)
        require(
            value is None or isinstance(value, bool),
            f"`model.{key}` must be true or false, got {value!r}.",
        )
    scale = section.get("logit_scale")
    require(
        scale in (None, "inv_sqrt_d_model") or (is_number(scale) and scale != 0),
        f"`model.logit_scale` must be a number other than 0, or inv_sqrt_d_model, got {scale!r}.",
    )
    hidden = section["ffn_config"].get("ffn_hidden_size")
    require(
        hidden is None or is_whole(hidden, 1),
        f"`model.ffn_config.ffn_hidden_size` must be a whole number above 0, got {hidden!r}.",
    )
    world = section["attn_config"].get("seq_parallel_world_size")
    require(
        world in (None, 1),
        f"`model.attn_config.seq_parallel_world_size` must be 1, got {world!r}; samples are not "
        "cut over devices.",
    )
    _check_names(section)


def _check_names(section: Mapping[str, Any]) -> None:
    given = {
        # The host writes names of norms in lower case.
        "norm_type": (str(section["norm_type"]).lower(), [*norms.get_all()]),
        "fc_type": (fc_name(section.get("fc_type")), [*fcs.get_all()]),
        "init_device": (section.get("init_device", "cpu"), _DEVICES),
    }
    for key, (name, allowed) in given.items():
        require(
            name in allowed,
            f"`model.{key}` must be one of {', '.join(allowed)}, got {name!r}"
            f"{did_you_mean(str(name), allowed)}.",
        )


def check_init(section: Mapping[str, Any]) -> None:
    """Makes the weights of two tiny layers, as the host makes the model's once it has memory.

    Raises:
        UserError: with what the host says of ``init_config``.
    """
    settings = init_config_defaults | dict(section.get("init_config") or {})
    sizes = {"n_layers": section["n_layers"], "d_model": section["d_model"]}
    # The model's weights do not depend on this.
    with torch.random.fork_rng(devices=[]):
        for layer in (nn.Linear(2, 2), nn.Embedding(2, 2)):
            try:
                make = param_init_fns.get(settings["name"])
                make(module=layer, **sizes, **settings)
            except _INIT_ERRORS as error:
                said = " ".join(str(error).split())
                raise UserError(f"`model.init_config`: {said}") from error


def _find(section: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """The value at a dotted path; the default where a part of it is missing."""
    found: Any = section
    for key in path.split("."):
        found = found.get(key, default) if isinstance(found, Mapping) else default
    return found
