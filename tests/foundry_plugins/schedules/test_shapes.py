# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.contract.errors import UserError
from foundry_plugins.schedules.shapes import SHAPES, find_shape, warmup_stable_decay

# Values at 0, 1/4, 1/2, 3/4, 1 to three digits.
GOLDEN = {
    "1-sqrt": (1, 0.5, 0.293, 0.134, 0),
    "linear": (1, 0.75, 0.5, 0.25, 0),
    "cosine": (1, 0.854, 0.5, 0.146, 0),
    "mirror-cosine": (1, 0.646, 0.5, 0.354, 0),
    "square": (1, 0.938, 0.75, 0.438, 0),
}


def test_every_shape_has_golden_values() -> None:
    assert set(GOLDEN) == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_golden_values(name: str) -> None:
    values = [SHAPES[name](x / 4) for x in range(5)]
    assert values == pytest.approx(GOLDEN[name], abs=6e-4)


@pytest.mark.parametrize("name", SHAPES)
def test_ends_are_exact(name: str) -> None:
    assert SHAPES[name](0.0) == 1.0
    assert SHAPES[name](1.0) == 0.0


@pytest.mark.parametrize("name", SHAPES)
@given(a=st.floats(0, 1), b=st.floats(0, 1))
def test_shapes_stay_in_bounds_and_never_rise(name: str, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 1 >= SHAPES[name](low) >= SHAPES[name](high) - 1e-12
    assert SHAPES[name](high) >= 0


@given(
    warmup=st.floats(-10, 10),
    cooldown=st.floats(-10, 10),
    name=st.sampled_from(sorted(SHAPES)),
    alpha_f=st.floats(0, 1),
)
def test_the_multiplier_stays_in_bounds(
    warmup: float, cooldown: float, name: str, alpha_f: float
) -> None:
    value = warmup_stable_decay(warmup, cooldown, SHAPES[name], alpha_f)
    assert 0 <= value <= 1
    if warmup >= 1:
        assert value >= alpha_f - 1e-12
        assert cooldown > 0 or value == 1
        assert cooldown < 1 or value == pytest.approx(alpha_f)


def test_an_unknown_shape_is_named_with_the_choices() -> None:
    with pytest.raises(UserError) as error:
        find_shape("scheduler.cooldown", "cosin")
    assert "`scheduler.cooldown`" in str(error.value)
    assert "did you mean 'cosine'" in str(error.value)
    assert "1-sqrt, linear" in str(error.value)
    with pytest.raises(UserError, match="got None"):
        find_shape("scheduler.cooldown", None)
