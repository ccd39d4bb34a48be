# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How much is taken of every language and source."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep import sample

NONE: dict[str, float] = {}


def test_example() -> None:
    assert doctest.testmod(sample).failed == 0


def test_bytes_are_limited_over_all_sources() -> None:
    found = sample.rates(
        {"a": {"JSON": 300, "C": 10}, "b": {"JSON": 100}},
        weights={},
        limit_bytes={"JSON": 100, "C": 50},
        limit_share=NONE,
    )
    assert found == {"a": {"JSON": 0.25, "C": 1.0}, "b": {"JSON": 0.25}}


def test_weighted_sources_stand_in_their_ratio() -> None:
    # a : b = 3 : 1, and b has 100: so 300 of a's 600.
    found = sample.rates(
        {"a": {"C": 600}, "b": {"C": 100}, "c": {"C": 5}},
        weights={"a": 0.75, "b": 0.25, "c": None},
        limit_bytes=NONE,
        limit_share=NONE,
    )
    assert found == {"a": {"C": 0.5}, "b": {"C": 1.0}, "c": {"C": 1.0}}


SIZES = st.dictionaries(
    st.sampled_from("ab"),
    st.dictionaries(st.sampled_from("CDEF"), st.integers(1, 10**9), min_size=1),
    min_size=1,
)
SHARES = st.dictionaries(st.sampled_from("CDE"), st.floats(0.01, 0.3))


@given(SIZES, SHARES)
def test_no_language_has_more_than_its_share(
    sizes: dict[str, dict[str, int]], shares: dict[str, float]
) -> None:
    found = sample.rates(sizes, weights={}, limit_bytes=NONE, limit_share=shares)
    taken: dict[str, float] = {}
    for source, languages in sizes.items():
        for language, size in languages.items():
            assert 0.0 <= found[source][language] <= 1.0
            taken[language] = taken.get(language, 0.0) + size * found[source][language]
    if set(taken) <= set(shares):
        return  # nothing else is there to have a share in
    for language, share in shares.items():
        assert taken.get(language, 0.0) <= share * sum(taken.values()) * (1 + 1e-6)
    for language in set(taken) - set(shares):
        assert taken[language] == pytest.approx(sum(s.get(language, 0) for s in sizes.values()))
