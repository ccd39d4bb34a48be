# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Text with real special tokens in it, as issues, pull requests and structured notebooks have.

The tokens are kept beside the text (`data_prep.document.Document.markers`): what looks like one
inside the text stays text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Markers = tuple[tuple[int, str], ...]


class MarkedText:
    """A text that grows, with sentinels between its pieces.

    >>> marked = MarkedText().mark("<issue_start>").write("Title").mark("<issue_closed>")
    >>> marked.text, marked.markers
    ('Title', ((0, '<issue_start>'), (5, '<issue_closed>')))
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._markers: list[tuple[int, str]] = []
        self._length = 0

    def __len__(self) -> int:
        """Characters of text."""
        return self._length

    def mark(self, sentinel: str) -> MarkedText:
        """Adds a sentinel."""
        self._markers.append((self._length, sentinel))
        return self

    def write(self, text: str) -> MarkedText:
        """Adds text."""
        self._pieces.append(text)
        self._length += len(text)
        return self

    @property
    def text(self) -> str:
        """The text without the sentinels."""
        return "".join(self._pieces)

    @property
    def markers(self) -> Markers:
        """As a document has them."""
        return tuple(self._markers)


def split(text: str, sentinels: Sequence[str]) -> tuple[str, Markers]:
    """Takes sentinels that are written out in a text out of it.

    >>> split("<jupyter_code>x = 1<empty_output>", ("<jupyter_code>", "<empty_output>"))
    ('x = 1', ((0, '<jupyter_code>'), (5, '<empty_output>')))
    """
    if not sentinels:
        return text, ()
    marked = MarkedText()
    # With a group, the separators come back between the pieces.
    pieces = re.split(f"({'|'.join(map(re.escape, sentinels))})", text)
    for n, piece in enumerate(pieces):
        marked = marked.mark(piece) if n % 2 else marked.write(piece)
    return marked.text, marked.markers
