# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where files are kept: one file a kind of store. `data_prep.store` is the door to them.

A store tries everything once; `data_prep.stores.retry` decides by the store's `Store.explain`
whether an error is the user's to mend or worth another try.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

_READ_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A file in a store.

    Attributes:
        url: Where; a path for a local file.
        size: Its bytes.
        stamp: Changes when its content does: the time of modification in nanoseconds, or a hash of
            the store's own checksum.
        etag: The store's checksum, where it has one.
    """

    url: str
    size: int
    stamp: int
    etag: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Listing:
    """One folder: the urls of its folders, each with ``/`` at the end, and its files."""

    folders: list[str]
    files: list[Found]


def hidden(path: str) -> bool:
    """Whether a file or one of its folders has a name that starts with a dot."""
    return path.startswith(".") or "/." in path


def digest_of(file: BinaryIO) -> bytes:
    """SHA-256 of the rest of a file."""
    sha256 = hashlib.sha256()
    while data := file.read(_READ_BYTES):
        sha256.update(data)
    return sha256.digest()


class Store(Protocol):
    """What a kind of store can do. Folders end with ``/`` (or are empty, for the current one)."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its calls raise beside `UserError`."""
        ...

    def explain(self, error: Exception, url: str, doing: str) -> str | None:
        """The sentence for an error that another try would not mend, else None.

        Args:
            error: One of `errors`.
            url: What was worked on.
            doing: ``read``, ``write`` or ``list``.
        """
        ...

    def info(self, url: str) -> Found | None:
        """The file at ``url``, or None."""
        ...

    def entries(self, folder: str, prefix: str) -> Listing:
        """What a folder holds whose name starts with ``prefix``; nothing if it does not exist."""
        ...

    def below(self, folder: str) -> Iterator[Found]:
        """All files below a folder, at any depth, except `hidden` ones."""
        ...

    def open(self, url: str, buffer_bytes: int) -> BinaryIO:
        """Opens a file for reading from any position."""
        ...

    def put(self, local: Path, url: str) -> None:
        """Copies a local file to ``url``; when this returns, the same bytes are there."""
        ...

    def holds(self, local: Path, found: Found) -> bool:
        """Whether a local file and one in the store are equal, byte for byte or by checksum."""
        ...

    def delete(self, url: str) -> None:
        """Deletes a file if it is there."""
        ...
