# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Files are absent, old or whole: on errors, on kill -9, on a full disk."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import (
    atomic_path,
    attempt,
    remove,
    remove_partials,
    write_json,
    write_text,
)


def test_file_and_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "deep/er/a.txt", "one")
    write_text(tmp_path / "deep/er/a.txt", "two")
    assert (tmp_path / "deep/er/a.txt").read_text() == "two"
    for content in ("old", "new"):
        with atomic_path(tmp_path / "folder") as partial:
            partial.mkdir()
            (partial / content).write_text(content)
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["new"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "folder"]


def test_json_is_canonical(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"b": 1, "a": "é"})
    assert (tmp_path / "a").read_text(encoding="utf-8") == '{\n  "a": "é",\n  "b": 1\n}\n'


def break_off(path: Path, error: BaseException) -> None:
    with atomic_path(path) as partial:
        partial.write_text("half")
        raise error


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt(), OSError(5, "bad disk")])
def test_an_error_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    write_text(tmp_path / "a", "old")
    with pytest.raises(type(error)):
        break_off(tmp_path / "a", error)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_sentence(tmp_path: Path, number: int) -> None:
    with pytest.raises(UserError, match="free some space"), atomic_path(tmp_path / "a"):
        raise OSError(number, "full")


KILLED = """
import os, signal, sys; from pathlib import Path
from foundry_plugins.contract.files import atomic_path
with atomic_path(Path(sys.argv[1])) as partial:
    partial.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_the_old_file_and_nothing_piles_up(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    for _ in range(2):
        argv = [sys.executable, "-c", KILLED, tmp_path / "a"]
        assert subprocess.run(argv, check=False).returncode == -9
        assert sorted(p.name for p in tmp_path.iterdir()) == [".a.partial", "a"]
    assert (tmp_path / "a").read_text() == "old"
    write_text(tmp_path / "a", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_attempts_that_overlap_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with attempt("first"), atomic_path(path) as slow:
        slow.write_text("the slow one's beginning, ")
        with attempt("second"), atomic_path(path) as quick:
            quick.write_text("whole")
        assert path.read_text() == "whole"
        slow.write_text(slow.read_text() + "and end")
    assert path.read_text() == "the slow one's beginning, and end"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_an_attempt_whose_file_was_removed_fails_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def orphan() -> None:
        with attempt("orphan"), atomic_path(path) as partial:
            partial.write_text("from before")
            remove_partials(tmp_path)
            write_text(path, "new")

    with pytest.raises(FileNotFoundError):
        orphan()
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_remove(tmp_path: Path) -> None:
    remove(tmp_path / "absent")
    (tmp_path / "folder/sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    remove(tmp_path / "link")
    assert (tmp_path / "folder/sub").is_dir()
    remove(tmp_path / "folder")
    assert not list(tmp_path.iterdir())
