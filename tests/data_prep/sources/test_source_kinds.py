# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is true of every source of rows: its settings, its paths, and what bad rows become."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from data_prep.document import BadRow, Document, blob_id
from data_prep.settings import find_module
from data_prep.stores.local import LocalStore
from foundry_plugins.contract.errors import UserError

# Kind -> a row in its schema, and what else its section needs.
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the_stack": ({"content": "x = 1\n", "lang": "Python"}, {}),
    "starcoderdata": ({"content": "x = 1\n", "max_stars_repo_path": "a.py"}, {}),
    "redpajama": ({"text": "words", "meta": {"source": "c4"}}, {}),
    "pile": ({"text": "words", "meta": {"pile_set_name": "Pile-CC"}}, {}),
    "commitpack": ({"new_contents": "x", "old_contents": "", "lang": "go", "new_file": "a.go"}, {}),
    "jsonl": ({"text": "words"}, {"language": "Text"}),
}
TEXT = {"the_stack": "content", "starcoderdata": "content", "commitpack": "new_contents"}
KINDS = (
    *(*ROWS, "parquet", "the_stack_v2", "github_issues", "github_pull_requests", "notebooks"),
    "git_commits",
)


@pytest.mark.parametrize("kind", KINDS)
def test_both_functions_take_the_same_settings(kind: str) -> None:
    module = find_module("kind", "data_prep.sources", kind)

    def keys(function: Callable[..., object]) -> dict[str, tuple[object, object]]:
        hints = typing.get_type_hints(function)
        parameters = inspect.signature(function).parameters.items()
        return {
            name: (hints[name], parameter.default)
            for name, parameter in parameters
            if name not in ("unit", "name")
        }

    assert keys(module.units) == keys(module.read)
    assert keys(module.units)["paths"][0] == tuple[str, ...]
    for name in keys(module.units):
        assert f"        {name}: " in (module.units.__doc__ or ""), f"{name} is not documented"


@pytest.mark.parametrize("kind", ROWS)
def test_bad_rows_are_counted_and_the_others_read(
    kind: str, read_source: Any, write_lines: Any
) -> None:
    row, section = ROWS[kind]
    key = TEXT.get(kind, "text")
    path = write_lines(
        "a.jsonl",
        row,
        b"{broken",
        b'{"text": "\xff"}',
        b'{"text": "\\ud800"}',
        b"[1]",
        b"",
        {name: value for name, value in row.items() if name != key},
        {**row, key: None},
        {**row, key: 3},
        {**row, key: "a\0b"},
        {**row, key: "y" * 5000},
        {**row, key: ""},
        row,
    )
    found = read_source(kind, paths=[path], limit_bytes=4000, **section)
    bad = {item.row: item.reason for item in found if isinstance(item, BadRow)}
    assert bad == {
        1: "invalid_json",
        2: "invalid_utf8",
        3: "invalid_utf8",
        4: "wrong_type",
        6: "missing_field",
        7: "null_text",
        8: "wrong_type",
        9: "null_bytes",
        10: "over_limit",
    }
    assert {item.path for item in found if isinstance(item, BadRow)} == {str(path)}
    documents = [item for item in found if isinstance(item, Document)]
    assert [item.text for item in documents] == [row[key]] * 2
    assert {item.origin for item in documents} == {blob_id(row[key].encode())}
    (dropped,) = [item for item in found if not isinstance(item, Document | BadRow)]
    assert dropped.reason == "empty"


SCHEMAS = (*ROWS, "the_stack_v2", "github_issues", "github_pull_requests")


def test_any_value_in_any_field(read_source: Any, tmp_path: Path) -> None:
    columns = {
        kind: getattr(find_module("kind", "data_prep.sources", kind), "COLUMNS", ("text", "meta"))
        for kind in SCHEMAS
    }
    names = {name for kind in SCHEMAS for name in columns[kind]}
    names |= {"type", "payload", "action", "actor", "login", "sha", "path", "body", "name"}
    keys = st.sampled_from(sorted(names))
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=8,
    )
    more = {"jsonl": {"language": "Text"}, "the_stack_v2": {"content": str(tmp_path)}}
    path = tmp_path / "a.jsonl"

    @hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(row=st.dictionaries(keys, values, max_size=8))
    def check(row: dict[str, Any]) -> None:
        for kind in SCHEMAS:
            whole = dict.fromkeys(columns[kind])
            path.write_text(json.dumps(whole) + "\n" + json.dumps({**whole, **row}) + "\n")
            for item in read_source(kind, paths=[path], **more.get(kind, {})):
                if isinstance(item, Document):
                    json.dumps(item.to_dict(), ensure_ascii=False).encode()

    check()


def test_paths_may_be_files_folders_and_globs(
    read_source: Any, write_lines: Any, tmp_path: Path
) -> None:
    for name in ("one/a.jsonl", "one/b.json", "two/c.ndjson", "two/README.md", "d.jsonl"):
        write_lines(name, {"text": name})
    write_lines(".hidden.jsonl", {"text": "hidden"})

    def texts(*paths: str) -> list[str]:
        found = read_source("jsonl", paths=[tmp_path / p for p in paths], language="Text")
        return [item.text for item in found]

    assert texts("one") == ["one/a.jsonl", "one/b.json"]
    assert texts("*/*") == ["one/a.jsonl", "one/b.json", "two/c.ndjson"]
    # Path by path, no file twice.
    assert texts("two", "one/b.json", "*/*.json*") == ["two/c.ndjson", "one/b.json", "one/a.jsonl"]


def test_names_of_rows_do_not_depend_on_where_the_folder_is(
    read_source: Any, write_lines: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines("data/one/a.jsonl", {"text": "x"}, {"text": "y"})
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "data", "data", "data/", "data/*/a.jsonl", "data/**"):
        names = [item.name for item in read_source("jsonl", paths=[path], language="Text")]
        assert names == ["one/a.jsonl#0", "one/a.jsonl#1"]
    (found, _) = read_source("jsonl", paths=["data/one/a.jsonl"], language="Text")
    assert found.name == "a.jsonl#0"


@pytest.mark.parametrize(
    ("kind", "section", "message"),
    [
        ("the_stack", {"paths": []}, "`paths` is empty"),
        ("the_stack", {"paths": ["gone"]}, "There is no file or folder gone"),
        ("the_stack", {"paths": ["gone/*.parquet"]}, "No file matches"),
        ("the_stack", {"paths": ["data"], "languages": ["Pythn"]}, "did you mean 'Python'"),
        ("the_stack", {"paths": ["data"]}, r"has no column 'content'.*it has: text, name"),
        ("the_stack_v2", {"paths": ["data"], "content": "data"}, "'blob_id' or 'files'"),
        ("redpajama", {"paths": ["data"], "subsets": ["git"]}, "did you mean 'github'"),
        ("pile", {"paths": ["data"], "sets": ["GitHub"]}, "did you mean 'Github'"),
        ("jsonl", {"paths": ["data"]}, "Nothing says which language"),
        (
            "jsonl",
            {"paths": ["data"], "language": "Text", "columns": {"txt": "x"}},
            "there is: text",
        ),
        (
            "jsonl",
            {"paths": ["data"], "columns": {"text": "txt"}, "language": "Text"},
            r"has no column 'txt' \(did you mean 'text'\?\); it has: text, name",
        ),
        (
            "parquet",
            {"paths": ["data"], "language": "Text"},
            r"holds no file that ends with \.parquet",
        ),
        ("github_issues", {"paths": ["data"]}, "has no column 'events'"),
        ("github_issues", {"paths": ["data"], "max_lines": 3}, "`max_lines` must be at least 20"),
    ],
)
def test_wrong_recipes(
    kind: str,
    section: dict[str, Any],
    message: str,
    read_source: Any,
    write_lines: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_lines("data/a.jsonl", {"text": "x", "name": "y"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        read_source(kind, **section)


def test_one_odd_file_among_good_ones_is_no_wrong_recipe(
    read_source: Any, write_parquet: Any, tmp_path: Path
) -> None:
    write_parquet("data/a.parquet", [{"other": "x"}])
    write_parquet("data/b.parquet", [{"content": "x = 1", "lang": "Python"}])
    (tmp_path / "data/c.parquet").write_bytes(b"nothing")
    bad, good, broken = read_source("the_stack", paths=[tmp_path / "data"])
    assert (bad.reason, bad.row) == ("missing_field", 0)
    assert good.text == "x = 1"
    assert broken.reason == "broken_file"


def test_an_unreadable_file_among_good_ones(
    read_source: Any, write_lines: Any, write_parquet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("data/a.jsonl", "data/b.jsonl"):
        write_lines(name, {"text": name})
    folder = write_parquet("data/c.parquet", [{"text": "c"}]).parent
    refuse_all_but(monkeypatch, "b.jsonl")
    bad, good = read_source("jsonl", paths=[folder], language="Text")
    assert (bad.path, bad.reason) == (str(folder / "a.jsonl"), "unreadable")
    assert good.text == "data/b.jsonl"
    (bad,) = read_source("parquet", paths=[folder], language="Text")
    assert (bad.path, bad.reason) == (str(folder / "c.parquet"), "unreadable")


def refuse_all_but(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """What permissions do, which mean nothing where tests run as root."""
    opened = LocalStore.open

    def open_(self: LocalStore, url: str, buffer_bytes: int) -> Any:
        if not url.endswith(ending):
            raise PermissionError(13, "Permission denied", url)
        return opened(self, url, buffer_bytes)

    monkeypatch.setattr(LocalStore, "open", open_)
