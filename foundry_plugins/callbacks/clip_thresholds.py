# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds of gradient clipping as pure functions.

Two meanings of a "warm-up of clipping" are in use. Replit's note on continued pre-training
schedules the threshold *along the learning rate*: tight while the rate is low. OLMo's goes the
other way, *from loose to tight* (10 to 1 over the first 1000 steps), whatever the rate is.
ZClip follows neither, but the gradients' own norms.
"""

from __future__ import annotations

import math


def along_lr(peak_threshold: float, lr_share: float, min_threshold: float) -> float:
    """``peak_threshold * lr / peak lr``, never below ``min_threshold``.

    A threshold of 0, where the learning rate is 0, would turn every gradient into zeros.
    """
    return max(min_threshold, peak_threshold * lr_share)


def linear(initial: float, final: float, progress: float) -> float:
    """From ``initial`` to ``final`` in equal steps; ``final`` from progress 1 on."""
    return final if progress >= 1 else initial + (final - initial) * progress


def geometric(initial: float, final: float, progress: float) -> float:
    """From ``initial`` to ``final`` in equal ratios; ``final`` from progress 1 on."""
    return final if progress >= 1 else initial * (final / initial) ** progress


class ZScore:
    """ZClip's threshold: clips a norm that lies too many deviations above its running mean.

    Kumar et al. 2025, "ZClip: Adaptive Spike Mitigation for LLM Pre-Training" (arXiv 2504.02507).
    With g the norm, and mean and variance kept as exponential averages:

        z = (g - mean) / (std + eps)
        clipped to mean + z_threshold^2 / z * std  where z > z_threshold
        mean = alpha mean + (1 - alpha) g'         g' = what clipping left of g
        var  = alpha var  + (1 - alpha) (g' - mean)^2

    The first ``warmup`` norms are not clipped; mean and variance begin as theirs. Norms that are
    not finite are left out, since the optimizer skips such a step.

    Args:
        alpha: Weight of the past, in (0, 1); the paper's 0.97.
        z_threshold: Above 0; the paper's 2.5.
        warmup: Batches; the paper's 25.
    """

    EPS = 1e-6

    def __init__(self, alpha: float = 0.97, z_threshold: float = 2.5, warmup: int = 25) -> None:
        self.alpha, self.z_threshold, self.warmup = alpha, z_threshold, warmup
        self.mean, self.var = 0.0, 0.0
        self.first: list[float] = []

    def threshold(self, norm: float) -> float:
        """What ``norm`` is to be clipped to; infinite where it is not to be."""
        if len(self.first) < self.warmup or not math.isfinite(norm):
            return math.inf
        std = math.sqrt(self.var)
        z = (norm - self.mean) / (std + self.EPS)
        return self.mean + self.z_threshold**2 / z * std if z > self.z_threshold else math.inf

    def update(self, norm: float) -> None:
        """Takes in a batch's norm, as clipping left it."""
        if not math.isfinite(norm):
            return
        if len(self.first) < self.warmup:
            self.first.append(norm)
            self.mean = sum(self.first) / len(self.first)
            self.var = sum((x - self.mean) ** 2 for x in self.first) / len(self.first)
            return
        self.mean = self.alpha * self.mean + (1 - self.alpha) * norm
        self.var = self.alpha * self.var + (1 - self.alpha) * (norm - self.mean) ** 2
