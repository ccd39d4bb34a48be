# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a string was drawn at random or is made of words.

Three measures, each with its own blind spot:

- Shannon entropy of the characters, the measure of detect-secrets' high-entropy plugins (limits
  3.0 bits for hex and 4.5 for base64 there). It cannot tell ``RefreshTokenRepository`` from a key.
- Letter pairs: the mean of -ln p(next letter | letter), with the pair counts of the model that
  detect-secrets ships for its gibberish filter (trained on RFCs, limit 3.7 there). Words score
  about 2.5, random letters 4.4 with a spread that shrinks with length.
- Changes: the share of neighbours that are of different classes (lower, upper, digit). Random
  base62 changes class at 0.62 of its places, identifiers at 0.1 to 0.3.
"""

from __future__ import annotations

import collections
import functools
import itertools
import json
import math
import string
from importlib import resources

_HEX = frozenset(string.hexdigits)
_MIN_ENTROPY_HEX = 2.6
_MIN_ENTROPY = 3.2
# A string is random if it is clearly no word, or rather no word and of many class changes.
_CLEARLY_NO_WORD = 3.5
_RATHER_NO_WORD = 2.9
_MANY_CHANGES = 0.45
_FEW_CHANGES = 0.12
# Six neighbours in code-point order occur in alphabets, once in 10**8 places of random base62.
_LONGEST_RUN = 6


def entropy(value: str) -> float:
    """Shannon entropy in bits per character.

    >>> entropy("aaaa"), entropy("abab"), entropy("abcd")
    (0.0, 1.0, 2.0)
    """
    counts = collections.Counter(value).values()
    return sum(-n / len(value) * math.log2(n / len(value)) for n in counts) + 0.0


def surprise(value: str) -> float:
    """Mean -ln p(next letter | letter) over pairs of letters, case ignored; 0 without a pair."""
    pairs = _pairs()
    lowered = value.lower()
    seen = [pairs[a + b] for a, b in itertools.pairwise(lowered) if a + b in pairs]
    return sum(seen) / len(seen) if seen else 0.0


def changes(value: str) -> float:
    """The share of neighbours of different classes: lower case, upper case, digit, other.

    >>> changes("aB3dE"), changes("camelCase")
    (1.0, 0.25)
    """
    classes = [_class(character) for character in value]
    changed = sum(a != b for a, b in itertools.pairwise(classes))
    return changed / max(len(classes) - 1, 1)


def is_hex(value: str) -> bool:
    """Whether a string is of hexadecimal digits alone."""
    return _HEX.issuperset(value)


def is_random(value: str) -> bool:
    """Whether a string of 12 characters or more looks drawn at random.

    >>> is_random("9uKEmFfXzOWo69EeNQnWrqfMU"), is_random("d41d8cd98f00b204e9800998ecf8427e")
    (True, True)
    >>> is_random("RefreshTokenRepositoryImpl2"), is_random("database_password_secret")
    (False, False)
    >>> is_random("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), is_random("00000000000000000000000000000001")
    (False, False)
    """
    letters = sum(map(str.isalpha, value))
    if len(value) < 12 or not letters or _in_order(value):
        return False
    if is_hex(value):
        return letters < len(value) and entropy(value) >= _MIN_ENTROPY_HEX
    if entropy(value) < _MIN_ENTROPY:
        return False
    odd, changed = surprise(value), changes(value)
    if odd >= _CLEARLY_NO_WORD:
        # Letters of one case only, e.g. an alphabet in another order, must be quite odd.
        return changed >= _FEW_CHANGES or odd >= _CLEARLY_NO_WORD + 0.3
    # Without a digit, short words in camel case change as often: ArrowDownOrRight.
    mixed = len(value) >= 24 or any(map(str.isdigit, value))
    return mixed and odd >= _RATHER_NO_WORD and changed >= _MANY_CHANGES


def _in_order(value: str) -> bool:
    run = 1
    for first, second in itertools.pairwise(value):
        run = run + 1 if ord(second) - ord(first) == 1 else 1
        if run == _LONGEST_RUN:
            return True
    return False


def _class(character: str) -> int:
    if character.isdigit():
        return 0
    return 1 if character.islower() else 2 if character.isupper() else 3


@functools.cache
def _pairs() -> dict[str, float]:
    """-ln p(b | a) for every pair of letters ``ab``, one added to each count."""
    file = resources.files("detect_secrets") / "filters/gibberish/rfc.model"
    model = json.loads(file.read_text(encoding="utf-8"))
    table = {}
    for first in string.ascii_lowercase:
        row = model["counts"].get(first, {})
        total = sum(row.values()) + len(string.ascii_lowercase)
        for second in string.ascii_lowercase:
            table[first + second] = -math.log((row.get(second, 0) + 1) / total)
    return table
