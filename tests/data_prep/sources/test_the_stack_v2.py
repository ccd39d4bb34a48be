# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The Stack v2: rows of ids, contents from somewhere else."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data_prep import store, swh
from data_prep.document import BadRow, Document, blob_id
from foundry_plugins.contract.errors import UserError

CONTENTS: dict[str, bytes] = {}
FILE = {
    "directory_id": "d" * 40,
    "path": "/src/a.py",
    "content_id": "c" * 40,
    "detected_licenses": ["MIT"],
    "license_type": "permissive",
    "src_encoding": "UTF-8",
    "language": "Python",
    "is_vendor": False,
    "is_generated": True,
    "extension": "py",
}
REPOSITORY = {
    "repo_name": "ann/tool",
    "snapshot_id": "e" * 40,
    "revision_id": "f" * 40,
    "branch_name": "refs/heads/main",
    "visit_date": datetime.datetime(2023, 1, 2),
    "revision_date": datetime.datetime(2022, 1, 2),
    "committer_date": datetime.datetime(2022, 1, 1),
    "github_id": 5.0,
    "star_events_count": 12,
    "fork_events_count": 3,
    "gha_license_id": None,
}


def file(content: bytes, **changes: Any) -> dict[str, Any]:
    digest = hashlib.sha1(content).hexdigest()
    CONTENTS[digest] = content
    return {**FILE, "blob_id": digest, "length_bytes": len(content), **changes}


def put(folder: Path, content: bytes, stored: bytes | None = None) -> None:
    data = gzip.compress(content) if stored is None else stored
    folder.mkdir(exist_ok=True)
    (folder / hashlib.sha1(content).hexdigest()).write_bytes(data)


def of_dictionary(blob_id: str) -> bytes | None:
    return CONTENTS.get(blob_id)


def as_text(blob_id: str) -> str:
    return "from elsewhere"


def failing(blob_id: str) -> bytes:
    raise KeyError(blob_id)


def slow(blob_id: str) -> bytes:
    # The first takes longest, and all of them together.
    time.sleep(0.02 if blob_id == min(CONTENTS) else 0.001)
    return CONTENTS[blob_id]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "contents", sys.modules[__name__])
    CONTENTS.clear()


def test_one_row_a_file(read_source: Any, write_parquet: Any, tmp_path: Path) -> None:
    put(tmp_path / "contents", b"x = 1\n")
    path = write_parquet("a.parquet", [{**REPOSITORY, **file(b"x = 1\n")}])
    (found,) = read_source("the_stack_v2", paths=[path], content=str(tmp_path / "contents"))
    assert found == Document(
        text="x = 1\n",
        path="src/a.py",
        language="Python",
        source="it",
        origin=blob_id(b"x = 1\n"),
        repository="ann/tool",
        licenses=("MIT",),
        metadata={
            "stars": 12,
            "forks": 3,
            "timestamp": "2022-01-01T00:00:00",
            "license_type": "permissive",
            "is_vendor": False,
            "is_generated": True,
            "github_id": 5,
            "commit": "f" * 40,
        },
    )


def test_one_row_a_repository(read_source: Any, write_parquet: Any) -> None:
    rows = [
        {**REPOSITORY, "files": [file(b"a = 1"), file(b"b = 1", language="Go", path="b.go")]},
        {**REPOSITORY, "repo_name": "bob/copy", "files": [file(b"c = 1"), file(b"d = 1")]},
        {**REPOSITORY, "files": []},
    ]
    path = write_parquet("a.parquet", rows)
    found = read_source("the_stack_v2", paths=[path], content="contents:of_dictionary")
    assert [item.text for item in found] == ["a = 1", "b = 1", "c = 1", "d = 1"]
    assert [item.repository for item in found] == ["ann/tool"] * 2 + ["bob/copy"] * 2
    only = read_source(
        "the_stack_v2", paths=[path], content="contents:of_dictionary", languages=["Go"]
    )
    assert only == [found[1]]


def test_the_licence_of_the_repository_goes_first(read_source: Any, write_parquet: Any) -> None:
    row = {**REPOSITORY, **file(b"x"), "gha_license_id": "Apache-2.0"}
    path = write_parquet("a.parquet", [row])
    (found,) = read_source("the_stack_v2", paths=[path], content="contents:of_dictionary")
    assert found.licenses == ("Apache-2.0",)


def test_encodings(read_source: Any, write_lines: Any) -> None:
    rows = [
        file("é = 'ü'".encode("latin-1"), src_encoding="ISO-8859-1"),
        file("日本".encode("shift_jis"), src_encoding="Shift_JIS"),
        file("é".encode("utf-16"), src_encoding="UTF-16"),
        file(b"\xff\xff", src_encoding="UTF-8"),
        file(b"\xff\xfe\xfd", src_encoding="UTF-16"),
        file(b"\\ud800", src_encoding="unicode_escape"),
        file(b"plain", src_encoding="klingon"),
        file(b"null", src_encoding=None),
        file(b"zero \0 byte"),
        file(b""),
    ]
    path = write_lines("a.jsonl", *rows)
    found = read_source("the_stack_v2", paths=[path], content="contents:of_dictionary")
    texts = [getattr(item, "reason", None) or item.text for item in found]
    assert texts == [
        *("é = 'ü'", "日本", "é"),
        *("invalid_utf8", "unreadable", "unreadable", "unreadable"),
        *("null", "null_bytes", "empty"),
    ]
    # Origins are git's ids of the bytes as they were, in whatever encoding.
    assert found[0].origin == blob_id("é = 'ü'".encode("latin-1"))
    assert found[0].metadata["encoding"] == "ISO-8859-1"
    assert "encoding" not in found[7].metadata


def test_objects_that_are_not_as_they_should_be(
    read_source: Any, write_lines: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "contents"
    archive = gzip.compress(b"a repository may hold an archive")
    put(folder, b"plain", stored=b"plain")
    put(folder, archive, stored=archive)
    put(folder, b"other", stored=gzip.compress(b"another"))
    put(folder, b"cut off", stored=gzip.compress(b"cut off" * 99)[:20])
    put(folder, b"broken", stored=b"\x1f\x8b\x08broken gzip stream")
    put(folder, b"bomb", stored=gzip.compress(b"\n" * 100_000))
    rows = [
        file(b"plain"),
        file(archive),
        file(b"other"),
        file(b"cut off"),
        file(b"broken"),
        file(b"bomb"),
        file(b"missing"),
        file(b"x", blob_id="../../etc/passwd"),
        file(b"x", blob_id=None),
        file(b"large", length_bytes=5000),
    ]
    path = write_lines("a.jsonl", *rows)
    found = read_source("the_stack_v2", paths=[path], content=str(folder), limit_bytes=4000)
    assert found[0].text == "plain"
    assert [item.reason for item in found[1:] if isinstance(item, BadRow)] == [
        "invalid_utf8",
        "broken_file",
        "truncated",
        "broken_file",
        "over_limit",
        "unreadable",
        "wrong_type",
        "null_text",
        "over_limit",
    ]
    assert [item.row for item in found[1:]] == list(range(1, 10))


def test_functions(read_source: Any, write_lines: Any) -> None:
    path = write_lines("a.jsonl", file(b"x"))

    def read(content: str) -> Any:
        return read_source("the_stack_v2", paths=[path], content=content)[0]

    assert read("contents:as_text").text == "from elsewhere"
    assert read("contents:failing").reason == "unreadable"
    CONTENTS.clear()
    assert read("contents:of_dictionary").reason == "unreadable"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no_such_module:get", "cannot import 'no_such_module'"),
        ("contents:no_such", "has no function 'no_such'"),
        ("no/such/folder", "there is no folder no/such/folder"),
    ],
)
def test_wrong_contents(content: str, message: str, read_source: Any, write_lines: Any) -> None:
    path = write_lines("a.jsonl", file(b"x"))
    with pytest.raises(UserError, match=message):
        read_source("the_stack_v2", paths=[path], content=content)


def test_order_does_not_depend_on_which_content_comes_first(
    read_source: Any, write_lines: Any
) -> None:
    rows = [file(b"content %d" % n) for n in range(40)]
    path = write_lines("a.jsonl", *rows)
    expected = [f"content {n}" for n in range(40)]
    for fetches in (1, 3, 16, 100):
        found = read_source("the_stack_v2", paths=[path], content="contents:slow", fetches=fetches)
        assert [item.text for item in found] == expected


def test_no_more_is_fetched_ahead_than_asked() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def count(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.001)
        with lock:
            running -= 1
        return item

    taken: list[int] = []

    def items() -> Iterator[int]:
        for n in range(30):
            taken.append(n)
            yield n

    results = swh.ahead(items(), count, 4)
    assert next(results) == 0
    assert len(taken) <= 4
    assert [0, *results] == list(range(30))
    assert 1 < most <= 4


class _Refusing:
    """A bucket in which one object is missing and another may not be read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, exists: Callable[[str], bool]) -> None:
        def refuse(url: str, buffer_bytes: int = 0) -> Any:
            raise UserError(f"Cannot read {url}.")

        monkeypatch.setattr(store, "open_read", refuse)
        monkeypatch.setattr(store, "exists", exists)


def test_a_store_that_refuses_ends_the_run_a_missing_object_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve = swh.resolver("s3://bucket/content", limit_bytes=100)
    _Refusing(monkeypatch, lambda url: False)
    assert resolve("0" * 40) is None
    _Refusing(monkeypatch, lambda url: True)
    with pytest.raises(UserError, match=f"Cannot read s3://bucket/content/{'0' * 40}"):
        resolve("0" * 40)
