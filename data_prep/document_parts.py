# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents on their way from their sources to the parts that they are packed in.

Only the ends of that way look at a text, so a text is compressed once, as a zstd frame of its own,
and moved as it is. Its other fields lie beside it:

``<part>.texts``            frames, one after the other
``<part>.fields.jsonl.zst`` a line a document, in the same order, with `NUM_BYTES`, those of the
                            text in UTF-8, and `FRAME_BYTES`, those of its frame
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from data_prep.document import Document
from data_prep.document_file import LineWriter, dump_line, read_lines

TEXTS = "texts"
FIELDS = "fields.jsonl.zst"
NUM_BYTES, FRAME_BYTES = "num_bytes", "frame_bytes"
# Half the work of zstd's default and a twentieth more bytes, which are read once or twice.
_LEVEL = 1

Fields = dict[str, Any]


class Writer:
    """Documents on their way into both files."""

    def __init__(self, texts: BinaryIO, fields: LineWriter) -> None:
        self._texts = texts
        self._fields = fields

    def add(self, document: Document) -> None:
        """Adds a document."""
        frame = _compressor().compress(document.data)
        self._texts.write(frame)
        fields = document.to_dict()
        del fields["text"]
        sizes = {NUM_BYTES: len(document.data), FRAME_BYTES: len(frame)}
        self._fields.write(dump_line({**fields, **sizes}))


def read_fields(path: Path) -> Iterator[tuple[bytes, Fields]]:
    """The lines of a file of fields, each as it stands and parsed."""
    for line in read_lines(path):
        yield line, orjson.loads(line)


def read(texts: Path, fields: Path) -> Iterator[tuple[bytes, Fields, bytes]]:
    """The documents of a part: a line of fields as it stands and parsed, and the text's frame."""
    with texts.open("rb") as handle:
        for line, parsed in read_fields(fields):
            yield line, parsed, handle.read(parsed[FRAME_BYTES])


def record_of(fields: Fields, frame: bytes) -> dict[str, Any]:
    """The document as `data_prep.document_file` holds it."""
    record = {**fields, "text": _decompressor().decompress(frame).decode()}
    del record[NUM_BYTES], record[FRAME_BYTES]
    return record


@functools.cache
def _compressor() -> Any:
    import zstandard

    return zstandard.ZstdCompressor(level=_LEVEL)


@functools.cache
def _decompressor() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor()
