# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents on disk: JSON lines in zstd frames.

Lines are key-sorted UTF-8 JSON, compressed in one thread at a fixed level, so equal documents give
equal bytes. A file may hold several frames one after the other, each readable alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from foundry_plugins.contract.files import atomic_path

# Half the work of zstd's default, 3, for a twentieth more bytes; higher levels take longer than the
# tokenizer.
_LEVEL = 2
_BUFFER_BYTES = 1 << 20


def dump_line(record: dict[str, Any]) -> bytes:
    """One record as a line."""
    import orjson

    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


class LineWriter:
    """Lines on their way into one zstd frame; memory does not grow with their number.

    Attributes:
        num_lines: Lines so far.
    """

    def __init__(self, handle: BinaryIO) -> None:
        import zstandard

        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self._stream = compressor.stream_writer(handle, closefd=False)
        self._content = hashlib.sha256()
        self.num_lines = 0

    def write(self, line: bytes) -> None:
        """Adds a line, its end included."""
        self._stream.write(line)
        self._content.update(line)
        self.num_lines += 1

    def close(self) -> None:
        """Ends the frame."""
        self._stream.close()

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the lines."""
        return self._content.hexdigest()


@contextlib.contextmanager
def writing(path: Path) -> Iterator[LineWriter]:
    """A file of lines that is there when it is whole."""
    with atomic_path(path) as partial, partial.open("wb") as handle:
        writer = LineWriter(handle)
        yield writer
        writer.close()


def read_file(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file, one at a time."""
    import orjson

    for line in read_lines(path):
        yield orjson.loads(line)


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, one at a time, their ends included."""
    import zstandard

    with path.open("rb") as handle:
        stream = zstandard.ZstdDecompressor().stream_reader(handle, read_across_frames=True)
        yield from io.BufferedReader(stream, _BUFFER_BYTES)  # type: ignore[arg-type]
