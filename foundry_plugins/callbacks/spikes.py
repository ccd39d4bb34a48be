# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a spike is: a value far above those of the last batches, measured robustly.

    z = (x - median) / max(1.4826 * MAD, 0.01 * |median|)

over a window of earlier values. 1.4826 times the median absolute deviation is the standard
deviation of normal noise (Rousseeuw and Croux 1993), and unlike that one a few spikes do not change
it; the hundredth keeps a very even stretch from calling every ripple a spike. Only what lies above
counts: falling fast is no fault.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable

_NORMAL = 1.4826
_LEAST_SPREAD = 0.01  # share of the median


class Window:
    """The last values that were no spikes.

    Args:
        size: How many; before there are that many, nothing finite is a spike.
        values: To begin with, oldest first.
    """

    def __init__(self, size: int, values: Iterable[float] = ()) -> None:
        self._values: deque[float] = deque(values, maxlen=size)
        self._size = size

    def add(self, value: float) -> None:
        """Takes a value in and lets the oldest go."""
        self._values.append(value)

    def z(self, value: float) -> float:
        """How far above the window a value lies; infinite if it is not finite."""
        if not math.isfinite(value):
            return math.inf
        if len(self._values) < self._size:
            return 0.0
        median = statistics.median(self._values)
        deviation = statistics.median(abs(v - median) for v in self._values)
        spread = max(_NORMAL * deviation, _LEAST_SPREAD * abs(median))
        return (value - median) / spread if spread > 0 else 0.0
