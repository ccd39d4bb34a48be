# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The unbiased estimate against counting, and its interval."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.eval.pass_at_k import interval, mean_pass_at_k, pass_at_k
from foundry_plugins.eval.stops import cut


@given(st.data())
def test_equals_counting_all_draws(data: st.DataObject) -> None:
    samples = data.draw(st.integers(1, 9))
    passed = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    draws = list(itertools.combinations(range(samples), k))
    good = sum(any(index < passed for index in draw) for draw in draws)
    assert pass_at_k(samples, passed, k) == pytest.approx(float(Fraction(good, len(draws))))


def test_golden_values() -> None:
    assert pass_at_k(200, 10, 1) == pytest.approx(0.05)
    assert pass_at_k(2, 1, 2) == 1.0
    assert pass_at_k(200, 0, 100) == 0.0
    with pytest.raises(ValueError, match="pass@3 of 1 in 2"):
        pass_at_k(2, 1, 3)


def test_a_k_that_one_problem_has_too_few_samples_for_has_no_value() -> None:
    assert mean_pass_at_k([(10, 5), (10, 0)], 1) == pytest.approx(0.25)
    assert mean_pass_at_k([(10, 5), (1, 0)], 2) is None
    assert interval([(10, 5), (1, 0)], 2) is None
    assert mean_pass_at_k([], 1) is None


def test_the_interval_holds_the_mean_and_narrows_with_problems() -> None:
    few, many = ([(4, 4), (4, 0)] * n for n in (5, 200))
    low, high = interval(few, 1) or (0.0, 0.0)
    assert low < 0.5 < high
    narrow = interval(many, 1) or (0.0, 0.0)
    assert 0.5 - 0.06 < narrow[0] < 0.5 < narrow[1] < 0.5 + 0.06
    assert interval(few, 1) == (low, high)


@given(
    st.text("ab\n#", max_size=12), st.lists(st.text("ab\n#", min_size=1, max_size=3), max_size=4)
)
def test_nothing_of_a_stop_stays(text: str, stops: list[str]) -> None:
    kept = cut(text, stops)
    assert text.startswith(kept)
    assert not any(stop in kept for stop in stops)
    assert kept == text or any(text[len(kept) :].startswith(stop) for stop in stops)
