# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.document_file import read_file
from data_prep.provenance import lookup_index
from data_prep.provenance.dataset import Dataset
from data_prep.provenance.lookup import Lookup, kind_of, lookup, show
from foundry_plugins.contract.errors import UserError

REDACTED = (
    "def connect():\n    return login('<EMAIL>', server_name, port_number, timeout_seconds)\n"
)


def record(root: Path, name: str) -> dict[str, Any]:
    return next(
        r for p in sorted((root / "documents").iterdir()) for r in read_file(p) if r["path"] == name
    )


def test_the_kind_of_a_question(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("x")
    expected = {
        str(tmp_path / "file.py"): "file",
        "swh:1:cnt:" + "0a" * 20: "swhid",
        "0a" * 20: "swhid",
        "0a" * 32: "sha256",
        "owner/name": "repository",
        "owner": "owner",
        "user:owner": "owner",
        "def f(x):": "text",
        "x" * 5000: "text",
        "a b": "text",
    }
    assert {query: kind_of(query) for query in expected} == expected


def test_a_file_is_found_by_its_bytes(written: Path, tmp_path: Path) -> None:
    original = record(written, "json/decoder.py")
    path = tmp_path / "mine.py"
    path.write_text(original["text"])
    result = lookup(written, str(path))
    assert (result["kind"], result["num_documents"], result["nearest"]) == ("file", 1, None)
    assert json.loads(json.dumps(result))["complete"]
    (found,) = result["documents"]
    assert (found["match"], found["path"]) == ("same file", "json/decoder.py")
    assert found["swhid"] == f"swh:1:cnt:{original['origin']}"
    assert lookup(written, found["swhid"])["documents"][0]["path"] == "json/decoder.py"
    assert lookup(written, found["sha256"])["documents"][0]["path"] == "json/decoder.py"


def test_a_file_is_found_though_it_was_redacted(written: Path, tmp_path: Path) -> None:
    path = tmp_path / "connect.py"
    path.write_text(REDACTED.replace("<EMAIL>", "jane@example.com"))
    (found,) = lookup(written, str(path))["documents"]
    assert (found["match"], found["path"]) == ("same file, its text edited since", "net/connect.py")
    path.write_text(REDACTED)
    (found,) = lookup(written, str(path))["documents"]
    assert found["match"] == "same text"


def test_a_file_is_found_though_it_was_reindented(written: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(record(written, "json/decoder.py")["text"].replace("    ", "\t"))
    (found,) = lookup(written, str(path))["documents"]
    assert found["match"] == "same text but for white space"


def test_a_strange_file_is_not_found(written: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"nothing like it\xff\n" * 3)
    result = lookup(written, str(path))
    assert (result["num_documents"], result["documents"]) == (0, [])
    assert result["nearest"]["matches"] == []


@pytest.mark.parametrize("name", ["alice/json", "ALICE/JSON", "carol/fork", "alice", "carol"])
def test_repositories_and_owners(written: Path, name: str) -> None:
    result = lookup(written, name)
    kind = "repository" if "/" in name else "owner"
    assert result["kind"] == kind
    wanted = name.lower()
    expected = 0
    for path in (written / "documents").iterdir():
        for found in read_file(path):
            names = [found.get("repository", "")]
            names += found.get("metadata", {}).get("repositories", [])
            names = [n.lower() if "/" in name else n.lower().split("/")[0] for n in names]
            expected += wanted in names
    assert result["num_documents"] == expected > 0
    assert len(result["documents"]) == min(expected, 20)
    assert lookup(written, name, limit=1)["num_documents"] == expected


def test_a_name_that_nobody_has(written: Path) -> None:
    for query in ("nobody", "no/body", "00" * 20, "00" * 32):
        assert lookup(written, query)["num_documents"] == 0


@pytest.mark.parametrize("length", [30, 700])
def test_a_passage_is_found_where_it_is(written: Path, length: int) -> None:
    """Short ones by reading everything, long ones by the fingerprints; both exactly."""
    text = record(written, "json/decoder.py")["text"]
    for start in (0, 1503, len(text) - length):
        passage = text[start : start + length]
        result = lookup(written, passage, kind="text")
        found = {row["path"]: row for row in result["documents"]}
        assert "json/decoder.py" in found
        row = found["json/decoder.py"]
        first, end = row["bytes"]
        assert text.encode()[first:end].decode() == passage
        holding = sum(
            passage in r["text"] for p in (written / "documents").iterdir() for r in read_file(p)
        )
        assert result["num_documents"] == min(holding, 20)
        assert result["complete"] == (holding <= 20)


def test_a_passage_of_many_documents_stops_early(written: Path) -> None:
    result = lookup(written, "import ", kind="text", limit=2)
    assert (result["num_documents"], result["complete"]) == (2, False)


def test_a_changed_passage_gives_the_nearest_file(written: Path) -> None:
    text = record(written, "json/decoder.py")["text"][1000:2000].replace("self", "this")
    result = lookup(written, text)
    assert result["num_documents"] == 0
    assert result["nearest"]["matches"][0]["path"] == "json/decoder.py"


def test_without_the_attribution_index(written: Path, tmp_path: Path) -> None:
    shutil.copytree(written, tmp_path / "data")
    for path in (tmp_path / "data/provenance").glob("*.arrow"):
        path.unlink()
    text = record(written, "json/decoder.py")["text"][1000:2000]
    result = lookup(tmp_path / "data", text)
    assert result["documents"][0]["path"] == "json/decoder.py"
    assert lookup(tmp_path / "data", "not there at all")["nearest"] is None


def test_one_open_dataset_answers_many_questions(written: Path) -> None:
    questions = Lookup(written)
    assert questions.find("alice")["num_documents"] == questions.find("ALICE")["num_documents"]
    with pytest.raises(UserError, match=r"must be one of file, swhid, .*got 'user'"):
        questions.find("alice", kind="user")
    with pytest.raises(UserError, match="The query is empty"):
        questions.find(" ")
    with pytest.raises(UserError, match="not of the form of a query of kind 'swhid'"):
        questions.find("alice", kind="swhid")


def test_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no map of samples to files \(provenance/\)"):
        lookup(tmp_path, "alice")
    with pytest.raises(UserError, match="is in an object store; download"):
        lookup("s3://bucket/data", "alice")


def test_a_merge_in_many_ranges_is_a_merge_in_one(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset.open(written)
    keys = {}
    for part in dataset.parts:
        keys[part] = tmp_path / f"{part}.keys.npy"
        lookup_index.write_keys(keys[part], dataset.rows(part))
    monkeypatch.setattr(lookup_index, "_ENTRIES_A_RANGE", 7)
    monkeypatch.setattr(lookup_index, "_ROWS_A_GROUP", 3)
    lookup_index.merge(keys, tmp_path / "lookup.parquet")
    one, many = dataset.lookup_index(), lookup_index.LookupIndex(tmp_path / "lookup.parquet")
    for kind in range(5):
        expected = np.concatenate([k for k, _ in one.whole_keys(kind)])
        assert np.concatenate([k for k, _ in many.whole_keys(kind)]).tolist() == expected.tolist()
        assert len(expected) > 0
        for key in set(expected[:20].tolist()):
            assert many.find(kind, key) == one.find(kind, key) != []


def test_show_says_whether_and_where(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(lookup(written, "carol/fork"))
    shown = capsys.readouterr().out
    assert "This repository is in the data: 1 document." in shown
    assert "swh:1:cnt:" in shown
    show(lookup(written, "def not_there(): pass"))
    assert "This text is not in the data." in capsys.readouterr().out


def test_a_file_that_is_not_there_is_not_taken_for_an_owner_in_silence(
    written: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    show(lookup(written, "not_there.py"))
    shown = capsys.readouterr().out
    assert "This owner is not in the data." in shown
    assert "'not_there.py' was taken for a name, as there is no such file; `--kind text`" in shown
    show(lookup(written, "nobody", kind="owner"))
    assert "taken for" not in capsys.readouterr().out
