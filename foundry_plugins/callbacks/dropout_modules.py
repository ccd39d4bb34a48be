# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Dropout whose strength is moved from outside without a new graph under torch.compile.

A compiled graph holds every number that it was traced with, so a ``p`` that falls by batch is
compiled anew each time, and after eight of them torch gives up and runs uncompiled. `Strength` is
therefore a number for code that runs as it is written, and a tensor for code that is compiled:

    p = start * strength,   keep = rand >= p,   out = x * keep / (1 - p)

All masks come from torch's own generator, whose state activation checkpointing puts back before it
computes a second time, so both passes drop the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SAMPLES, TOKENS = 1, 2  # how many leading dimensions of (B, T, D) have a draw of their own


class Strength:
    """The factor on every probability, from 0 to 1, shared by all places of a model.

    Args:
        one: The number 1 as a 0-dimensional fp32 tensor on the model's device.
    """

    def __init__(self, one: Tensor) -> None:
        self.value = 1.0
        self.tensor = one

    def set(self, value: float) -> None:
        """Changes it, for all microbatches until the next change."""
        self.value = value
        self.tensor.fill_(value)

    def nothing(self) -> bool:
        """Whether nothing is drawn; a compiled graph draws always, and keeps everything then."""
        return not torch.compiler.is_compiling() and self.value == 0

    def kept(self, start: float, shape: tuple[int, ...], like: Tensor) -> tuple[Tensor, Tensor]:
        """Draws what is kept.

        Args:
            start: Probability of dropping at full strength.
            shape: Of the draws.
            like: A tensor on the device to draw on.

        Returns:
            Booleans of ``shape``, and the probability as a 0-dimensional tensor.
        """
        p = self.tensor * start
        # In fp32 whatever the activations are: bf16 has only 256 numbers to draw from.
        return torch.rand(shape, device=like.device) >= p, p

    def drop(self, x: Tensor, start: float, dims: int) -> Tensor:
        """Zeroes whole slices of ``x`` and scales the others up.

        Args:
            x: Activations.
            start: Probability at full strength.
            dims: How many leading dimensions have draws of their own; the others share them.
        """
        if start == 0 or self.nothing():
            return x
        keep, p = self.kept(start, (*x.shape[:dims], *(1,) * (x.ndim - dims)), x)
        return x * (keep / (1 - p)).to(x.dtype)


class ScheduledDropout(nn.Dropout):
    """``nn.Dropout`` with a `Strength`, and optionally draws for whole samples or tokens behind it.

    Args:
        p: Probability for single elements at full strength.
        inplace: As ``nn.Dropout``; a compiled graph does not need it.
        strength: What moves the probability.
    """

    def __init__(self, p: float, inplace: bool, strength: Strength) -> None:
        super().__init__(p, inplace)
        self.start = float(p)
        self.strength = strength
        self.whole = 0.0  # probability for whole slices
        self.whole_dims = SAMPLES

    def forward(self, input: Tensor) -> Tensor:
        """Drops in training mode."""
        if not self.training:
            return input
        if torch.compiler.is_compiling():
            input = self.strength.drop(input, self.start, input.ndim)
        else:
            # The host's own kernel; `p` follows the strength as that of any other place.
            input = F.dropout(input, self.p, True, self.inplace)
        return self.strength.drop(input, self.whole, self.whole_dims)


def schedule_dropouts(model: nn.Module, strength: Strength) -> None:
    """Puts a `ScheduledDropout` in the place of each ``nn.Dropout`` of a model.

    One that is used in several places stays one. A class derived from it counts if it computes the
    same, as those that FSDP2 makes do; without parameters there is nothing to shard.
    """
    computed = (nn.Dropout.forward, ScheduledDropout.forward)
    replaced: dict[nn.Module, ScheduledDropout] = {}
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if not isinstance(child, nn.Dropout) or type(child).forward not in computed:
                continue
            if child not in replaced:
                replaced[child] = ScheduledDropout(child.p, child.inplace, strength)
                replaced[child].train(child.training)
            setattr(parent, name, replaced[child])


def is_compiled(model: nn.Module) -> bool:
    """Whether torch.compile wraps the model's forward pass.

    The trainer compiles after everything is loaded and leaves the module as it is but for its
    ``forward``, on which torch notes what it was made from.
    """
    return hasattr(model.forward, "_torchdynamo_orig_callable")
