# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The one record that flows through the stages, and what is said of a file that does not.

A document's text is its file's bytes decoded as UTF-8 and nothing else: no normalisation of line
ends, white space or byte-order marks, so that byte offsets in shards are offsets in the file.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from data_prep.languages import language_of


@dataclasses.dataclass(frozen=True, slots=True)
class Dropped:
    """A file that does not become a document, and why."""

    path: str
    reason: str
    language: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """A text on its way to the shards.

    Attributes:
        text: The whole text.
        path: Its name within its source, with ``/`` between folders.
        language: One of `data_prep.languages.LANGUAGES`.
        source: The source's name in the recipe.
        origin: Git object id of the bytes as they were read, in hex.
    """

    text: str
    path: str
    language: str
    source: str
    origin: str

    @property
    def swhid(self) -> str:
        """Software Heritage's persistent identifier of the content (ISO/IEC 18670)."""
        return f"swh:1:cnt:{self.origin}"

    @classmethod
    def of(cls, text: str, path: str = "example.py", source: str = "code") -> Document:
        """A document from a text in memory, for examples and tests."""
        found = decode(text.encode(), path=path, source=source)
        if isinstance(found, Dropped):
            raise ValueError(f"{path}: {found.reason}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def blob_id(data: bytes) -> str:
    """Git's id of a file with these bytes: SHA-1 of ``blob <length>``, a zero byte and the data."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def decode(data: bytes, *, path: str, source: str) -> Document | Dropped:
    """A document from a file's bytes, or why it cannot be one.

    Reasons: ``not_source`` (the name is of no known language), ``empty``, ``binary`` (has a zero
    byte), ``not_utf8``.
    """
    language = language_of(path)
    if language is None:
        return Dropped(path, "not_source")
    if not data:
        return Dropped(path, "empty", language)
    if b"\0" in data:
        return Dropped(path, "binary", language)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Dropped(path, "not_utf8", language)
    return Document(text=text, path=path, language=language, source=source, origin=blob_id(data))
