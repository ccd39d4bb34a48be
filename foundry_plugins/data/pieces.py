# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The tokens of a fragment, cut at characters, as if each piece had been encoded by itself.

A cut falls between two characters, often inside a token. All tokens between the safe place nearest
to the cut (`foundry_plugins.data.boundaries`) and the next cut stay as they are; the few characters
from there to the cut are encoded anew:

    tokens       a  b | c  d  e | f  g           | safe places
    cut in d           ^
    left piece   a  b + encode("c" + start of d)
    right piece      encode(end of d + "e") + f  g

Where the vocabulary has no safe places, or none lies between, a whole piece is encoded. The result
is what encoding whole pieces gives, in every case: a document's start and end are safe, and so, by
definition, is a context edge, beyond which nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from foundry_plugins.data.vocabulary import Vocabulary

_LONGEST_CHARACTER = 4  # bytes in UTF-8


class Place(NamedTuple):
    """A place between two characters: ``offset`` bytes into token number ``token``."""

    token: int
    offset: int


class Body:
    """A fragment's tokens without its end token, of which characters are whole.

    A context edge may fall inside a UTF-8 character: the tokens that hold parts of one, at the
    ends, cannot be cut. They are ``tokens[:first]`` and ``tokens[last:]``.
    """

    def __init__(self, tokens: np.ndarray, first: int, last: int, vocabulary: Vocabulary) -> None:
        self.tokens = tokens
        self.first = first
        self.last = last
        self._vocabulary = vocabulary
        self._characters = np.cumsum(vocabulary.character_counts[tokens[first:last]])

    @classmethod
    def of(cls, tokens: np.ndarray, vocabulary: Vocabulary) -> Body | None:
        """None where nothing can be cut: no whole character, or a special token inside."""
        if not len(tokens) or not vocabulary.byte_lengths[tokens].all():
            return None
        first, last = 0, len(tokens)
        table = vocabulary.token_bytes
        while first < last and _continues(table[tokens[first]][0]):
            first += 1
        while first < last and _ends_inside(tokens[first:last], table):
            last -= 1
        return cls(tokens, first, last, vocabulary) if first < last else None

    @property
    def length(self) -> int:
        """In whole characters."""
        return int(self._characters[-1])

    @property
    def text(self) -> str:
        """The whole characters."""
        return self._text(Place(self.first, 0), Place(self.last, 0))

    def place(self, character: int) -> Place:
        """Where a character begins; for the number of characters, where the last one ends."""
        if character == self.length:
            return Place(self.last, 0)
        number = int(np.searchsorted(self._characters, character, side="right"))
        skip = character - (int(self._characters[number - 1]) if number else 0)
        data = self._vocabulary.token_bytes[self.tokens[self.first + number]]
        begins = [offset for offset, byte in enumerate(data) if not _continues(byte)]
        return Place(self.first + number, begins[skip])

    def before(self, place: Place) -> np.ndarray:
        """Ids of all up to a place."""
        start = self.safe_before(place)
        return np.concatenate([self.tokens[:start], self._ids(Place(start, 0), place)])

    def between(self, start: Place, end: Place) -> np.ndarray:
        """Ids of the piece between two places."""
        stay, until = self._safe_after(start), self.safe_before(end)
        if stay > until:
            return self._ids(start, end)
        head, tail = self._ids(start, Place(stay, 0)), self._ids(Place(until, 0), end)
        return np.concatenate([head, self.tokens[stay:until], tail])

    def after(self, place: Place) -> np.ndarray:
        """Ids of all from a place on."""
        stop = self._safe_after(place)
        return np.concatenate([self._ids(place, Place(stop, 0)), self.tokens[stop:]])

    def safe_before(self, place: Place) -> int:
        """The last token that begins at or before the place, and at a safe one."""
        number = place.token
        while number > self.first and not self._begins_safely(number):
            number -= 1
        return number

    def _safe_after(self, place: Place) -> int:
        """The first token that begins at or after the place, and at a safe one."""
        number = place.token + (place.offset > 0)
        if number == self.first and not place.offset:
            return number  # nothing was cut off before it
        while number < self.last and not self._begins_safely(number):
            number += 1
        return number

    def _begins_safely(self, number: int) -> bool:
        if number == self.last:
            return True
        return self._vocabulary.is_safe(self.tokens[number - 1], self.tokens[number])

    def _ids(self, start: Place, end: Place) -> np.ndarray:
        if start == end:
            return np.zeros(0, dtype=np.int64)
        return self._vocabulary.ids(self._text(start, end))

    def _text(self, start: Place, end: Place) -> str:
        """The text between two places.

        Raises:
            UnicodeDecodeError: if the fragment is not from a text in UTF-8.
        """
        table = self._vocabulary.token_bytes
        stop = end.token + (end.offset > 0)
        data = b"".join([table[token] for token in self.tokens[start.token : stop].tolist()])
        behind = len(table[self.tokens[end.token]]) - end.offset if end.offset else 0
        return data[start.offset : len(data) - behind].decode("utf-8")


def _continues(byte: int) -> bool:
    return byte & 0xC0 == 0x80


def _ends_inside(tokens: np.ndarray, table: Sequence[bytes]) -> bool:
    """Whether the last character lacks bytes."""
    tail = b"".join(table[token] for token in tokens[-_LONGEST_CHARACTER:].tolist())
    for back, byte in enumerate(reversed(tail[-_LONGEST_CHARACTER:]), start=1):
        if not _continues(byte):
            wanted = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back < wanted
    return True
