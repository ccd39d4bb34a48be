# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds of gradient clipping as pure functions.

Two meanings of a "warm-up of clipping" are in use. Replit's note on continued pre-training
schedules the threshold *along the learning rate*: tight while the rate is low. OLMo's goes the
other way, *from loose to tight* (10 to 1 over the first 1000 steps), whatever the rate is.
"""

from __future__ import annotations


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
