# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""SPDX licence expressions: ``MIT``, ``GPL-2.0-only WITH Classpath-exception-2.0``, ``A OR B``.

Data sets spell identifiers in several ways: deprecated (``GPL-2.0``, ``GPL-2.0+``) beside current
(``GPL-2.0-only``, ``GPL-2.0-or-later``), in lower or upper case, with the prefix ``deprecated_``
that go-license-detector writes. `family` maps them all to one spelling, so whatever is said of a
licence is said of all of them.

Grammar: SPDX specification 2.3, annex D.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

_TOKEN = re.compile(r"\s*(\(|\)|[A-Za-z0-9][A-Za-z0-9.+:_-]*)")
_SUFFIXES = ("-or-later", "-only", "+")
# What means that nothing is known.
_NOTHING = frozenset({"", "none", "noassertion", "no_license", "unknown"})


def family(identifier: str) -> str:
    """An identifier without case, ``deprecated_`` and what it says of later versions.

    >>> family("GPL-2.0+"), family("deprecated_GPL-2.0"), family("gpl-2.0-or-later")
    ('gpl-2.0', 'gpl-2.0', 'gpl-2.0')
    """
    name = identifier.strip().lower().removeprefix("deprecated_")
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


@functools.cache
def permissive() -> frozenset[str]:
    """The families of ``permissive.txt``."""
    text = Path(__file__).with_name("permissive.txt").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return frozenset(family(line) for line in lines if line and not line.startswith("#"))


def says_something(expression: str) -> bool:
    """Whether it names a licence at all."""
    return expression.strip().lower() not in _NOTHING


def satisfied(expression: str, accept: Callable[[str], bool]) -> bool:
    """Whether the licences that one may choose are all accepted.

    One side of an ``OR`` is enough, both sides of an ``AND`` are needed. An exception (``WITH``)
    only grants more, so the licence before it decides. A text that is no expression is asked about
    as a whole.

    Args:
        expression: An SPDX expression or identifier.
        accept: Called with the `family` of each licence.

    >>> satisfied("MIT OR GPL-3.0-only", {"mit"}.__contains__)
    True
    >>> satisfied("MIT AND (GPL-3.0-only OR Zlib)", {"mit"}.__contains__)
    False
    """
    tokens = tokenize(expression)
    if tokens is None:
        return accept(family(expression))
    parser = _Parser(tokens, accept)
    value = parser.either()
    return value if parser.ended() else accept(family(expression))


@functools.lru_cache(maxsize=4096)
def canonical(text: str) -> str | None:
    """An expression in its official spelling, or None if it is not one of known identifiers.

    >>> canonical("mit or apache-2.0"), canonical("MIT License")
    ('MIT OR Apache-2.0', None)
    """
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return None


def identifiers(expression: str) -> frozenset[str]:
    """The families of the licences that an expression names.

    >>> sorted(identifiers("MIT OR (GPL-2.0-only WITH Classpath-exception-2.0)"))
    ['gpl-2.0', 'mit']
    """
    found: set[str] = set()

    def take(identifier: str) -> bool:
        found.add(identifier)
        return True

    satisfied(expression, take)
    return frozenset(found)


def tokenize(expression: str) -> list[str] | None:
    """Parentheses, operators and identifiers; None if there is anything else, or nothing."""
    tokens: list[str] = []
    position, end = 0, len(expression.rstrip())
    while position < end:
        match = _TOKEN.match(expression, position)
        if match is None:
            return None
        tokens.append(match.group(1))
        position = match.end()
    return tokens or None


class _Parser:
    """Recursive descent; a missing or misplaced token stops it before the end."""

    def __init__(self, tokens: list[str], accept: Callable[[str], bool]) -> None:
        self._tokens = tokens
        self._accept = accept
        self._position = 0

    def ended(self) -> bool:
        return self._position == len(self._tokens)

    def either(self) -> bool:
        value = self._both()
        while self._take("OR"):
            # The right side is read in any case: reading stands before judging.
            right = self._both()
            value = value or right
        return value

    def _both(self) -> bool:
        value = self._one()
        while self._take("AND"):
            right = self._one()
            value = value and right
        return value

    def _one(self) -> bool:
        if self._take("("):
            value = self.either()
            return self._take(")") and value
        if self.ended() or self._tokens[self._position].upper() in ("(", ")", "AND", "OR", "WITH"):
            self._position = len(self._tokens) + 1
            return False
        identifier = self._tokens[self._position]
        self._position += 1
        if self._take("WITH"):
            self._position += 1
        return self._accept(family(identifier))

    def _take(self, token: str) -> bool:
        found = not self._position >= len(self._tokens)
        found = found and self._tokens[self._position].upper() == token
        self._position += found
        return found
