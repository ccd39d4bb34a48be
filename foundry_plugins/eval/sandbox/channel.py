# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Frames between processes that do not trust each other, and plain data in them.

A frame is a length (4 bytes, little-endian) and that much JSON. Values of Python that JSON lacks
are objects with one key, their type. What is decoded consists of exact builtin types, whatever was
sent: nothing in it can bring code along, as a pickle, an ``__eq__`` or a subclass of int would.
What answers are made of on the candidate's side decides nothing: it can only lie about itself.
"""

from __future__ import annotations

import itertools
import json
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MAX_FRAME_BYTES = 1 << 26
MAX_ITEMS = 10_000  # of an iterator, which may have no end
_HEADER = struct.Struct("<I")
_DIGITS = 10_000  # of a decimal number; more would keep a judge busy
_SMALL = 1 << 1000  # JSON's integers are decimal, which Python bounds at 4300 digits
# Methods of the builtin types themselves, which a subclass cannot change.
_EXACT: dict[type, Callable[[Any], Any]] = {
    int: int.__index__,
    float: float.__pos__,
    str: str.__str__,
    bytes: lambda value: bytes(memoryview(value)),
    bytearray: lambda value: bytearray(memoryview(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    list: lambda value: list(list.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
}
_SIMPLE = {type(None), bool, str, float, int}
_VIEWS = {type({}.keys()): "keys", type({}.values()): "values", type({}.items()): "items"}


class NotPlainError(TypeError):
    """A value that is not plain data, or no frame at all."""


def send(sock: socket.socket, content: Any, limit: int = MAX_FRAME_BYTES) -> None:
    """Sends one frame.

    Raises:
        NotPlainError: if it is larger than ``limit`` bytes; nothing is sent then.
    """
    data = json.dumps(content, separators=(",", ":")).encode()
    if len(data) > limit:
        raise NotPlainError(f"{len(data)} bytes, more than the {limit} allowed")
    sock.sendall(_HEADER.pack(len(data)) + data)


def receive(sock: socket.socket, limit: int = MAX_FRAME_BYTES) -> Any:
    """Waits for one frame.

    Raises:
        EOFError: if the other side is gone.
        NotPlainError: if what came is no frame of at most ``limit`` bytes.
    """
    (size,) = _HEADER.unpack(_exactly(sock, _HEADER.size))
    if size > limit:
        raise NotPlainError(f"{size} bytes, more than the {limit} allowed")
    try:
        return json.loads(_exactly(sock, size))
    except (ValueError, RecursionError) as error:
        raise NotPlainError(f"no frame: {error}") from error


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        try:
            part = sock.recv(min(size, 1 << 20))
        except ConnectionError:
            part = b""
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def encode(value: Any, classes: Mapping[str, type] | None = None) -> Any:
    """What JSON can hold of a value.

    Args:
        value: Builtin types, their subclasses (as what they are subclasses of), iterators (their
            first `MAX_ITEMS` items) and views of dicts, decimals, fractions and numbers of numpy.
        classes: Instances of these are sent as name and attributes.

    Raises:
        NotPlainError: for anything else, a value that holds itself among them.
    """
    try:
        return _encode(value, classes or {})
    except RecursionError as error:
        raise NotPlainError("a value nested too deeply") from error


def _encode(value: Any, classes: Mapping[str, type]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, str, float):
        return value
    if kind is int:
        return value if -_SMALL < value < _SMALL else {"int": hex(value)}
    if kind is list:
        return value if _is_simple(value) else [_encode(item, classes) for item in value]
    if kind is dict:
        return {"dict": [[_encode(k, classes), _encode(v, classes)] for k, v in value.items()]}
    if kind in (tuple, set, frozenset):
        return {kind.__name__: [_encode(item, classes) for item in value]}
    if kind in (bytes, bytearray):
        return {kind.__name__: value.hex()}
    if kind is complex:
        return {"complex": [value.real, value.imag]}
    if kind is range:
        return {"range": [_encode(x, classes) for x in (value.start, value.stop, value.step)]}
    if kind in _VIEWS:
        return {_VIEWS[kind]: [_encode(item, classes) for item in value]}
    return _encode_other(value, kind, classes)


def _is_simple(items: list[Any]) -> bool:
    """Whether JSON has all of them as they are; told without a call for each of a million."""
    kinds = set(map(type, items))
    if not kinds <= _SIMPLE:
        return False
    return int not in kinds or all(-_SMALL < x < _SMALL for x in items if type(x) is int)


def _encode_other(value: Any, kind: type, classes: Mapping[str, type]) -> Any:
    if classes.get(kind.__name__) is kind:
        return {"object": [kind.__name__, _encode(dict(vars(value)), classes)]}
    for base, exact in _EXACT.items():
        if isinstance(value, base):
            return _encode(exact(value), classes)
    if (kind.__module__, kind.__name__) == ("decimal", "Decimal"):
        return {"decimal": str(value)}
    if (kind.__module__, kind.__name__) == ("fractions", "Fraction"):
        return {"fraction": [_encode(x, classes) for x in (value.numerator, value.denominator)]}
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == ():
        return _encode(value.item(), classes)
    if isinstance(value, Iterator):
        items = [_encode(item, classes) for item in itertools.islice(value, MAX_ITEMS + 1)]
        return {"iterator": items}
    raise NotPlainError(f"a value of type {kind.__name__} is not plain data")


def decode(data: Any, classes: Mapping[str, type] | None = None) -> Any:
    """The value of what `encode` made.

    Args:
        data: From a frame.
        classes: Names that an object may have; none without.

    Raises:
        NotPlainError: if it is nothing that `encode` makes.
    """
    try:
        return _decode(data, classes or {})
    except (
        RecursionError,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        ArithmeticError,
    ) as error:
        raise NotPlainError(f"not plain data: {error}") from error


def _decode(data: Any, classes: Mapping[str, type]) -> Any:
    if data is None or type(data) in (bool, str, float, int):
        return data
    if type(data) is list:
        if set(map(type, data)) <= _SIMPLE:
            return data
        return [_decode(item, classes) for item in data]
    ((kind, content),) = data.items()
    if kind == "int":
        return int(content, 16)
    if kind == "decimal":
        return _decimal(content)
    if kind in ("bytes", "bytearray"):
        return {"bytes": bytes, "bytearray": bytearray}[kind].fromhex(content)
    if kind == "object":
        return _object(content, classes)
    items = [_decode(item, classes) for item in content]
    make = _MAKE.get(kind)
    if make is None:
        raise ValueError(f"unknown type {kind!r}")
    return make(items)


def _object(content: Any, classes: Mapping[str, type]) -> Any:
    name, attributes = content
    if name not in classes:
        raise NameError(f"name {name!r} is not defined")
    made = object.__new__(classes[name])
    vars(made).update(_decode(attributes, classes))
    return made


def _decimal(text: Any) -> Any:
    # Imported where it is needed: it would make every fork dearer.
    from decimal import Decimal

    value = Decimal(str(text))
    if value.is_finite() and abs(value.adjusted()) > _DIGITS:
        raise ValueError("a number with too many digits")
    return value


def _fraction(parts: list[Any]) -> Any:
    from fractions import Fraction

    return Fraction(int(parts[0]), int(parts[1]))


def _iterate(items: list[Any]) -> Iterator[Any]:
    yield from items[:MAX_ITEMS]
    if len(items) > MAX_ITEMS:
        raise RuntimeError(f"only {MAX_ITEMS} items of an iterator are looked at")


_MAKE: dict[str, Any] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "complex": lambda parts: complex(*parts),
    "fraction": _fraction,
    "range": lambda parts: range(*parts),
    "iterator": _iterate,
    "keys": lambda items: dict.fromkeys(items).keys(),
    "values": lambda items: dict(enumerate(items)).values(),
    "items": lambda items: dict(items).items(),
}
