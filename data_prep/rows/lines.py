# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Lines of a file of any size, plain or compressed, in bounded memory.

No more is held than the largest line that is allowed: a longer one is counted and skipped, however
long it is and however small it was compressed. A stream that ends too early gives every line that
it holds whole, to the last byte that can be decompressed, and then says that it is broken.
"""

from __future__ import annotations

import contextlib
import lzma
from collections.abc import Iterator
from typing import Any

from data_prep import store
from data_prep.document import BadRow
from foundry_plugins.contract.errors import UserError

# A file's last ending -> Arrow's name of the codec; xz is the standard library's.
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4", ".xz": "xz"}
_READ_BYTES = 1 << 16
_BROKEN = (OSError, EOFError, lzma.LZMAError)


class _BrokenStream(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def compression_of(url: str) -> str | None:
    """The codec that a file's name tells, or None."""
    return COMPRESSIONS.get(f".{url.rpartition('.')[2].lower()}")


def read_lines(
    url: str, *, limit_bytes: int, start: int = 0, stop: int | None = None
) -> Iterator[tuple[int, bytes] | BadRow]:
    """The lines of a file without their ends, each with its number; blank ones are left out.

    Args:
        url: A file. If its name tells a compression, it is decompressed.
        limit_bytes: Largest line that is read.
        start: Of a plain file: only lines that begin at this byte or later, counted from there.
        stop: Of a plain file: only lines that begin before this byte.

    Yields:
        ``(number, line)``, or what is wrong: ``over_limit`` for a line; ``truncated``,
        ``broken_file`` or ``unreadable`` for all that follows.
    """
    file = name_of_range(url, start)
    # A range begins with the end of a line that is another's: from the byte before it, everything
    # up to the first line end is passed over.
    position, number = (start - 1, -1) if start else (0, 0)
    try:
        for size, line in _lines(_chunks(url, position), limit_bytes):
            if stop is not None and position >= stop:
                return
            if number >= 0 and line is None:
                yield BadRow(file, number, "over_limit", f"a line of {size} bytes")
            elif number >= 0 and line and not line.isspace():
                yield number, line
            position += size + 1
            number += 1
    except _BrokenStream as error:
        yield BadRow(file, max(number, 0), error.reason, error.detail)


def name_of_range(url: str, start: int) -> str:
    """What rows of a range are said to be in; their numbers count from its first whole line."""
    return f"{url}@{start}" if start else url


def _lines(chunks: Iterator[bytes], limit_bytes: int) -> Iterator[tuple[int, bytes | None]]:
    """Each line's bytes and the line, None in place of one over the limit."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        pieces = chunk.split(b"\n")
        last = len(pieces) - 1
        for n, piece in enumerate(pieces):
            size += len(piece)
            if size <= limit_bytes:
                held.append(piece)
            else:
                held.clear()
            if n < last:
                yield size, b"".join(held) if size <= limit_bytes else None
                held, size = [], 0
    if size:
        yield size, b"".join(held) if size <= limit_bytes else None


def _chunks(url: str, start: int) -> Iterator[bytes]:
    """A file's content, piece by piece.

    Raises:
        _BrokenStream: after the last byte that could be read.
    """
    given = 0
    try:
        with _opened(url, start) as stream:
            while piece := stream.read(_READ_BYTES):
                given += len(piece)
                yield piece
    except _BROKEN as error:
        if compression_of(url) is not None:
            yield from _rest(url, given)
        raise _explained(error, compressed=compression_of(url) is not None) from error


def _rest(url: str, given: int) -> Iterator[bytes]:
    """What a failed read had decompressed before it failed: read again, byte by byte."""
    with contextlib.suppress(*_BROKEN), _opened(url, 0) as stream:
        while given:
            given -= len(stream.read(min(given, _READ_BYTES)))
        while byte := stream.read(1):
            yield byte


@contextlib.contextmanager
def _opened(url: str, start: int) -> Iterator[Any]:
    codec = compression_of(url)
    with _file(url) as file:
        if codec is None:
            file.seek(start)
            yield file
        elif codec == "xz":
            with lzma.open(file) as stream:
                yield stream
        else:
            import pyarrow as pa

            with pa.CompressedInputStream(pa.PythonFile(file, mode="r"), codec) as stream:
                yield stream


def _file(url: str) -> Any:
    try:
        return store.open_read(url)
    except UserError as error:
        # One file of a folder here is no reason to stop; a store that refuses is.
        if store.is_remote(url):
            raise
        raise _BrokenStream("unreadable", str(error)) from error


def _explained(error: Exception, *, compressed: bool) -> _BrokenStream:
    detail = " ".join(str(error).split())
    if isinstance(error, EOFError) or "runcated" in detail:
        return _BrokenStream("truncated", detail)
    return _BrokenStream("broken_file" if compressed else "unreadable", detail)
