# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""An object in a store as a file: every read is one request for a range of bytes.

No request outlives its read, so a lost connection costs one range, which is asked for again, and
a seek costs nothing.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

from data_prep.stores import Store
from data_prep.stores.retry import patiently

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Fetch = Callable[[int, int], bytes]


def buffered(store: Store, url: str, fetch: Fetch, size: int, buffer_bytes: int) -> BinaryIO:
    """A buffered file over ``fetch``, whose calls are repeated when they fail."""

    def whole(start: int, stop: int) -> bytes:
        data = fetch(start, stop)
        if len(data) != stop - start:
            raise OSError(f"{len(data)} bytes came instead of {stop - start}")
        return data

    def fetch_patiently(start: int, stop: int) -> bytes:
        return patiently(store, url, "read", lambda: whole(start, stop))

    return cast("BinaryIO", io.BufferedReader(RangedFile(fetch_patiently, size), buffer_bytes))


class RangedFile(io.RawIOBase):
    """Reads through ``fetch(start, stop)``, which returns exactly ``stop - start`` bytes."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Where the next read starts."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves; the next read asks the store."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"Cannot seek to {base + offset}, before the start.")
        self._position = base + offset
        return self._position

    def readall(self) -> bytes:
        """Reads the rest in one request; the inherited one would make a request of every 8 KiB."""
        start, self._position = self._position, max(self._position, self._size)
        return self._fetch(start, self._size) if start < self._size else b""

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Reads as much as there is, up to the buffer's size."""
        view = memoryview(buffer).cast("B")
        stop = min(self._position + len(view), self._size)
        if stop <= self._position:
            return 0
        data = self._fetch(self._position, stop)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
