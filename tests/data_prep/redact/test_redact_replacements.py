# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Replacements: valid, told from originals, decided by (seed, kind, original) alone."""

from __future__ import annotations

import ipaddress
import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.redact.replacements import PLACEHOLDERS, is_replacement, placeholder, synthetic
from data_prep.redact.spans import KINDS, Span, resolve

KEYS = (
    "AKIAQ3EGRIZ7TC5ZPXM2",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "d41d8cd98f00b204e9800998ecf8427e",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQw8KEYq12",
)
# The same for ever: data that was redacted with a seed is redacted alike when it is extended.
GOLDEN = {
    ("emails", "jane@mail.studio"): "fjzgx@example.net",
    ("ip_addresses", "52.95.110.1"): "192.0.2.154",
    ("ip_addresses", "2a00:1450::5e"): "2001:db8::4eb2",
    ("keys", KEYS[1]): "ghp_17B7e39E234d0795B8449b572625Af221B7c",
    ("passwords", "hunter2"): "0WsTbAdaFBM2",
    ("names", "Jane Roetger"): "Robin Poe",
}


def shape(value: str) -> str:
    classes = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
    return "".join(
        next((str(n) for n, letters in enumerate(classes) if character in letters), character)
        for character in value
    )


def test_there_is_a_placeholder_for_every_kind() -> None:
    assert tuple(sorted(PLACEHOLDERS)) == tuple(sorted(KINDS))
    assert placeholder("keys") == "<KEY>"


@pytest.mark.parametrize(("kind", "original"), GOLDEN)
def test_golden_values(kind: str, original: str) -> None:
    assert synthetic(kind, original, seed=17) == GOLDEN[kind, original]


@pytest.mark.parametrize("original", KEYS)
def test_keys_keep_shape_and_vendor(original: str) -> None:
    new = synthetic("keys", original, 17)
    assert new != original
    assert shape(new) == shape(original)
    for prefix in ("AKIA", "ghp_", "sk_live_"):
        assert new.startswith(prefix) == original.startswith(prefix)
    assert set(new) <= set(string.hexdigits) or not set(original) <= set(string.hexdigits)


def test_addresses_are_reserved_ones() -> None:
    assert synthetic("emails", "jane@mail.studio", 17).partition("@")[2].startswith("example.")
    for original in ("52.95.110.1", "2a00:1450::5e"):
        new = ipaddress.ip_address(synthetic("ip_addresses", original, 17))
        assert not new.is_global
        assert new.version == ipaddress.ip_address(original).version


@given(st.sampled_from(KINDS), st.text(min_size=16, max_size=60), st.integers(0, 2**40))
def test_a_replacement_is_known_as_one(kind: str, original: str, seed: int) -> None:
    new = synthetic(kind, original, seed)
    assert new == synthetic(kind, original, seed)
    enough = sum(c in string.ascii_letters + string.digits for c in original) >= 10
    if kind != "keys" or enough:
        assert is_replacement(kind, new)


@given(st.text(string.ascii_letters + string.digits, min_size=12, max_size=40))
def test_an_original_is_not_taken_for_a_replacement(original: str) -> None:
    # The check has 20 bits or more; hypothesis draws some thousand values.
    assert not is_replacement("keys", original)
    assert not is_replacement("passwords", original)


def test_different_originals_and_seeds_differ() -> None:
    originals = [f"{n:032x}" for n in range(2000)]
    assert len({synthetic("keys", original, 17) for original in originals}) == len(originals)
    assert len({synthetic("keys", originals[0], seed) for seed in range(500)}) == 500


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 9), st.sampled_from(KINDS)).map(
            lambda t: Span(t[0], t[0] + t[1], t[2])
        ),
        max_size=12,
    )
)
def test_resolved_spans_cover_the_same_and_do_not_overlap(spans: list[Span]) -> None:
    resolved = resolve(spans)
    assert all(a.end <= b.start for a, b in itertools.pairwise(resolved))
    covered = {place for span in spans for place in range(span.start, span.end)}
    assert covered == {place for span in resolved for place in range(span.start, span.end)}
    for span in resolved:
        inside = [s.kind for s in spans if s.start < span.end and span.start < s.end]
        assert span.kind == min(inside, key=KINDS.index)
