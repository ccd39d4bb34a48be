# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every place in a model that holds a dropout probability.

Two kinds: the ``p`` of torch's dropout modules, and a plain float on a module that calls a dropout
function itself, such as the ``attn_dropout_p`` of MPT attention or the ``dropout`` of
``nn.MultiheadAttention``. The second kind is known by its name.
"""

from __future__ import annotations

import dataclasses
import re

from torch import nn

_MODULES = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)
_FLOAT_NAME = re.compile(r"(?:.*_)?(?:dropout|pdrop)(?:_p|_prob|_rate)?")


@dataclasses.dataclass(frozen=True)
class DropoutSite:
    """An attribute of a module that is a dropout probability, and its value when found."""

    module: nn.Module
    attribute: str
    p: float

    def scale(self, factor: float) -> None:
        """Sets the probability to ``factor`` times the value when found."""
        setattr(self.module, self.attribute, self.p * factor)


def dropout_sites(model: nn.Module) -> list[DropoutSite]:
    """The places whose probability is above 0, in the order of ``model.modules()``."""
    return [
        DropoutSite(module, name, float(value))
        for module in model.modules()
        for name, value in vars(module).items()
        if isinstance(value, float) and value > 0 and _is_probability(module, name)
    ]


def _is_probability(module: nn.Module, name: str) -> bool:
    if isinstance(module, _MODULES):
        return name == "p"
    return _FLOAT_NAME.fullmatch(name) is not None
