# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The Stack v1 and StarCoderData: their columns, folders and prefixes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from data_prep.document import Document, blob_id
from data_prep.licenses import policy
from data_prep.sources import the_stack

ROW: dict[str, Any] = {
    "hexsha": "0" * 40,
    "size": 6,
    "ext": "py",
    "lang": "Python",
    "max_stars_repo_path": "src/a.py",
    "max_stars_repo_name": "ann/tool",
    "max_stars_repo_head_hexsha": "1" * 40,
    "max_stars_repo_licenses": ["MIT", "apache-2.0"],
    "max_stars_count": 12,
    "max_stars_repo_stars_event_min_datetime": "2016-01-01T00:00:00.000Z",
    "max_stars_repo_stars_event_max_datetime": "2020-01-01T00:00:00.000Z",
    "max_issues_repo_path": "a.py",
    "max_issues_repo_name": "bob/copy",
    "max_issues_repo_head_hexsha": "2" * 40,
    "max_issues_repo_licenses": ["GPL-3.0"],
    "max_issues_count": 3,
    "max_issues_repo_issues_event_min_datetime": None,
    "max_issues_repo_issues_event_max_datetime": "2021-06-01T00:00:00.000Z",
    "max_forks_repo_path": "a.py",
    "max_forks_repo_name": "ann/tool",
    "max_forks_repo_head_hexsha": "1" * 40,
    "max_forks_repo_licenses": ["MIT", "apache-2.0"],
    "max_forks_count": 4,
    "max_forks_repo_forks_event_min_datetime": None,
    "max_forks_repo_forks_event_max_datetime": None,
    "content": "x = 1\n",
    "avg_line_length": 6.0,
    "max_line_length": 6,
    "alphanum_fraction": 0.5,
}


def test_a_row(read_source: Any, write_parquet: Any) -> None:
    path = write_parquet("data/python/a.parquet", [ROW])
    (found,) = read_source("the_stack", paths=[path])
    assert found == Document(
        text="x = 1\n",
        path="src/a.py",
        language="Python",
        source="it",
        origin=blob_id(b"x = 1\n"),
        repository="ann/tool",
        licenses=("MIT", "Apache-2.0", "GPL-3.0"),
        metadata={
            "stars": 12,
            "forks": 4,
            "timestamp": "2021-06-01T00:00:00.000Z",
            # One list a repository; the second repository alone would not be permissive.
            "license_lists": [["MIT", "Apache-2.0"], ["GPL-3.0"]],
            "repositories": ["ann/tool", "bob/copy"],
        },
    )


def test_licences_and_opt_outs_of_all_repositories(read_source: Any, write_parquet: Any) -> None:
    rows = [
        ROW,
        {**ROW, "max_stars_repo_licenses": ["MIT", "GPL-3.0"], "max_forks_repo_licenses": []},
        {**ROW, "max_stars_repo_licenses": ["GPL-3.0"], "max_issues_repo_licenses": ["MIT"]},
    ]
    found = read_source("the_stack", paths=[write_parquet("a.parquet", rows)])
    strict = policy.Licenses(policy="permissive")
    # Some repository must be permissive as a whole.
    assert [policy.keep(item, strict) for item in found] == [None, policy.NOT_PERMISSIVE, None]


def test_a_row_without_a_starred_repository(read_source: Any, write_parquet: Any) -> None:
    missing = {key: None for key in ROW if key.startswith("max_stars")}
    (found,) = read_source("the_stack", paths=[write_parquet("a.parquet", [{**ROW, **missing}])])
    assert (found.repository, found.path) == ("bob/copy", "a.py")
    assert "stars" not in found.metadata


def test_languages_are_selected_by_folder_statistics_and_column(
    read_source: Any, write_parquet: Any, tmp_path: Path
) -> None:
    python = {"content": "x = 1", "lang": "Python", "max_stars_repo_path": "a.py"}
    sharp = {"content": "var x;", "lang": "C#", "max_stars_repo_path": "a.cs"}
    write_parquet("data/python/a.parquet", [python])
    write_parquet("data/c-sharp/a.parquet", [sharp])
    write_parquet("mixed/a.parquet", [python, python, sharp, sharp, python, sharp], group=2)
    # Only opened if its folder is not told by its name.
    (tmp_path / "data/go").mkdir()
    (tmp_path / "data/go/a.parquet").write_bytes(b"broken")
    units = list(the_stack.units(paths=(str(tmp_path),), languages=("c-sharp",)))
    names = [(str(Path(unit.path).relative_to(tmp_path)), unit.part) for unit in units]
    assert names == [
        ("data/c-sharp/a.parquet", 0),
        ("mixed/a.parquet", 1),
        ("mixed/a.parquet", 2),
    ]
    found = read_source("the_stack", paths=[tmp_path], languages=["C#"])
    assert [item.language for item in found] == ["C#"] * 4


def test_what_is_not_selected_is_not_decoded(
    write_parquet: Any, read_source: Any, tmp_path: Path
) -> None:
    rows = [{"content": "x" * 500, "lang": lang} for lang in ("Go", "Java") * 10]
    path = write_parquet("a.parquet", rows)
    data = bytearray(path.read_bytes())
    column = parquet.ParquetFile(path).metadata.row_group(0).column(0)
    assert column.path_in_schema == "content"
    start = min(column.data_page_offset, column.dictionary_page_offset or column.data_page_offset)
    data[start : start + column.total_compressed_size] = b"\0" * column.total_compressed_size
    path.write_bytes(data)
    assert read_source("the_stack", paths=[path], languages=["Python"]) == []
    (bad,) = read_source("the_stack", paths=[path], languages=["Go"])
    assert bad.reason == "broken_file"


def test_the_sample(read_source: Any, sample: Any) -> None:
    path = sample("stack_sample.parquet")
    found = read_source("the_stack", paths=[path])
    assert len(found) == 806
    assert all(isinstance(item, Document) for item in found)
    assert {item.language for item in found} >= {"Python", "JavaScript", "C++", "CMake"}
    table = parquet.read_table(path)
    for item, row in zip(found, table.to_pylist(), strict=True):
        assert item.text == row["content"]
        assert item.origin == blob_id(row["content"].encode())
        assert item.repository == row["max_stars_repo_name"]
    only = read_source("the_stack", paths=[path], languages=["python", "Go"])
    assert only == [item for item in found if item.language in ("Python", "Go")]


@pytest.mark.parametrize(
    ("content", "text", "name", "stars"),
    [
        ("x = 1\n", "x = 1\n", "a.jsonl#0", None),
        ("<reponame>ann/tool\nx = 1\n", "x = 1\n", "ann/tool/a.jsonl#0", None),
        ("<filename>src/a b.go\nx = 1\n", "x = 1\n", "src/a b.go", None),
        (
            "<reponame>ann/tool<filename>src/a.go<gh_stars>10-100\nx\n",
            "x\n",
            "ann/tool/src/a.go",
            10,
        ),
        ("<gh_stars>1000+\nx\n", "x\n", "a.jsonl#0", 1000),
        ("<gh_stars>0\n", "", None, None),
        # Not what the data set writes: text.
        ("<reponame>ann/tool", "<reponame>ann/tool", "a.jsonl#0", None),
        ("<gh_stars>7\nx", "<gh_stars>7\nx", "a.jsonl#0", None),
    ],
)
def test_starcoderdata_prefixes(
    content: str, text: str, name: str | None, stars: int | None, read_source: Any, write_lines: Any
) -> None:
    path = write_lines("go/a.jsonl", {"content": content, "id": "7"})
    (found,) = read_source("starcoderdata", paths=[path])
    if name is None:
        assert found.reason == "empty"
        return
    assert (found.text, found.name, found.metadata.get("stars")) == (text, name, stars)
    assert found.language == "Go"
    assert found.origin == blob_id(text.encode())


def test_starcoderdata_columns_come_before_prefixes(read_source: Any, write_parquet: Any) -> None:
    row = {
        "content": "<reponame>other/one<gh_stars>1-10\nx = 1\n",
        "max_stars_repo_path": "a.py",
        "max_stars_repo_name": "ann/tool",
        "max_stars_count": 7,
        "id": "1",
    }
    path = write_parquet("c-sharp/train-00000.parquet", [row])
    (found,) = read_source("starcoderdata", paths=[path])
    assert (found.name, found.language) == ("ann/tool/a.py", "C#")
    assert found.metadata == {"stars": 7}


def test_starcoderdata_conversations(read_source: Any, write_lines: Any, tmp_path: Path) -> None:
    issue = "<issue_start><issue_comment>Title: a\nusername_0: b<issue_closed>"
    notebook = "<jupyter_start><jupyter_text>T<jupyter_code>c<jupyter_output><empty_output>"
    write_lines("github-issues-filtered-structured/a.jsonl", {"content": issue})
    write_lines("jupyter-structured-clean-dedup/a.jsonl", {"content": notebook})
    write_lines("python/a.jsonl", {"content": "print('<issue_start>')"})
    issue, notebook, code = read_source("starcoderdata", paths=[tmp_path])
    assert issue.text == "Title: a\nusername_0: b"
    assert issue.markers == ((0, "<issue_start>"), (0, "<issue_comment>"), (22, "<issue_closed>"))
    assert [sentinel for _, sentinel in notebook.markers][-1] == "<empty_output>"
    assert (notebook.text, notebook.language) == ("Tc", "Jupyter Notebook")
    # In code it is what somebody wrote.
    assert (code.text, code.markers) == ("print('<issue_start>')", ())


def test_a_column_of_bytes(read_source: Any, write_parquet: Any) -> None:
    table = pa.table({"content": pa.array([b"x = 1", b"\xff"]), "lang": ["Python", "Python"]})
    good, bad = read_source("the_stack", paths=[write_parquet("a.parquet", table)])
    assert good.text == "x = 1"
    assert bad.reason == "invalid_utf8"
