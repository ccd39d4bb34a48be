# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Means, spreads and verdicts: a difference is judged against its own spread over seeds.

Runs that are compared share their seeds, so the difference is taken seed by seed:

    d_s = a_s - b_s,    mean(d) +- t(0.975, n - 1) * sd(d) / sqrt(n)

Where this 95 % interval of Student's holds 0, nothing has been shown. It is about seeds only: the
held-out samples are the same in all runs. And of twenty such intervals one is expected to miss.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

# Student's t at 97.5 % for 1 to 9 degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
_DIGITS = 4
# What a source says about a difference of losses, and what is said of it by the direction found.
LOWER, NOT_HIGHER, HIGHER = "lower", "not higher", "higher"
_JUDGED = {
    LOWER: {-1: "as claimed", 0: "the claim is not shown", 1: "against the claim"},
    NOT_HIGHER: {-1: "better than claimed", 0: "nothing against the claim", 1: "against the claim"},
    HIGHER: {-1: "against the claim", 0: "the claim is not shown", 1: "as claimed"},
}


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Mean and standard deviation over seeds, and the values."""
    return {
        "mean": round(statistics.fmean(values), _DIGITS),
        "sd": round(statistics.stdev(values), _DIGITS),
        "seeds": [round(value, _DIGITS) for value in values],
    }


def difference(a: Sequence[float], b: Sequence[float]) -> dict[str, Any]:
    """``a`` minus ``b``, seed by seed, with the 95 % interval of the mean."""
    each = [x - y for x, y in zip(a, b, strict=True)]
    mean = statistics.fmean(each)
    half = _T[len(each) - 2] * statistics.stdev(each) / math.sqrt(len(each))
    low, high = round(mean - half, _DIGITS), round(mean + half, _DIGITS)
    return {
        "mean": round(mean, _DIGITS),
        "interval": [low, high],
        "seeds": len(each),
        "direction": 1 if low > 0 else -1 if high < 0 else 0,
    }


def sentence(what: str, a: str, b: str, found: dict[str, Any], claimed: str | None = None) -> str:
    """What the numbers say, in words.

    Args:
        what: What was measured, such as ``held-out loss``.
        a: The side that was changed.
        b: What it is compared with.
        found: `difference` of the two.
        claimed: What the source says of ``a``; None where it says nothing.
    """
    low, high = found["interval"]
    words = {-1: "is lower than", 0: "does not differ beyond the spread of seeds from"}
    words[1] = "is higher than"
    judged = f"; {_JUDGED[claimed][found['direction']]}" if claimed else ""
    return (
        f"{what}: {a} {words[found['direction']]} {b}, by {found['mean']:+.3f} nats per token "
        f"(95 % interval {low:+.3f} to {high:+.3f}, {found['seeds']} seeds){judged}."
    )
