# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which characters become the middle."""

from __future__ import annotations

import collections

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundry_plugins.data import spans

TEXT = "one\n\n  two two\n \nthree\r\nfour"


@pytest.mark.parametrize(
    ("length", "limit"), [(0, None), (1, None), (5, None), (5, 2), (5, 9), (7, 0)]
)
def test_random_cuts_are_uniform_over_all_pairs(length: int, limit: int | None) -> None:
    pairs = [
        (start, end)
        for start in range(length + 1)
        for end in range(start, length + 1)
        if limit is None or end - start <= limit
    ]
    draws = 400 * len(pairs)
    found = collections.Counter(spans.draw_random(length, limit, n) for n in range(draws))
    assert set(found) == set(pairs)
    # Five standard deviations of a binomial with mean 400.
    assert all(abs(count - 400) < 100 for count in found.values())


def allowed(kind: str, text: str, limit: int) -> set[tuple[int, int]]:
    """By definition, slowly."""
    lines, start = [], 0
    for line in text.split("\n"):
        lines.append((start, min(start + len(line) + 1, len(text))))
        start += len(line) + 1
    filled = [(s, e) for s, e in lines if text[s:e].strip()]
    if kind == spans.LINE:
        found = set(filled)
    elif kind == spans.MULTI_LINE:
        found = {(s, e) for s, _ in filled for _, e in filled if s < e}
    else:
        found = set()
        for s, e in filled:
            stop = s + len(text[s:e].removesuffix("\n").removesuffix("\r"))
            found |= {(c, stop) for c in range(s, stop)}
    return {(s, e) for s, e in found if e - s <= limit}


@pytest.mark.parametrize("kind", [spans.LINE, spans.MULTI_LINE, spans.TO_LINE_END])
@pytest.mark.parametrize("limit", [None, 10, 4])
def test_lines_are_uniform_over_what_is_allowed(kind: str, limit: int | None) -> None:
    choices = allowed(kind, TEXT, len(TEXT) if limit is None else limit)
    draws = 300 * len(choices)
    found = collections.Counter(spans.draw(kind, TEXT, "", limit, n) for n in range(draws))
    assert set(found) == choices
    assert all(abs(count - 300) < 90 for count in found.values())


def test_by_hand() -> None:
    found = {TEXT[slice(*spans.draw(spans.LINE, TEXT, "", None, n))] for n in range(50)}
    assert found == {"one\n", "  two two\n", "three\r\n", "four"}
    found = {TEXT[slice(*spans.draw(spans.MULTI_LINE, TEXT, "", 9, n))] for n in range(50)}
    assert found == {"one\n", "three\r\n", "four"}
    found = {TEXT[slice(*spans.draw(spans.TO_LINE_END, TEXT, "", 2, n))] for n in range(50)}
    assert found == {"ne", "e", "wo", "o", "ee", "ur", "r"}


@given(
    text=st.text(alphabet="ab \n\u00e9", max_size=40),
    kind=st.sampled_from([spans.RANDOM, spans.LINE, spans.MULTI_LINE, spans.TO_LINE_END]),
    limit=st.none() | st.integers(1, 12),
    seed=st.integers(0, 2**40),
)
@settings(deadline=None, max_examples=400)
def test_never_longer_than_the_limit_and_what_has_no_line_is_cut_anywhere(
    text: str, kind: str, limit: int | None, seed: int
) -> None:
    start, end = spans.draw(kind, text, "", limit, seed)
    assert 0 <= start <= end <= len(text)
    assert limit is None or end - start <= limit
    if kind != spans.RANDOM and (choices := allowed(kind, text, limit or len(text))):
        assert (start, end) in choices


def test_kinds_follow_their_weights() -> None:
    weights = {"syntax": 9.0, "random": 1.0, "line": 0.0}
    found = collections.Counter(spans.choose_kind(weights, n) for n in range(10_000))
    assert set(found) == {"syntax", "random"}
    assert abs(found["random"] - 1000) < 150
