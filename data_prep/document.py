# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The one record that flows through the stages, and what is said of a file that does not.

A document's text is its file's bytes decoded as UTF-8 and nothing else: no normalisation of line
ends, white space or byte-order marks, so that byte offsets in shards are offsets in the file.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from data_prep.languages import language_of
from foundry_plugins.contract.sample import TEXT

if TYPE_CHECKING:
    from data_prep.text_statistics import Statistics


@dataclasses.dataclass(frozen=True, slots=True)
class Dropped:
    """A file that does not become a document, and why."""

    path: str
    reason: str
    language: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class BadRow:
    """Data that cannot be read: counted and set aside, so that one bad row never ends a run.

    Attributes:
        path: The file, as its source names it.
        row: Its row or line, counted from 0; 0 for a file that is broken as a whole.
        reason: One word, e.g. ``invalid_json``.
        detail: What the reader said.
    """

    path: str
    row: int
    reason: str
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Document:
    """A text on its way to the shards.

    Attributes:
        text: The whole text.
        path: Its name within its repository or source, with ``/`` between folders.
        language: A name of `data_prep.languages.LANGUAGES`, or the one that its source gives.
        source: The source's name in the recipe.
        origin: Git object id of the bytes as they were read, in hex; of the commit, for diffs.
        repository: ``owner/name``; empty where there is none.
        licenses: SPDX identifiers; empty where none is known.
        markers: Special tokens inside the text: (character offset, sentinel), ascending.
        format: ``text``, or the diff format (`foundry_plugins.contract.diffs`) that it is in.
        target: Of a diff: index in ``markers`` of the one behind which a model's answer begins.
        metadata: What filters and keep rules may ask for (``stars``, ``is_generated``, ...):
            plain JSON values.
    """

    text: str
    path: str
    language: str
    source: str
    origin: str
    repository: str = ""
    licenses: tuple[str, ...] = ()
    markers: tuple[tuple[int, str], ...] = ()
    format: str = TEXT
    target: int = 0
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the document is known by within its source; every draw made for it hashes it."""
        return f"{self.repository}/{self.path}" if self.repository else self.path

    @property
    def swhid(self) -> str:
        """Software Heritage's persistent identifier of the content or commit (ISO/IEC 18670)."""
        return f"swh:1:{'cnt' if self.format == TEXT else 'rev'}:{self.origin}"

    @functools.cached_property
    def data(self) -> bytes:
        """The text in UTF-8."""
        return self.text.encode()

    @functools.cached_property
    def statistics(self) -> Statistics:
        """The counts that filters share."""
        from data_prep.text_statistics import statistics

        return statistics(self.data)

    def replace(self, **changes: Any) -> Document:
        """A copy with other values."""
        return dataclasses.replace(self, **changes)

    def map_text(self, function: Callable[[str], str]) -> Document:
        """A copy whose text went through ``function``, piece by piece between the markers."""
        pieces: list[str] = []
        markers: list[tuple[int, str]] = []
        start, length = 0, 0
        for offset, sentinel in self.markers:
            pieces.append(function(self.text[start:offset]))
            length += len(pieces[-1])
            markers.append((length, sentinel))
            start = offset
        pieces.append(function(self.text[start:]))
        return self.replace(text="".join(pieces), markers=tuple(markers))

    @classmethod
    def of(
        cls, text: str, path: str = "example.py", source: str = "code", **fields: Any
    ) -> Document:
        """A document from a text in memory, for examples and tests."""
        language = language_of(path)
        if language is None:
            raise ValueError(f"{path} is of no known language")
        made = cls(text, path, language, source, origin=blob_id(text.encode()))
        return made.replace(**fields)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values; those that say nothing are left out."""
        record = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.format == TEXT:
            del record["format"]
        return {key: value for key, value in record.items() if value or key in _ALWAYS}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Document:
        """The document of a record that `to_dict` made."""
        known = {key: value for key, value in record.items() if key in _FIELDS}
        known["licenses"] = tuple(record.get("licenses", ()))
        known["markers"] = tuple((offset, token) for offset, token in record.get("markers", ()))
        return cls(**known)


_ALWAYS = ("text", "path", "language", "source", "origin")
_FIELDS = frozenset(field.name for field in dataclasses.fields(Document))


def blob_id(data: bytes) -> str:
    """Git's id of a file with these bytes: SHA-1 of ``blob <length>``, a zero byte and the data."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
