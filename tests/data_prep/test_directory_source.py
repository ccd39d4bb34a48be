# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The directory source: which files, in which order, and what becomes of odd ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_prep.document import Dropped
from data_prep.sources import directory
from foundry_plugins.contract.errors import UserError


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"# {path}\n")


def listed(root: Path, exclude: tuple[str, ...] = ()) -> list[str]:
    return [unit.path for unit in directory.units(path=str(root), exclude=exclude)]


def reasons(root: Path) -> dict[str, str]:
    found = [
        item
        for unit in directory.units(path=str(root))
        for item in directory.read(unit, name="code", path=str(root))
    ]
    return {item.path: item.reason if isinstance(item, Dropped) else "kept" for item in found}


def test_paths_are_sorted_whole(tmp_path: Path) -> None:
    make(tmp_path, "b.py", "a/z.py", "a.py", "a-b.py", "a/b/c.py")
    assert listed(tmp_path) == sorted(["b.py", "a/z.py", "a.py", "a-b.py", "a/b/c.py"])


def test_what_is_never_entered(tmp_path: Path) -> None:
    make(tmp_path, ".git/a.py", "node_modules/a.js", "x/__pycache__/a.py", ".hidden.py", "kept.py")
    make(tmp_path, "env/pyvenv.cfg", "env/lib/a.py", "site-packages/a.py")
    make(tmp_path, "out/.work/ledger/read/00000.json", "out/report.json")
    assert listed(tmp_path) == ["kept.py"]


def test_exclude(tmp_path: Path) -> None:
    make(tmp_path, "vendor/a.py", "x/vendor/b.py", "docs/a.md", "x/docs/b.md", "c.py")
    assert listed(tmp_path, ("vendor", "docs/*.md")) == ["c.py", "x/docs/b.md"]


def test_odd_files_are_counted_not_followed(tmp_path: Path) -> None:
    make(tmp_path / "code", "a.py", "data.bin")
    make(tmp_path, "secret.py")
    (tmp_path / "code/link.py").symlink_to(tmp_path / "secret.py")
    (tmp_path / "code/folder.py").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "code/pipe.py")
    (tmp_path / "code" / os.fsdecode(b"caf\xe9.py")).write_text("x = 1\n")
    assert reasons(tmp_path / "code") == {
        "a.py": "kept",
        "data.bin": "not_source",
        "folder.py": "not_a_file",
        "link.py": "not_a_file",
        "pipe.py": "not_a_file",
        "caf\\xe9.py": "kept",
    }


def test_a_file_that_vanished_is_unreadable(tmp_path: Path) -> None:
    make(tmp_path, "a.py")
    (unit,) = directory.units(path=str(tmp_path))
    (tmp_path / "a.py").unlink()
    (found,) = directory.read(unit, name="code", path=str(tmp_path))
    assert isinstance(found, Dropped)
    assert found.reason == "unreadable"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.py").open("wb") as handle:
        handle.truncate(directory.LARGEST_FILE + 1)
    assert reasons(tmp_path) == {"a.py": "over_100_mb"}


def test_the_standard_library_without_its_tests() -> None:
    paths = listed(Path(directory.STDLIB))
    assert {"json/__init__.py", "argparse.py"} <= set(paths)
    assert not [path for path in paths if "/test/" in f"/{path}" or "site-packages" in path]


@pytest.mark.parametrize(
    ("name", "message"), [("missing", "does not exist"), ("file.py", "is a file")]
)
def test_wrong_paths(tmp_path: Path, name: str, message: str) -> None:
    make(tmp_path, "file.py")
    with pytest.raises(UserError, match=message):
        listed(tmp_path / name)


def test_an_unreadable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "sub/a.py", "b.py")
    scandir = os.scandir

    # Root may read everything, so permissions alone would not show it.
    def refusing(path: str) -> object:
        if str(path).rstrip("/").endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert reasons(tmp_path) == {"b.py": "kept", "sub": "unreadable"}
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        listed(tmp_path / "sub")
