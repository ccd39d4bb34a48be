# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The unbiased estimate of pass@k, and how far chance may have moved it.

Chen et al. 2021 (arXiv 2107.03374, section 2.1): of n samples of a problem c pass; the chance that
k of them, drawn without replacement, hold one that passes is

    1 - C(n - c, k) / C(n, k) = 1 - product over i = n - c + 1 .. n of (1 - k / i)

and a benchmark's value is the mean over its problems. ``1 - (1 - c / n) ** k`` looks alike and is
biased. Problems with fewer than k samples would have no value, so a k that any problem has too few
samples for is not estimated at all.

The interval is that of the bootstrap over problems (Efron 1979): what the same model might have
scored on other problems of the kind. Its draws come from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DRAWS = 2000


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """One problem's value.

    Args:
        samples: n, at least k.
        passed: c, of 0 to n.
        k: Samples that one may try.

    Raises:
        ValueError: unless 1 <= k <= n and 0 <= c <= n.
    """
    if not (1 <= k <= samples and 0 <= passed <= samples):
        raise ValueError(f"pass@{k} of {passed} in {samples} samples is not defined.")
    if samples - passed < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(samples - passed + 1, samples + 1)))


def mean_pass_at_k(counts: Sequence[tuple[int, int]], k: int) -> float | None:
    """The mean over problems, each (samples, passed); None if one has fewer than k samples."""
    if not counts or min(samples for samples, _ in counts) < k:
        return None
    return float(np.mean([pass_at_k(samples, passed, k) for samples, passed in counts]))


def interval(
    counts: Sequence[tuple[int, int]], k: int, confidence: float = 0.95, seed: int = 17
) -> tuple[float, float] | None:
    """Bounds of the mean by the bootstrap over problems; None where there is no mean."""
    if mean_pass_at_k(counts, k) is None:
        return None
    values = np.array([pass_at_k(samples, passed, k) for samples, passed in counts])
    drawn = np.random.default_rng(seed).integers(0, len(values), (DRAWS, len(values)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(values[drawn].mean(axis=1), (tail, 1 - tail))
    return float(low), float(high)
