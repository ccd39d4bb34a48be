# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents on their way: what goes in comes out, field by field and as JSON lines."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from data_prep import document_parts
from data_prep.document import Document
from data_prep.document_file import writing

DOCUMENTS = [
    Document.of("x = 1\n", "a.py", repository="o/r", licenses=("MIT",)),
    Document.of('"text": "\u2603 \\u2603"\r\n' * 50, "b.py", markers=((0, "<fim_prefix>"),)),
    Document.of("\ufeff", "c.py", metadata={"text": {"stars": 3}}),
]


@pytest.fixture
def part(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "00000.texts", tmp_path / "00000.fields.jsonl.zst"
    with paths[0].open("wb") as texts, writing(paths[1]) as fields:
        writer = document_parts.Writer(texts, fields)
        for document in DOCUMENTS:
            writer.add(document)
    return paths


def test_records_come_back(part: tuple[Path, Path]) -> None:
    found = [
        document_parts.record_of(fields, text) for _, fields, text in document_parts.read(*part)
    ]
    assert [Document.from_dict(record) for record in found] == DOCUMENTS
    assert [set(record) for record in found] == [set(d.to_dict()) for d in DOCUMENTS]


def test_a_line_says_all_but_the_text(part: tuple[Path, Path]) -> None:
    lines = list(document_parts.read_fields(part[1]))
    assert [fields["num_bytes"] for _, fields in lines] == [len(d.data) for d in DOCUMENTS]
    assert all("text" not in fields for _, fields in lines)
    assert all(line.startswith(b'{"frame_bytes":') and line.endswith(b"}\n") for line, _ in lines)
    assert sum(fields["frame_bytes"] for _, fields in lines) == part[0].stat().st_size


def test_texts_are_one_zstd_stream(part: tuple[Path, Path]) -> None:
    with part[0].open("rb") as handle:
        stream = zstandard.ZstdDecompressor().stream_reader(handle, read_across_frames=True)
        assert stream.read() == b"".join(document.data for document in DOCUMENTS)
