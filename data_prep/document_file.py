# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents on disk: JSON lines in zstd frames.

Lines are key-sorted UTF-8 JSON, compressed in one thread at a fixed level, so equal documents give
equal bytes. A file may hold several frames one after the other, each readable alone.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

# zstd's own default; higher levels cost more than the tokenizer and save a few per cent.
_LEVEL = 3


def dump_line(record: dict[str, Any]) -> bytes:
    """One record as a line."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def compress_lines(lines: Iterable[bytes]) -> tuple[bytes, str]:
    """One zstd frame of lines, and the SHA-256 of what is in it."""
    import zstandard

    content = b"".join(lines)
    frame = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(content)
    return frame, hashlib.sha256(content).hexdigest()


def read_lines(frame: bytes) -> Iterator[dict[str, Any]]:
    """The records of one or several frames held in memory."""
    yield from _records(io.BytesIO(frame))


def read_file(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file, one at a time."""
    with path.open("rb") as handle:
        yield from _records(handle)


def _records(handle: BinaryIO) -> Iterator[dict[str, Any]]:
    import zstandard

    stream = zstandard.ZstdDecompressor().stream_reader(handle, read_across_frames=True)
    # newline="\n": a text wrapper would else end lines at \r, which JSON strings never hold raw,
    # but which costs a second scan.
    for line in io.TextIOWrapper(stream, encoding="utf-8", newline="\n"):
        yield json.loads(line)
