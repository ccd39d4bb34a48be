# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Reads back the documents that ``convert_dataset`` kept beside the shards.

Each file of the folder is zstd-compressed JSON lines, one document a line, with at least the
fields ``text``, ``path``, ``language`` and ``split``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from foundry_plugins.contract.errors import UserError, require

SUFFIX = ".jsonl.zst"


class Document(NamedTuple):
    """One source file as the model's vocabulary saw it."""

    text: str
    path: str
    language: str


def read_documents(folder: Path, split: str) -> Iterator[Document]:
    """Yields the documents of one split, in file order and then line order.

    Args:
        folder: Holds ``*.jsonl.zst`` files.
        split: ``train`` or ``validation``.

    Raises:
        UserError: if the folder holds no such file, or a line is not a document.
    """
    files = sorted(folder.glob(f"*{SUFFIX}"))
    require(
        bool(files),
        f"No documents found: {folder} holds no *{SUFFIX} file; name the `documents` folder that "
        "`convert_dataset run` wrote.",
    )
    for file in files:
        for number, line in enumerate(_lines(file), start=1):
            record = _record(line, f"{file}, line {number}")
            if record["split"] == split:
                yield Document(record["text"], record["path"], record["language"])


def _lines(file: Path) -> Iterator[str]:
    with file.open("rb") as raw:
        # Parts may have been appended, each as its own frame.
        stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        # Not str.splitlines: a document may hold U+2028 and the like inside its JSON string.
        yield from io.TextIOWrapper(stream, encoding="utf-8", newline="\n")


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UserError(
            f"{where} is not valid JSON ({error}); write the documents again."
        ) from error
    missing = {"text", "path", "language", "split"} - set(record)
    require(
        not missing,
        f"{where} lacks the field {min(missing, default='')!r}; write the documents again.",
    )
    return record
