# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""RedPajama, The Pile and CommitPack; named columns."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import zstandard

from data_prep.document import BadRow, Document
from data_prep.sources import pile, redpajama

GITHUB = {
    "content_hash": "d41d8cd98f00b204e9800998ecf8427e",
    "timestamp": "",
    "source": "github",
    "line_count": 1,
    "max_line_length": 5,
    "avg_line_length": 5.0,
    "alnum_prop": 0.5,
    "repo_name": "ann/tool",
    "id": "0" * 40,
    "size": "6",
    "binary": False,
    "copies": "1",
    "ref": "refs/heads/master",
    "path": "src/a.go",
    "mode": "33188",
    "license": "mit",
    "language": [{"name": "C", "bytes": "900"}, {"name": "Go", "bytes": "12"}],
}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("github", {"meta": GITHUB}),
    ("arxiv", {"meta": {"arxiv_id": "2101.00001", "url": "https://a", "source": "arxiv"}}),
    ("c4", {"meta": {"url": "https://c", "timestamp": "2019-04-25T12:57:54Z", "source": "c4"}}),
    ("stackexchange", {"meta": {"question_score": "37", "source": "stackexchange"}}),
    ("wikipedia", {"meta": {"title": "T", "url": "https://w", "timestamp": "20230320"}}),
    ("book", {"meta": {"short_book_title": "B", "publication_date": 1983, "url": "https://b"}}),
    (
        "common_crawl",
        {
            "pred_label": "__label__wiki",
            "pred_label_prob": 0.7,
            "wiki_prob": 0.7,
            "source": "cc/2023-06/en_head_0401.json.gz/line883907",
        },
    ),
]


@pytest.mark.parametrize("form", ["plain", "repr", "json", "labelled"])
def test_redpajama_rows(form: str, read_source: Any, write_lines: Any) -> None:
    rows = []
    for subset, rest in ROWS:
        row = {"text": f"of {subset}", **rest}
        if form == "repr" and "meta" in row:
            row["meta"] = repr(row["meta"])
        if form == "json" and "meta" in row:
            # Also valid in Python, but for the value false.
            row["meta"] = json.dumps({**row["meta"], "binary": 0})
        if form == "labelled":
            row = {**row, "red_pajama_subset": subset, "meta": repr(row.get("meta", {}))}
        rows.append(row)
    found = read_source("redpajama", paths=[write_lines("mixed.jsonl", *rows)])
    assert [item.metadata["subset"] for item in found] == [subset for subset, _ in ROWS]
    by_subset = {item.metadata["subset"]: item for item in found}
    code = by_subset["github"]
    assert (code.name, code.language, code.licenses) == ("ann/tool/src/a.go", "Go", ("MIT",))
    assert by_subset["arxiv"].language == "TeX"
    assert by_subset["c4"].metadata["timestamp"] == "2019-04-25T12:57:54Z"
    assert by_subset["stackexchange"].metadata["question_score"] == 37
    assert by_subset["wikipedia"].metadata["title"] == "T"
    assert by_subset["book"].name == "mixed.jsonl#5"
    assert {item.language for item in found} == {"Go", "TeX", "Text"}


def test_redpajama_language_of_the_repository_is_the_last_resort(
    read_source: Any, write_lines: Any
) -> None:
    def row(**meta: Any) -> dict[str, Any]:
        return {"text": "x", "meta": {**GITHUB, **meta}}

    rows = [row(path="a.unheard-of"), row(path="a.unheard-of", language=[]), row(language="C")]
    first, second, third = read_source("redpajama", paths=[write_lines("a.jsonl", *rows)])
    assert first.language == "C"
    assert second.reason == "not_source"
    assert third.language == "Go"


def test_redpajama_subsets_by_folder_and_row(
    read_source: Any, write_lines: Any, tmp_path: Path
) -> None:
    for subset, rest in ROWS:
        write_lines(f"RedPajama/{subset}/{subset[:4]}_1.jsonl", {"text": subset, **rest})
    write_lines("RedPajama/mixed.jsonl", *({"text": subset, **rest} for subset, rest in ROWS))
    chosen = ["github", "wikipedia"]
    units = list(redpajama.units(paths=(str(tmp_path),), subsets=tuple(chosen)))
    names = [Path(unit.path).name for unit in units]
    assert names == ["gith_1.jsonl", "mixed.jsonl", "wiki_1.jsonl"]
    found = read_source("redpajama", paths=[tmp_path], subsets=chosen)
    assert [item.text for item in found] == ["github", "github", "wikipedia", "wikipedia"]


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ("{'a': ", "wrong_type"),
        ("__import__('os').system('true')", "wrong_type"),
        ("[1, 2]", "wrong_type"),
        ("(" * 5000, "wrong_type"),
        ("{'title': '\\ud800'}", "wrong_type"),
        ("{1, 2}", "wrong_type"),
        ("{'a': '" + "x" * 100_000 + "'}", "over_limit"),
        (7, "wrong_type"),
    ],
)
def test_redpajama_meta_that_is_none(
    meta: object, reason: str, read_source: Any, write_lines: Any
) -> None:
    (bad,) = read_source("redpajama", paths=[write_lines("a.jsonl", {"text": "x", "meta": meta})])
    assert isinstance(bad, BadRow)
    assert bad.reason == reason


@pytest.mark.parametrize("name", ["wiki.jsonl", "wiki.jsonl.gz", "wiki.jsonl.zst"])
def test_redpajama_files_as_they_are_downloaded(
    name: str, read_source: Any, tmp_path: Path
) -> None:
    data = b'{"text": "a", "meta": {}}\n'
    compress = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
    (tmp_path / name).write_bytes(compress.get(Path(name).suffix, bytes)(data))
    (found,) = read_source("redpajama", paths=[tmp_path])
    assert (found.text, found.metadata) == ("a", {"subset": "wikipedia"})


def test_withdrawn_books_are_read_with_one_warning(
    read_source: Any, write_lines: Any, caplog: pytest.LogCaptureFixture
) -> None:
    redpajama._warn_of_books.cache_clear()
    pile._warn_of_books.cache_clear()
    book = {"text": "x", "meta": {"short_book_title": "B"}}
    books3 = {"text": "x", "meta": {"pile_set_name": "Books3"}}
    with caplog.at_level(logging.WARNING):
        assert len(read_source("redpajama", paths=[write_lines("a.jsonl", book, book)])) == 2
        assert len(read_source("pile", paths=[write_lines("b.jsonl", books3, books3)])) == 2
    assert len(caplog.records) == 2
    assert all("was withdrawn" in record.message for record in caplog.records)


def test_the_redpajama_sample(read_source: Any, sample: Any) -> None:
    path = sample("redpajama_sample.jsonl.zst")
    found = read_source("redpajama", paths=[path])
    lines = zstandard.open(path, "rb").read().decode().splitlines()
    labels = [json.loads(line)["red_pajama_subset"] for line in lines]
    assert all(isinstance(item, Document) for item in found)
    assert [item.metadata["subset"] for item in found] == labels
    assert set(labels) == set(redpajama.SUBSETS)
    some = read_source("redpajama", paths=[path], subsets=["github", "arxiv"])
    assert some == [i for i in found if i.metadata["subset"] in ("github", "arxiv")]
    assert all(item.repository and item.licenses for item in some if item.language != "TeX")


def test_pile(read_source: Any, tmp_path: Path) -> None:
    rows = [
        {"text": "#!/bin/sh\nls\n", "meta": {"pile_set_name": "Github"}},
        {"text": "int x;\n", "meta": {"pile_set_name": "Github"}},
        {"text": "# T", "meta": {"pile_set_name": "ArXiv"}},
        {"text": "words", "meta": {"pile_set_name": "Pile-CC"}},
    ]
    path = tmp_path / "00.jsonl.zst"
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    path.write_bytes(zstandard.ZstdCompressor().compress(data))
    found = read_source("pile", paths=[path])
    assert [item.language for item in found] == ["Shell", pile.GITHUB_LANGUAGE, "Markdown", "Text"]
    assert [item.name for item in found] == [f"00.jsonl.zst#{n}" for n in range(4)]
    some = read_source("pile", paths=[path], sets=["Github"])
    assert some == found[:2]
    assert found[0].metadata == {"subset": "Github"}


def test_commitpack(read_source: Any, write_lines: Any) -> None:
    row = {
        "commit": "c" * 40,
        "old_file": "src/a.py",
        "new_file": "src/b.py",
        "old_contents": "x = 1\n",
        "new_contents": "x = 2\n",
        "subject": "Fix x",
        "message": "Fix x\n\nIt was wrong.",
        "lang": "python",
        "license": "apache-2.0",
        "repos": "ann/tool,bob/copy",
    }
    deleted = {**row, "new_file": "src/c.py", "new_contents": ""}
    added = {**row, "lang": "go", "old_contents": None, "old_file": ""}
    path = write_lines("a.jsonl", row, deleted, added)
    first, second, third = read_source("commitpack", paths=[path])
    assert (first.name, first.text, first.language) == ("ann/tool/src/b.py", "x = 2\n", "Python")
    assert first.licenses == ("Apache-2.0",)
    assert first.metadata == {
        "old_contents": "x = 1\n",
        "old_path": "src/a.py",
        "message": "Fix x\n\nIt was wrong.",
        "subject": "Fix x",
        "commit": "c" * 40,
        "repositories": ["ann/tool", "bob/copy"],
    }
    assert second.reason == "empty"
    assert (third.language, third.metadata["old_contents"]) == ("Go", "")
    (only,) = read_source("commitpack", paths=[path], languages=["Go"])
    assert only == third


def test_named_columns(read_source: Any, write_lines: Any, write_parquet: Any) -> None:
    row = {
        "code": "x = 1",
        "meta": {"file": "a.py", "stars": 3, "license": ["MIT"]},
        "project": "ann/tool",
        "a.b": "dotted",
    }
    columns = {
        "text": "code",
        "path": "meta.file",
        "repository": "project",
        "license": "meta.license",
        "stars": "meta.stars",
        "title": "a.b",
    }
    (line,) = read_source("jsonl", paths=[write_lines("a.jsonl", row)], columns=columns)
    (group,) = read_source("parquet", paths=[write_parquet("a.parquet", [row])], columns=columns)
    assert line == group
    assert (line.text, line.name, line.language) == ("x = 1", "ann/tool/a.py", "Python")
    assert line.licenses == ("MIT",)
    assert line.metadata == {"stars": 3, "title": "dotted"}


def test_named_columns_and_languages(read_source: Any, write_lines: Any) -> None:
    path = write_lines(
        "a.jsonl",
        {"text": "x", "file": "a.go", "lang": None},
        {"text": "x", "file": "a.go", "lang": "c-sharp"},
        {"text": "x", "file": "a.unheard-of", "lang": ""},
    )

    def languages(**section: Any) -> list[str]:
        found = read_source("jsonl", paths=[path], **section)
        return [getattr(item, "reason", None) or item.language for item in found]

    both = {"language": "lang", "path": "file"}
    assert languages(columns=both) == ["Go", "C#", "not_source"]
    # What is said of all goes before a guess by name, what a row says before that.
    assert languages(columns=both, language="Text") == ["Text", "C#", "Text"]
    assert languages(language="Text") == ["Text"] * 3
