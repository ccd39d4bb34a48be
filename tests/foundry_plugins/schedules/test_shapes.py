# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.contract.errors import UserError
from foundry_plugins.schedules.shapes import (
    SHAPES,
    exponential,
    find_cooldown,
    find_shape,
    multiplier,
    power,
    rsqrt,
)

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


COOLDOWNS = [*SHAPES, "exponential"]


@pytest.mark.parametrize("name", COOLDOWNS)
@given(start=st.floats(0.01, 1), share=st.floats(0.01, 1), x=st.floats(0, 1))
def test_cooldowns_fall_from_start_to_end(name: str, start: float, share: float, x: float) -> None:
    end = start * share
    cooldown = find_cooldown("k", name)
    assert cooldown(start, end, 0.0) == pytest.approx(start)
    assert cooldown(start, end, 1.0) == pytest.approx(end)
    assert end - 1e-12 <= cooldown(start, end, x) <= start + 1e-12


def test_exponential_is_the_half_life_form() -> None:
    # 0.5^(t / H) over C = 3 H
    assert [exponential(1.0, 1 / 8, k / 3) for k in range(4)] == pytest.approx(
        [1, 0.5, 0.25, 1 / 8]
    )


def test_stable_stages_by_hand() -> None:
    assert [rsqrt(t, 100) for t in (-5, 0, 300, 800)] == [1, 1, 0.5, pytest.approx(1 / 3)]
    assert [power(t, 100, 0.5) for t in (0, 100, 400)] == [1, 1, pytest.approx(0.5)]


@given(
    warm=st.floats(0, 1),
    stable=st.floats(0, 1),
    x=st.floats(-10, 10),
    name=st.sampled_from(COOLDOWNS),
    share=st.floats(0.01, 1),
)
def test_the_multiplier_stays_in_bounds(
    warm: float, stable: float, x: float, name: str, share: float
) -> None:
    frozen = max(stable, 0.01)
    value = multiplier(warm, stable, frozen, x, find_cooldown("k", name), frozen * share)
    assert 0 <= value <= warm
    if warm == 1:
        assert x > 0 or value == stable
        assert x < 1 or value == pytest.approx(frozen * share)


def test_an_unknown_shape_is_named_with_the_choices() -> None:
    with pytest.raises(UserError) as error:
        find_shape("scheduler.cooldown", "cosin")
    assert "`scheduler.cooldown`" in str(error.value)
    assert "did you mean 'cosine'" in str(error.value)
    assert "1-sqrt, linear" in str(error.value)
    with pytest.raises(UserError, match=r"square, exponential, got 'exponental'.*'exponential'"):
        find_cooldown("scheduler.cooldown", "exponental")
    with pytest.raises(UserError, match="got None"):
        find_shape("scheduler.cooldown", None)
