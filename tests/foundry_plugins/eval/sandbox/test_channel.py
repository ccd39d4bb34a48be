# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import collections
import enum
import itertools
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.eval.sandbox import channel

HASHABLE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)
PLAIN = st.recursive(
    HASHABLE | st.complex_numbers(allow_nan=False),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(HASHABLE, max_size=4),
        st.frozensets(HASHABLE, max_size=4),
        st.dictionaries(HASHABLE, inner, max_size=4),
    ),
    max_leaves=12,
)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    with a, b:
        yield a, b


def same(value: Any) -> Any:
    """Through a real frame."""
    a, b = socket.socketpair()
    with a, b:
        channel.send(a, channel.encode(value))
        return channel.decode(channel.receive(b))


def types_of(value: Any) -> Any:
    if isinstance(value, dict):
        return dict, [(types_of(k), types_of(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [types_of(item) for item in value]
    return type(value)


@given(PLAIN)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    got = same(value)
    assert got == value
    assert types_of(got) == types_of(value)


@pytest.mark.parametrize("odd", [1 << 2000, -(1 << 1000), (1,), {1: 2}, [1 << 1000], b"x", 1j])
def test_one_odd_value_among_many_plain_ones(odd: Any) -> None:
    for value in ([1, 2.5, "x", None, True, odd], [odd, *range(3)], [[1, 2], [odd]]):
        got = same(value)
        assert got == value
        assert types_of(got) == types_of(value)


def test_decimals_and_fractions() -> None:
    from decimal import Decimal
    from fractions import Fraction

    values = [Decimal("1.10"), Decimal("-1E+30"), Decimal("Infinity"), Fraction(1 << 1100, 3)]
    for value in values:
        got = same([value, 1])[0]
        assert (type(got), got) == (type(value), value)
    for forged in (
        {"decimal": "1E+999999999"},
        {"decimal": "one"},
        {"fraction": [1, 0]},
        {"fraction": [1]},
    ):
        with pytest.raises(channel.NotPlainError):
            channel.decode(forged)


def test_values_that_json_lacks() -> None:
    assert same(10**5000) == 10**5000
    assert same(-(2**2000)) == -(2**2000)
    assert str(same(float("nan"))) == "nan"
    assert str(same(-0.0)) == "-0.0"
    assert same(bytearray(b"ab")) == bytearray(b"ab")
    assert same(range(1, 9, 3)) == range(1, 9, 3)
    assert same("\ud800") == "\ud800"
    assert same({1: 2}.keys()) == {1}
    assert list(same({1: 2}.values())) == [2]
    assert same({1: 2}.items()) == {(1, 2)}


def test_subclasses_come_as_what_they_are_subclasses_of_without_being_asked() -> None:
    class Liar(int):
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

        def __index__(self) -> int:
            return 99

    class Color(enum.IntEnum):
        RED = 3

    point = collections.namedtuple("point", "x y")
    for value, plain in (
        (Liar(7), 7),
        (Color.RED, 3),
        (point(1, 2), (1, 2)),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(list, {1: [2]}), {1: [2]}),
    ):
        got = same(value)
        assert (type(got), got) == (type(plain), plain)


def test_iterators_are_looked_at_up_to_a_bound() -> None:
    assert list(same(map(str, [1, 2]))) == ["1", "2"]
    endless = same(itertools.count())
    assert next(endless) == 0
    with pytest.raises(RuntimeError, match="10000 items"):
        list(endless)


def test_numbers_of_numpy_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    assert type(same(numpy.int64(3))) is int
    assert type(same(numpy.bool_(True))) is bool
    with pytest.raises(channel.NotPlainError):
        channel.encode(numpy.arange(3))


def test_what_is_not_plain_is_refused() -> None:
    own: list[Any] = []
    own.append(own)
    for value in (object(), lambda: 0, type, collections.deque([1]), own, [object()]):
        with pytest.raises(channel.NotPlainError):
            channel.encode(value)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"tuple": 3},
        {"tuple": [], "list": []},
        {"set": [[1]]},
        {"dict": [[1]]},
        {"int": "zz"},
        {"int": 3},
        {"bytes": "0"},
        {"complex": [1, 2, 3]},
        {"range": ["a"]},
        {"range": [1, 2, 0]},
        {"object": ["os", {"dict": []}]},
        {"__class__": ["int"]},
        {"eval": ["1"]},
    ],
)
def test_forged_data_makes_nothing(data: Any) -> None:
    with pytest.raises((channel.NotPlainError, NameError)):
        channel.decode(data)


def test_objects_are_rebuilt_by_the_other_sides_class_of_that_name() -> None:
    class Node:
        def __init__(self, value: int, left: Any = None) -> None:
            self.value, self.left = value, left

    ours = Node

    class Theirs:
        pass

    data = channel.encode([Node(1, Node(2))], {"Node": ours})
    (got,) = channel.decode(data, {"Node": Theirs})
    assert type(got) is Theirs
    assert got.left.value == 2
    with pytest.raises(NameError, match="Node"):
        channel.decode(data)


def test_frames_that_are_none(pair: tuple[socket.socket, socket.socket]) -> None:
    a, b = pair
    a.sendall((5).to_bytes(4, "little") + b"nojsn")
    with pytest.raises(channel.NotPlainError):
        channel.receive(b)
    a.sendall((1 << 31).to_bytes(4, "little"))
    with pytest.raises(channel.NotPlainError, match="allowed"):
        channel.receive(b)
    deep = b"[" * 200_000
    a.sendall(len(deep).to_bytes(4, "little") + deep)
    with pytest.raises(channel.NotPlainError):
        channel.receive(b)
    with pytest.raises(channel.NotPlainError, match="allowed"):
        channel.send(a, "x" * 100, limit=50)
    a.sendall(b"\x05\x00")
    a.close()
    with pytest.raises(EOFError):
        channel.receive(b)
