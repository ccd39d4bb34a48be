# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Files to documents: language, identity, and the reasons why a file is none."""

from __future__ import annotations

import doctest
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from data_prep import document_file, languages
from data_prep.dedup import exact
from data_prep.document import Document, blob_id


@pytest.mark.parametrize("module", [languages, exact])
def test_docstring_examples(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a.py", "Python"),
        ("src/A.JAVA", "Java"),
        ("x/y.tar.h", "C"),
        ("Makefile", "Makefile"),
        ("deploy/Dockerfile", "Dockerfile"),
        ("CMakeLists.txt", "CMake"),
        ("notes.txt", None),
        ("noending", None),
        ("folder.py/noending", None),
        (".py", None),
    ],
)
def test_language_by_name(path: str, language: str | None) -> None:
    assert languages.language_of(path) == language


def test_origin_is_gits_id(tmp_path: Path) -> None:
    # The id of the empty blob and of "hello\n" are known to every user of git.
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert Document.of("hello\n").swhid == "swh:1:cnt:ce013625030ba8dba906f756967f9e9ca394464a"
    file = tmp_path / "a.py"
    file.write_bytes(b"x = 1\r\n")
    done = subprocess.run(["git", "hash-object", file], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == blob_id(file.read_bytes())


def test_records_come_back_from_several_frames(tmp_path: Path) -> None:
    records = [Document.of(text).to_dict() for text in ("a\r\nb", "\u2028\u0085é", "{}\n")]
    for name, part in (("1", records[:2]), ("2", records[2:])):
        with document_file.writing(tmp_path / name) as writer:
            for record in part:
                writer.write(document_file.dump_line(record))
    both = b"".join((tmp_path / name).read_bytes() for name in ("1", "2"))
    (tmp_path / "x.jsonl.zst").write_bytes(both)
    assert list(document_file.read_file(tmp_path / "x.jsonl.zst")) == records
    assert [Document.from_dict(record).to_dict() for record in records] == records


def test_markers_move_with_the_text() -> None:
    document = Document.of("one two three").replace(markers=((0, "<a>"), (4, "<b>"), (13, "<c>")))
    mapped = document.map_text(lambda piece: piece.replace("o", "000"))
    assert mapped.text == "000ne tw000 three"
    assert mapped.markers == ((0, "<a>"), (6, "<b>"), (17, "<c>"))
    assert Document.from_dict(mapped.to_dict()) == mapped
