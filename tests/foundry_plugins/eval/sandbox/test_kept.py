# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What languages make is made once, whole, and again for other tools."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox import kept
from foundry_plugins.eval.sandbox.languages.language import Language


class Counted(Language):
    """Makes one file, and counts how often."""

    made = 0
    tool = Path("/usr/bin/env")

    def where(self, tool: str) -> str | None:
        return str(self.tool)

    def make(self, folder: Path) -> None:
        self.made += 1
        (folder / "inside").mkdir(mode=0o700)
        (folder / "inside" / "header").write_text(f"{self.made}")


@pytest.fixture
def language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = Counted("counted", ("tool",), "", ())
    found.tool = tmp_path / "tool"
    found.tool.write_text("1.0")
    return found


def test_it_is_made_once_for_one_version_of_its_tools(language: Counted) -> None:
    folder = kept.folder(language)
    assert folder is not None
    assert kept.folder(language) == folder
    assert language.made == 1
    assert (folder / "inside" / "header").read_text() == "1"
    # Another user reads it in the sandbox.
    assert (folder / "inside").stat().st_mode & 0o777 == 0o755
    assert (folder / "inside" / "header").stat().st_mode & 0o777 == 0o644
    language.tool.write_text("1.0.1")
    other = kept.folder(language)
    assert other not in (None, folder)
    assert language.made == 2
    assert sorted(folder.parent.iterdir()) == sorted([folder, other])


def test_only_what_nobody_asks_for_goes(language: Counted) -> None:
    first = kept.folder(language)
    assert first is not None
    killed = first.with_name(".counted-killed")
    killed.mkdir()
    long_ago = time.time() - 40 * 24 * 3600
    for path in (first, killed):
        os.utime(path, (long_ago, long_ago))
    assert kept.folder(language) == first  # and so it is young again
    language.tool.write_text("2.0")
    second = kept.folder(language)
    assert sorted(first.parent.iterdir()) == sorted([first, second])
    os.utime(first, (long_ago, long_ago))
    language.tool.write_text("3.0.0")
    third = kept.folder(language)
    assert sorted(first.parent.iterdir()) == sorted([second, third])


@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "emptied"])
def test_what_was_damaged_is_made_anew(language: Counted, harm: str) -> None:
    folder = kept.folder(language)
    assert folder is not None
    header = folder / "inside" / "header"
    if harm == "cut":
        header.write_text("")
    elif harm == "changed":
        header.write_text("7")
    else:
        shutil.rmtree(folder if harm == "emptied" else folder / "inside")
        folder.mkdir(exist_ok=True)
    assert kept.folder(language) == folder
    assert header.read_text() == "2"
    assert kept.folder(language) == folder
    assert language.made == 2


def test_relative_paths_are_no_cache(
    language: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for given in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        folder = kept.folder(language)
        assert folder is not None
        assert folder.parent == tmp_path / ".cache/foundry_plugins/languages"
    monkeypatch.setenv("HOME", "relative")
    assert kept.folder(language) is None
    assert not (tmp_path / "relative").exists()


def test_a_failure_leaves_nothing(
    language: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise UserError("g++ cannot precompile: No space left on device")

    monkeypatch.setattr(language, "make", fail)
    assert kept.folder(language) is None
    assert not [path for path in tmp_path.rglob("*") if "counted" in path.name]


def test_the_first_of_two_processes_wins(language: Counted) -> None:
    """The other one has its own made when it finds the folder there."""
    inner = kept.folder

    class Slow(Counted):
        def make(self, folder: Path) -> None:
            inner(language)
            super().make(folder)

    slow = Slow("counted", ("tool",), "", ())
    slow.tool = language.tool
    folder = kept.folder(slow)
    assert folder is not None
    assert (folder / "inside" / "header").read_text() == "1"
    assert (slow.made, language.made) == (1, 1)
    assert list(folder.parent.iterdir()) == [folder]


def test_without_a_folder_to_write_nothing_is_kept(
    language: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert kept.folder(language) is None
    assert language.made == 0
