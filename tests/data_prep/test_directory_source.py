# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The directory source: which files, in which order, and what becomes of odd ones."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from data_prep import store
from data_prep.document import Document, Dropped, blob_id
from data_prep.sources import directory
from data_prep.stores import Listing
from data_prep.stores.local import LocalStore
from foundry_plugins.contract.errors import UserError

# A real licence file: pytest's own.
MIT = next(
    file.read_text() for file in importlib.metadata.files("pytest") or () if file.name == "LICENSE"
)


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


def kept(root: Path | str, **settings: Any) -> dict[str, Document]:
    found = [
        item
        for unit in directory.units(path=str(root), **settings)
        for item in directory.read(unit, name="code", path=str(root), **settings)
    ]
    return {item.path: item for item in found if isinstance(item, Document)}


def test_include_and_exclude(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "b.js", "src/c.py", "src/deep/d.py", "src/deep/e.js")
    assert list(kept(tmp_path, include=("*.py",))) == ["a.py", "src/c.py", "src/deep/d.py"]
    both = kept(tmp_path, include=("src/*.py", "b.*"), exclude=("deep",))
    assert list(both) == ["b.js", "src/c.py"]


def test_languages_by_content(tmp_path: Path) -> None:
    (tmp_path / "list.h").write_text("template <class T> class List;\n")
    (tmp_path / "plain.h").write_text("int plain(void);\n")
    (tmp_path / "configure").write_text("#!/bin/sh\necho\n")
    (tmp_path / "README").write_text("Hello.\n")
    languages = {path: document.language for path, document in kept(tmp_path).items()}
    assert languages == {"list.h": "C++", "plain.h": "C", "configure": "Shell"}
    assert reasons(tmp_path)["README"] == "not_source"


def test_encodings(tmp_path: Path) -> None:
    text = "# Größe und Maß der Brücke über den Fluß, für später geprüft\nlänge = 'fünf'\n" * 5
    (tmp_path / "latin.py").write_bytes(text.encode("cp1252"))
    (tmp_path / "wide.py").write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    (tmp_path / "zero.py").write_bytes(b"x = 1\0\n")
    assert reasons(tmp_path) == {"latin.py": "not_utf8", "wide.py": "kept", "zero.py": "binary"}
    found = kept(tmp_path, encodings=True)
    assert found["latin.py"].text == found["wide.py"].text == text
    assert found["wide.py"].metadata == {"encoding": "utf-16-le"}
    assert found["latin.py"].origin == blob_id(text.encode("cp1252"))


def test_licenses_of_the_nearest_project(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "lib/b.py", "lib/deep/c.py", "own/d.py", "rust/src/e.rs", "odd/f.py")
    (tmp_path / "LICENSE").write_text(MIT)
    (tmp_path / "own/package.json").write_text('{"license": "Apache-2.0"}')
    (tmp_path / "rust/Cargo.toml").write_text('[package]\nlicense = "MIT/Apache-2.0"\n')
    (tmp_path / "lib/deep/c.py").write_text("# SPDX-License-Identifier: GPL-2.0-only\n")
    (tmp_path / "odd/COPYING").write_text("Ask Carol before you use this.\n")
    licenses = {path: document.licenses for path, document in kept(tmp_path).items()}
    assert licenses == {
        "a.py": ("MIT",),
        "lib/b.py": ("MIT",),
        "lib/deep/c.py": ("GPL-2.0-only",),
        "odd/f.py": ("LicenseRef-unrecognized",),
        "own/d.py": ("Apache-2.0",),
        "own/package.json": ("Apache-2.0",),
        "rust/Cargo.toml": ("MIT OR Apache-2.0",),
        "rust/src/e.rs": ("MIT OR Apache-2.0",),
    }
    assert {d.licenses for d in kept(tmp_path, licenses=False).values()} == {()}


def test_a_declaration_and_another_text_both_apply(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "b/c.py")
    (tmp_path / "LICENSE").write_text(MIT)
    (tmp_path / "package.json").write_text('{"license": "ISC"}')
    (tmp_path / "b/LICENSE-MIT").write_text(MIT)
    (tmp_path / "b/pyproject.toml").write_text('[project]\nlicense = "MIT OR Zlib"\n')
    found = kept(tmp_path)
    assert found["a.py"].licenses == ("ISC", "MIT")
    assert found["b/c.py"].licenses == ("MIT OR Zlib",)


def test_nothing_above_the_source_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(MIT)
    (tmp_path / ".git").mkdir()
    make(tmp_path, "code/a.py")
    document = kept(tmp_path / "code")["a.py"]
    assert (document.licenses, document.repository, document.name) == ((), "", "a.py")


@pytest.mark.parametrize(
    ("url", "repository"),
    [
        ("https://user:token@example.org/Ann/tools.git", "Ann/tools"),
        ("git@example.org:ann/tools", "ann/tools"),
        ("", "checkout"),
    ],
)
def test_repositories(tmp_path: Path, url: str, repository: str) -> None:
    make(tmp_path, "loose.py", "checkout/src/a.py")
    (tmp_path / "checkout/.git").mkdir()
    remote = f'[remote "origin"]\n\turl = {url}\n\tfetch = x\n[branch "main"]\n' if url else ""
    (tmp_path / "checkout/.git/config").write_text(f"[core]\n\tbare = false\n{remote}")
    found = kept(tmp_path)
    assert found["src/a.py"].repository == repository
    assert found["src/a.py"].name == f"{repository}/src/a.py"
    assert found["loose.py"].repository == ""
    named = kept(tmp_path, repository="ann/all")
    assert {d.name for d in named.values()} == {"ann/all/checkout/src/a.py", "ann/all/loose.py"}


def test_a_changed_license_changes_the_stamps_below_it(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "lib/b.py", "lib/LICENSE")

    def stamps() -> dict[str, int]:
        return {unit.path: unit.stamp for unit in directory.units(path=str(tmp_path))}

    before = stamps()
    assert before["a.py"] == (tmp_path / "a.py").stat().st_mtime_ns
    (tmp_path / "lib/LICENSE").write_text(MIT)
    after = stamps()
    assert (after["a.py"], after["lib/b.py"] == before["lib/b.py"]) == (before["a.py"], False)


def test_a_folder_in_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "b.py", "lib/a.py", "lib/node_modules/c.js", "env/pyvenv.cfg", "env/d.py")
    make(tmp_path, "docs/e.py", ".hidden.py")
    (tmp_path / "lib/LICENSE").write_text(MIT)
    # A store that a url names, kept on this disk.
    monkeypatch.setattr(store, "_connect", lambda scheme, url: _Disk(tmp_path))
    found = kept("disk://bucket/code", exclude=("docs",))
    assert {path: d.licenses for path, d in found.items()} == {"b.py": (), "lib/a.py": ("MIT",)}
    with pytest.raises(UserError, match="holds no file"):
        list(directory.units(path="disk://bucket/code/nothing"))


class _Disk(LocalStore):
    """``disk://bucket/code`` is a local folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = f"{folder}/"

    def entries(self, folder: str, prefix: str) -> Listing:
        listing = super().entries(self._local(folder), prefix)
        files = [dataclasses.replace(f, url=self._url(f.url)) for f in listing.files]
        return Listing([self._url(child) for child in listing.folders], files)

    def open(self, url: str, buffer_bytes: int) -> BinaryIO:
        return super().open(self._local(url), buffer_bytes)

    def _local(self, url: str) -> str:
        return url.replace("disk://bucket/code/", self.folder)

    def _url(self, path: str) -> str:
        return path.replace(self.folder, "disk://bucket/code/")
