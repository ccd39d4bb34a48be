# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Writing and reading pieces: the one way in which the formats make and parse them."""

from __future__ import annotations

from collections.abc import Iterable

from foundry_plugins.contract.diffs.record import Piece, Rendered, Sentinel


class Writer:
    """Pieces that grow.

    >>> Writer().mark("<filename>").write("a.py").mark("<commit_after>").begin_target().done()
    ... # doctest: +NORMALIZE_WHITESPACE
    Rendered(pieces=(Sentinel(name='<filename>'), 'a.py', Sentinel(name='<commit_after>')),
             target=3, is_change=True)
    """

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._target = 0

    def mark(self, sentinel: str) -> Writer:
        """Adds a special token."""
        self._pieces.append(Sentinel(sentinel))
        return self

    def write(self, text: str) -> Writer:
        """Adds text."""
        if text:
            self._pieces.append(text)
        return self

    def begin_target(self) -> Writer:
        """What follows is what a model is to write; a special token must come before."""
        self._target = len(self._pieces)
        return self

    def done(self, *, is_change: bool = True) -> Rendered:
        """All of it."""
        return Rendered(tuple(self._pieces), self._target, is_change)


class Reader:
    """Goes through pieces once; every surprise is a `ValueError` that says what and where.

    Texts that follow each other, as a model's answer after its prompt, are one.
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces: list[Piece] = []
        for piece in pieces:
            last = self._pieces[-1] if self._pieces else None
            if isinstance(piece, str) and isinstance(last, str):
                self._pieces[-1] = last + piece
            else:
                self._pieces.append(piece)
        self._next = 0

    def at(self, sentinel: str) -> bool:
        """Whether ``sentinel`` is next."""
        return self._peek() == Sentinel(sentinel)

    def take(self, sentinel: str) -> bool:
        """Goes past ``sentinel`` if it is next; whether it was."""
        found = self.at(sentinel)
        self._next += found
        return found

    def expect(self, sentinel: str) -> None:
        """Goes past ``sentinel``."""
        if not self.take(sentinel):
            raise ValueError(f"Piece {self._next} must be {sentinel}, got {self._shown()}.")

    def text(self) -> str:
        """Goes past the text that is next, empty if there is none."""
        piece = self._peek()
        if not isinstance(piece, str):
            return ""
        self._next += 1
        return piece

    def section(self, sentinel: str) -> str:
        """Goes past ``sentinel`` and the text behind it."""
        self.expect(sentinel)
        return self.text()

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._peek() is None

    def end(self) -> None:
        """Makes sure that nothing is left."""
        if not self.at_end():
            raise ValueError(f"Piece {self._next} must be the end, got {self._shown()}.")

    def _peek(self) -> Piece | None:
        return self._pieces[self._next] if self._next < len(self._pieces) else None

    def _shown(self) -> str:
        piece = self._peek()
        if piece is None:
            return "the end"
        return piece.name if isinstance(piece, Sentinel) else f"the text {piece[:40]!r}"
