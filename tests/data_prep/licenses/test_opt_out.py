# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Opt-out lists."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from data_prep.document import Document
from data_prep.licenses.opt_out import OptOut
from foundry_plugins.contract.errors import UserError

CONTENT = "ce013625030ba8dba906f756967f9e9ca394464a"  # git's id of "hello\n"


@pytest.fixture
def lists(tmp_path: Path) -> OptOut:
    (tmp_path / "a.txt").write_text(
        f"# asked in May\n\nAnn/Tools  # by mail\nuser:bob\nCarol\nswh:1:cnt:{CONTENT.upper()}\n"
    )
    (tmp_path / "b.txt").write_text("dan/x.y_z\r\ncarol\n")
    return OptOut.read([str(tmp_path / "*.txt")])


@pytest.mark.parametrize(
    ("repository", "reason"),
    [
        ("ann/tools", "opted_out"),
        ("ANN/TOOLS", "opted_out"),
        ("ann/other", None),
        ("Bob/anything", "opted_out"),
        ("carol/x", "opted_out"),
        ("dan/X.Y_Z", "opted_out"),
        ("carol", None),  # a folder's name, not an owner's
        ("", None),
    ],
)
def test_repositories_and_users(lists: OptOut, repository: str, reason: str | None) -> None:
    assert lists.reason(Document.of("x = 1", repository=repository)) == reason


def test_contents_and_further_repositories(lists: OptOut) -> None:
    assert lists.reason(Document.of("hello\n", "a.txt.py")) == "opted_out"
    copied = Document.of("x = 1", repository="eve/x", metadata={"repositories": ["ann/tools"]})
    assert lists.reason(copied) == "opted_out"


def test_equal_sets_have_equal_digests(lists: OptOut, tmp_path: Path) -> None:
    again = OptOut.read([str(tmp_path / "b.txt"), str(tmp_path / "a.txt")])
    assert (again.digest, len(again), again.keys.nbytes) == (lists.digest, 5, 40)
    assert pickle.loads(pickle.dumps(lists)).digest == lists.digest
    assert OptOut.read([str(tmp_path / "b.txt")]).digest != lists.digest
    assert OptOut.read([]).reason(Document.of("x = 1")) is None


@pytest.mark.parametrize(
    "line",
    ["https://example.org/a/b", "a/b/c", "two words", "swh:1:dir:" + CONTENT, "swh:1:cnt:1f"],
)
def test_what_is_no_entry(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_text(f"# ok\n{line}\n")
    with pytest.raises(UserError, match=r"list, line 2: .* is no opt-out"):
        OptOut.read([str(tmp_path / "list")])
