# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.callbacks.clip_thresholds import along_lr, geometric, linear


def test_golden_values() -> None:
    assert [along_lr(2.0, share, 0.1) for share in (0.0, 0.04, 0.5, 1.0)] == [0.1, 0.1, 1.0, 2.0]
    assert [linear(10, 1, x) for x in (0, 0.5, 1, 2)] == [10, 5.5, 1, 1]
    assert [geometric(10, 1, x) for x in (0, 0.5, 1, 2)] == pytest.approx([10, 10**0.5, 1, 1])


@given(initial=st.floats(1e-3, 1e3), final=st.floats(1e-3, 1e3), x=st.floats(0, 2))
def test_ramps_stay_between_their_ends(initial: float, final: float, x: float) -> None:
    low, high = sorted((initial, final))
    for ramp in (linear, geometric):
        assert low * (1 - 1e-9) <= ramp(initial, final, x) <= high * (1 + 1e-9)
        assert ramp(initial, final, 1.0) == final
