# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is put in the place of what was found.

Placeholders are StarCoder's (Li et al. 2023, arXiv 2305.06161, section 4). Synthetic values are
random but valid, as SantaCoder's pipeline makes them: an address at ``example.com``, an IP address
of a network for documentation (RFC 5737, RFC 3849), a key of the same shape. They are a function of
(seed, kind, original), so equal originals get equal replacements in every document and process.

Neither may be found again. Addresses are of kinds that stay. A key or password carries a check:
its last letters and digits are a function of what is before them, which `is_replacement` verifies.
"""

from __future__ import annotations

import re

from foundry_plugins.contract.stateless_hash import below, hash64

PLACEHOLDERS = {
    "emails": "<EMAIL>",
    "ip_addresses": "<IP_ADDRESS>",
    "keys": "<KEY>",
    "passwords": "<PASSWORD>",
    "names": "<NAME>",
}
_ONLY_PLACEHOLDERS = re.compile(f"(?:{'|'.join(PLACEHOLDERS.values())})+")
_EXAMPLE_DOMAINS = ("example.com", "example.net", "example.org")
_DOCUMENTATION_V4 = ("192.0.2", "198.51.100", "203.0.113")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Doe, Roe, Poe: the surnames of nobody in particular.
_FIRST_NAMES = ("Alex", "Chris", "Jamie", "Jordan", "Kim", "Morgan", "Robin", "Sam")
_LAST_NAMES = ("Doe", "Poe", "Roe")
# What says which vendor a key is for stays as it is.
_VENDOR_PART = re.compile(
    r"""
    https?://[\w.]+/(?:services/)? | AccountKey= | eyJ[\w-]+(?=\.) | (?:AKIA|ASIA|ABIA|ACCA|AIza)
    | sk-ant-api03- | sk-proj- | sk-or-v1- | [a-z]{2,9}_(?:live|test|pat|api|v1)_ | github_pat_
    | pypi-AgEIcHlwaS5vcmc | sq0[a-z]{3}- | [a-z]{2,8}[-_](?=[\w=-]{16}) | SG\. | hvs\. | SK | AC
    """,
    re.VERBOSE,
)
_CLASSES = ("0123456789", "abcdef", _LETTERS[6:], "ABCDEF", _LETTERS[6:].upper())
_CLASS_OF = {character: letters for letters in _CLASSES for character in letters}
_CHECKED = 8
_PASSWORD_LENGTH = 12


def placeholder(kind: str) -> str:
    """StarCoder's token for a kind."""
    return PLACEHOLDERS[kind]


def synthetic(kind: str, original: str, seed: int) -> str:
    """A random valid value for an original.

    >>> synthetic("emails", "jane@mail.studio", 1) == synthetic("emails", "jane@mail.studio", 1)
    True
    >>> synthetic("emails", "jane@mail.studio", 1) == synthetic("emails", "jane@mail.studio", 2)
    False
    """
    if kind == "emails":
        local = "".join(_LETTERS[below(26, seed, kind, original, n)] for n in range(5))
        return f"{local}@{_EXAMPLE_DOMAINS[below(3, seed, kind, original, 'domain')]}"
    if kind == "ip_addresses" and ":" in original:
        return f"2001:db8::{below(0xFFFF, seed, kind, original) + 1:x}"
    if kind == "ip_addresses":
        network = _DOCUMENTATION_V4[below(3, seed, kind, original, "network")]
        return f"{network}.{below(254, seed, kind, original) + 1}"
    if kind == "names":
        first = _FIRST_NAMES[below(len(_FIRST_NAMES), seed, kind, original, "first")]
        return f"{first} {_LAST_NAMES[below(len(_LAST_NAMES), seed, kind, original, 'last')]}"
    if kind == "passwords":
        letters = _LETTERS + _LETTERS.upper() + _CLASSES[0]
        return _with_check(
            "".join(letters[below(62, seed, kind, original, n)] for n in range(_PASSWORD_LENGTH))
        )
    return _with_check(_same_shape(original, seed))


def is_replacement(kind: str, value: str) -> bool:
    """Whether a value was put here, so that nothing is replaced twice.

    >>> [is_replacement(kind, placeholder(kind)) for kind in PLACEHOLDERS]
    [True, True, True, True, True]
    >>> all(is_replacement(kind, synthetic(kind, "0a1B2c3D4e5F", 1)) for kind in PLACEHOLDERS)
    True
    >>> is_replacement("passwords", "0a1B2c3D4e5F"), is_replacement("names", "Jane Austen")
    (False, False)
    """
    if _ONLY_PLACEHOLDERS.fullmatch(value):
        return True
    if kind == "emails":
        return value.partition("@")[2] in _EXAMPLE_DOMAINS
    if kind == "ip_addresses":
        return value.startswith(("2001:db8::", *(f"{network}." for network in _DOCUMENTATION_V4)))
    if kind == "names":
        first, _, last = value.partition(" ")
        return first in _FIRST_NAMES and last in _LAST_NAMES
    return sum(map(_CLASS_OF.__contains__, value)) >= _CHECKED + 2 and _with_check(value) == value


def _same_shape(original: str, seed: int) -> str:
    """Every letter and digit after the vendor's part drawn anew, within its class."""
    vendor = _VENDOR_PART.match(original)
    start = vendor.end() if vendor else 0
    key = hash64(seed, "keys", original)
    drawn = [
        _draw(character, key, n) if n >= start else character
        for n, character in enumerate(original)
    ]
    return "".join(drawn)


def _with_check(value: str) -> str:
    """The value with its last eight letters and digits decided by all the others."""
    places = [n for n, character in enumerate(value) if character in _CLASS_OF][-_CHECKED:]
    characters = list(value)
    for place in places:
        # Which of the characters is masked; of what class it is still counts.
        characters[place] = _CLASS_OF[characters[place]][0]
    rest = hash64("check", "".join(characters))
    for place in places:
        characters[place] = _draw(characters[place], rest, place)
    return "".join(characters)


def _draw(character: str, key: int, place: int) -> str:
    letters = _CLASS_OF.get(character)
    return letters[below(len(letters), key, place)] if letters else character
