# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The hash that replaces random generators: pinned for ever, uniform, unambiguous."""

from __future__ import annotations

import struct
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.contract.stateless_hash import below, hash64, uniform

KEYS = st.lists(
    st.one_of(st.integers(-(2**64), 2**64 - 1), st.text(max_size=9), st.binary(max_size=9)),
    max_size=4,
)


def test_golden_values() -> None:
    # Shards, splits and training draws depend on these: a change makes old runs irreproducible.
    assert hash64() == 13020603013274838756
    assert hash64(17, "a/b.py", "split") == 18065935720451909675
    assert hash64(-1, b"\x00", "") == 5021275508997028234
    assert uniform(17, "a/b.py", "split") == 0.9793563378048719
    assert below(10, 17, "a/b.py", "part") == 3


def test_definition_by_hand() -> None:
    data = b"i" + (17).to_bytes(9, "little", signed=True)
    data += b"s" + struct.pack("<Q", 2) + b"ab" + b"b" + struct.pack("<Q", 1) + b"c"
    expected = int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
    assert hash64(17, "ab", b"c") == expected


def test_keys_do_not_run_together() -> None:
    keys = [("ab", "c"), ("a", "bc"), ("abc",), (b"ab", "c"), (1, 2), (12,), ("1", "2"), (2, 1)]
    assert len({hash64(*key) for key in keys}) == len(keys)


@given(KEYS, st.integers(1, 2**63))
def test_bounds(keys: list[int | str | bytes], bound: int) -> None:
    assert 0 <= hash64(*keys) < 2**64
    assert 0.0 <= uniform(*keys) < 1.0
    assert 0 <= below(bound, *keys) < bound
    assert below(1, *keys) == 0


def test_draws_are_uniform() -> None:
    draws = [uniform(17, n) for n in range(10_000)]
    counts = [0] * 10
    for draw in draws:
        counts[int(draw * 10)] += 1
    # 99.9 % point of chi-square with 9 degrees of freedom.
    assert sum((count - 1000) ** 2 / 1000 for count in counts) < 27.9
    numbers = [below(7, 17, n) for n in range(7000)]
    assert sum((numbers.count(k) - 1000) ** 2 / 1000 for k in range(7)) < 22.5


def test_integers_beyond_65_bits_are_refused() -> None:
    with pytest.raises(OverflowError):
        hash64(2**71)
