# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``gs://``, ``hdfs://``, ``abfs://``: whatever ``pyarrow.fs`` opens.

These stores show no checksum through that library, so what was written is read back once and
compared by SHA-256.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from data_prep.stores import Found, Listing, digest_of, hidden
from data_prep.stores.ranged import buffered
from data_prep.stores.retry import FIRST_CONTACT_SECONDS, patiently
from foundry_plugins.contract.errors import UserError

if TYPE_CHECKING:
    from pyarrow import fs

SCHEMES = ("gs", "gcs", "hdfs", "viewfs", "abfs", "abfss")
_CHUNK_BYTES = 1 << 23
# The library's own tries end after this time; longer ones are for `data_prep.stores.retry`.
_TRY_SECONDS = 15
_ADVICE = "check the host's or bucket's name, the network and that you are logged in"


class ArrowStore:
    """See `data_prep.stores.Store`.

    Args:
        root: What the urls of the store start with, e.g. ``gs://bucket/``.
        filesystem: Of ``pyarrow.fs``.
        base: What ``root`` is called there, e.g. ``bucket/``.
    """

    errors: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, root: str, filesystem: fs.FileSystem, base: str) -> None:
        self._root = root
        self._filesystem = filesystem
        self._base = base

    @classmethod
    def connect(cls, url: str) -> ArrowStore:
        """The store of a url.

        Raises:
            UserError: if the library for it is missing or it does not answer.
        """
        from pyarrow import fs

        scheme, _, rest = url.partition("://")
        host = rest.partition("/")[0]
        root = f"{scheme}://{host}/"
        if scheme in ("gs", "gcs"):
            limit = timedelta(seconds=_TRY_SECONDS)
            store = cls(root, fs.GcsFileSystem(retry_time_limit=limit), f"{host}/")
        else:
            try:
                filesystem, path = fs.FileSystem.from_uri(f"{root}x")
            except (OSError, ValueError) as error:
                raise UserError(f"Cannot reach {url}: {' '.join(str(error).split())}.") from error
            store = cls(root, filesystem, path.removesuffix("x"))
        patiently(store, url, "reach", store._greet, FIRST_CONTACT_SECONDS, _ADVICE)
        return store

    def explain(self, error: Exception, url: str, doing: str) -> str | None:
        """By the error's class where the library tells them apart; else another try."""
        if isinstance(error, FileNotFoundError):
            return f"There is no {url}; give the url of a file or folder that exists."
        if isinstance(error, PermissionError):
            return f"Access denied: may not {doing} {url}; log in as a user who may."
        return None

    def info(self, url: str) -> Found | None:
        """One request."""
        return self._found(self._filesystem.get_file_info(self._path(url)))

    def entries(self, folder: str, prefix: str) -> Listing:
        """One level."""
        from pyarrow import fs

        listing = Listing([], [])
        for info in self._select(folder, recursive=False):
            if not info.base_name.startswith(prefix):
                continue
            if info.type == fs.FileType.Directory:
                listing.folders.append(f"{folder}{info.base_name}/")
            elif (found := self._found(info)) is not None:
                listing.files.append(found)
        return listing

    def below(self, folder: str) -> Iterator[Found]:
        """All levels."""
        for info in self._select(folder, recursive=True):
            found = self._found(info)
            if found is not None and not hidden(found.url[len(folder) :]):
                yield found

    def open(self, url: str, buffer_bytes: int) -> BinaryIO:
        """Reads ranges of one opened file."""
        file = self._filesystem.open_input_file(self._path(url))

        def fetch(start: int, stop: int) -> bytes:
            return file.read_at(stop - start, start)

        return buffered(self, url, fetch, file.size(), buffer_bytes)

    def put(self, local: Path, url: str) -> None:
        """Writes a file and reads it back."""
        path = self._path(url)
        self._filesystem.create_dir(path.rpartition("/")[0], recursive=True)
        try:
            with (
                local.open("rb") as file,
                self._filesystem.open_output_stream(path, compression=None) as out,
            ):
                while data := file.read(_CHUNK_BYTES):
                    out.write(data)
        except OSError:
            # The stream's end may have made an object of what had been written so far.
            with contextlib.suppress(OSError):
                self.delete(url)
            raise
        found = self.info(url)
        if found is None or not self.holds(local, found):
            raise OSError(f"what arrived at {url} is not what was sent")

    def holds(self, local: Path, found: Found) -> bool:
        """By size, then by reading it back."""
        if local.stat().st_size != found.size:
            return False
        with self.open(found.url, _CHUNK_BYTES) as remote, local.open("rb") as file:
            return digest_of(remote) == digest_of(file)

    def delete(self, url: str) -> None:
        """Deletes a file if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._filesystem.delete_file(self._path(url))

    def _greet(self) -> None:
        # Who may read an object need not be allowed to see its bucket.
        with contextlib.suppress(PermissionError, FileNotFoundError):
            self._filesystem.get_file_info(self._base.rstrip("/") or "/")

    def _select(self, folder: str, *, recursive: bool) -> list[fs.FileInfo]:
        from pyarrow import fs

        path = self._path(folder).rstrip("/")
        return self._filesystem.get_file_info(
            fs.FileSelector(path, allow_not_found=True, recursive=recursive)
        )

    def _path(self, url: str) -> str:
        return self._base + url.removeprefix(self._root)

    def _found(self, info: fs.FileInfo) -> Found | None:
        from pyarrow import fs

        if info.type != fs.FileType.File:
            return None
        url = self._root + info.path.removeprefix(self._base)
        return Found(url, info.size, info.mtime_ns or 0)
