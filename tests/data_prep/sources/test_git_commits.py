# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The history of git repositories, made by the git program, as documents."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_prep.commits import program
from data_prep.document import BadRow, Document, Dropped
from data_prep.settings import settings
from data_prep.sources import git_commits
from foundry_plugins.contract import diffs
from foundry_plugins.contract.diffs import Sentinel
from foundry_plugins.contract.errors import UserError
from tests.data_prep.git_repository import LINES, GitRepository, ordinary, unusual

Found = dict[str, list[Any]]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[GitRepository, dict[str, str]]:
    return unusual(tmp_path_factory.mktemp("odd") / "shelf")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[GitRepository, list[str]]:
    return ordinary(tmp_path_factory.mktemp("plain") / "shelf", number=8)


def by_commit(found: list[Any]) -> Found:
    """What a source gave, by the commit's id."""
    commits: Found = {}
    for item in found:
        commits.setdefault(item.path.split("/")[1], []).append(item)
    return commits


def reason(found: Found, commit_id: str) -> str:
    (dropped,) = found[commit_id]
    assert isinstance(dropped, Dropped)
    return dropped.reason


def pieces(document: Document) -> list[Any]:
    """A document as its format wrote it."""
    parts: list[Any] = []
    start = 0
    for offset, name in document.markers:
        parts += [document.text[start:offset], Sentinel(name)]
        start = offset
    return [part for part in (*parts, document.text[start:]) if part]


def test_unusual_commits(read_source: Any, odd: Any) -> None:
    repository, ids = odd
    found = by_commit(
        read_source("git_commits", paths=[repository.path], format="commit", limit_bytes=5000)
    )
    assert set(found) == set(ids.values())
    reasons = {
        "rename": "renames_only",
        "mode": "no_text_change",
        "binary": "binary",
        "latin file": "not_utf8",
        "nothing": "no_text_change",
        "link": "not_a_file",
        "submodule": "not_a_file",
        "large": "large_files",
        "many files": "many_files",
        "emptied": "emptied",
    }
    assert {name: reason(found, ids[name]) for name in reasons} == reasons
    kept = {name for name, key in ids.items() if isinstance(found[key][0], Document)}
    assert kept == set(ids) - set(reasons)
    names = {name: [d.path.split("/", 2)[2] for d in found[ids[name]]] for name in kept}
    assert names["root"] == ["a.py", "b.py", "page.js"]
    assert names["two files"] == ["a.py", "page.js"]
    assert names["edited rename"] == ['sub "dir".py']
    assert sorted(names["odd paths"]) == ["latin-\\xe9.py", 'quo"te\\d.py', "two\nlines.py"]
    assert names["merge"] == ["side.py"]


def test_what_a_document_says(read_source: Any, odd: Any) -> None:
    repository, ids = odd
    found = by_commit(read_source("git_commits", paths=[repository.path], format="commit"))
    first, second = found[ids["two files"]]
    assert first.origin == second.origin == ids["two files"]
    assert first.name == f"shelf/commit/{ids['two files']}/a.py"
    assert (first.language, second.language, first.format) == ("Python", "JavaScript", "commit")
    assert first.swhid == f"swh:1:rev:{ids['two files']}"
    assert first.markers[first.target][1] == "<commit_after>"
    assert "# <commit_before> <empty_output>" in first.text
    facts = {key: first.metadata[key] for key in ("num_files", "num_binary", "num_left_out")}
    assert facts == {"num_files": 3, "num_binary": 1, "num_left_out": 1}
    assert first.metadata["span_lines"] == 1
    assert second.metadata["span_lines"] == 9
    assert first.metadata["timestamp"] == "2020-09-13T12:28:40+00:00"
    old = repository.git("rev-parse", f"{ids['root']}:a.py").decode().strip()
    new = repository.git("rev-parse", f"{ids['two files']}:a.py").decode().strip()
    assert first.metadata["contents"] == [old, new]

    def fact(name: str, key: str) -> object:
        return found[ids[name]][0].metadata[key]

    assert fact("bot", "author_kind") == "bot"
    assert fact("root", "author_kind") == "person"
    assert (fact("root", "parents"), fact("deleted", "parents"), fact("merge", "parents")) == (
        0,
        1,
        2,
    )
    assert fact("edited rename", "num_renamed") == 1
    assert fact("encoded message", "message") == "Исправить шаги девять"
    assert fact("empty message", "message") == ""


def files_of(repository: GitRepository, commit: str, parent: str | None) -> Any:
    """Texts before and after by path, of the files that differ, as git has them."""
    root = repository.git("hash-object", "-t", "tree", "-w", "--stdin", data=b"").decode().strip()
    names = repository.git("diff", "--name-only", "-z", "--no-renames", parent or root, commit)
    old: dict[str, str] = {}
    new: dict[str, str | None] = {}
    for name in names.decode().split("\0")[:-1]:
        if parent and repository.git("ls-tree", parent, name):
            old[name] = repository.show(parent, name).decode()
        is_there = bool(repository.git("ls-tree", commit, name))
        new[name] = repository.show(commit, name).decode() if is_there else None
    return old, new


@pytest.mark.parametrize("name", diffs.FORMATS)
def test_every_commit_comes_back(name: str, read_source: Any, plain: Any) -> None:
    repository, ids = plain
    found = by_commit(read_source("git_commits", paths=[repository.path], format=name))
    assert list(found) == ids
    shape = diffs.get(name)
    for parent, commit in zip([None, *ids], ids, strict=False):
        old, new = files_of(repository, commit, parent)
        applied: dict[str, str | None] = {}
        for document in found[commit]:
            path = document.path.split("/", 2)[2:]
            before = {p: text for p, text in old.items() if not path or p == path[0]}
            applied |= shape.apply(pieces(document), before)
        assert len(found[commit]) == (1 if shape.MULTI_FILE else len(new))
        # One sample in twenty of `contrast` shows what needs no change.
        assert applied == new or (name == "contrast" and not applied)


def test_odd_files_come_back(read_source: Any, odd: Any) -> None:
    repository, ids = odd
    for name in ("deleted", "crlf", "no newline", "before merge"):
        parent = repository.git("rev-parse", f"{ids[name]}^").decode().strip()
        old, new = files_of(repository, ids[name], parent)
        for shape in diffs.FORMATS.values():
            found = by_commit(
                read_source("git_commits", paths=[repository.path], format=shape.NAME)
            )
            (document,) = found[ids[name]]
            assert shape.apply(pieces(document), old) in (new, {})


def test_formats_are_drawn_by_weight_and_id(read_source: Any, plain: Any) -> None:
    repository, _ = plain
    weights = {"contrast": 1, "search_replace": 1.0}
    found = read_source("git_commits", paths=[repository.path], format=weights)
    assert {d.format for d in found} == {"contrast", "search_replace"}
    assert found == read_source("git_commits", paths=[repository.path], format=weights)
    clone = repository.path.with_name("clone.git")
    repository.git("clone", "--quiet", "--bare", str(repository.path), str(clone))
    copies = read_source("git_commits", paths=[clone], format=weights)
    assert [d.text for d in copies] == [d.text for d in found]
    other = read_source("git_commits", paths=[repository.path], format=weights, seed=18)
    assert [d.text for d in other] != [d.text for d in found]


def test_settings(read_source: Any, odd: Any) -> None:
    repository, ids = odd

    def read(**section: Any) -> Found:
        section = {"format": "contrast", **section}
        return by_commit(read_source("git_commits", paths=[repository.path], **section))

    assert reason(read(max_files=1), ids["two files"]) == "many_files"
    assert reason(read(merges=False), ids["merge"]) == "merge"
    # The path with a line end is more than this format can say.
    assert reason(read(), ids["odd paths"]) == "newline_in_path"
    (latin,) = read(encodings=True)[ids["latin file"]]
    assert "# Größe\n" in latin.text
    short = read(format="commit", message="subject")[ids["revert"]][0]
    assert short.text.count('Revert "Bump shelf from 1 to 2"') == 1
    assert "This reverts" not in short.text
    repository.git("checkout", "--quiet", "--detach", ids["root"])
    assert list(read()) == [ids["root"]]
    assert set(read(branches="all")) == set(ids.values())
    repository.git("checkout", "--quiet", "main")


def test_licences_and_names(read_source: Any, tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "tool.git", "--bare")
    work = GitRepository(tmp_path / "work")
    work.write("a.py", "x = 1\n")
    first = work.commit("Add x")
    notice = "Permission is hereby granted, free of charge, to any person obtaining a copy\n"
    work.write("COPYING", "GNU General Public License version 3 or any later version\n")
    work.write("a.py", "x = 2\n")
    second = work.commit("Change x")
    os.remove(work.path / "COPYING")
    work.write("LICENSE", f"MIT License\n\n{notice}")
    work.write("a.py", "x = 3\n")
    third = work.commit("Change x again")
    work.git("remote", "add", "origin", str(repository.path))
    work.git("push", "--quiet", "origin", "main")
    repository.git("remote", "add", "origin", "git@github.com:ann/tool.git")
    found = by_commit(read_source("git_commits", paths=[repository.path]))
    stated = {key: d[0].licenses for key, d in found.items()}
    # The first says nothing: it is under what the repository says now.
    assert stated == {first: ("MIT",), second: ("GPL-3.0-or-later",), third: ("MIT",)}
    assert {d[0].repository for d in found.values()} == {"ann/tool"}
    (silent, *_) = read_source("git_commits", paths=[repository.path], licenses=False)
    assert silent.licenses == ()


def test_repositories_of_all_kinds(read_source: Any, plain: Any, tmp_path: Path) -> None:
    repository, ids = plain
    origin = repository.path
    repository.git("clone", "--quiet", "--bare", str(origin), str(tmp_path / "bare.git"))
    url = origin.as_uri()
    repository.git("clone", "--quiet", "--depth=3", url, str(tmp_path / "shallow"))
    repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"), "HEAD")
    GitRepository(tmp_path / "empty")
    (tmp_path / "folder/inside").mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    found = by_commit(read_source("git_commits", paths=[tmp_path / "*"]))
    assert list(found) == ids
    counts = [len([d for d in found[key] if isinstance(d, Document)]) for key in ids]
    documents = by_commit(read_source("git_commits", paths=[origin]))
    shallow = [reason({"": [d]}, "") for d in found[ids[5]] if isinstance(d, Dropped)]
    assert shallow == ["shallow"]
    for key, count in zip(ids, counts, strict=True):
        # The bare one and the work tree have all, the shallow one the last two.
        assert count == len(documents[key]) * (3 if key in ids[-2:] else 2)


def test_sha256_repositories_are_counted(read_source: Any, tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "new", "--object-format=sha256")
    repository.write("a.py", "x = 1\n")
    repository.commit("Add x")
    (found,) = read_source("git_commits", paths=[repository.path])
    assert found.reason == "sha256_ids"


def test_broken_repositories_end_no_run(read_source: Any, plain: Any, tmp_path: Path) -> None:
    repository, ids = plain
    broken = Path(shutil.copytree(repository.path, tmp_path / "broken"))
    blob = repository.git("rev-parse", f"{ids[4]}:core.py").decode().strip()
    os.remove(broken / ".git/objects" / blob[:2] / blob[2:])
    tree = repository.git("rev-parse", f"{ids[2]}^{{tree}}").decode().strip()
    file = broken / ".git/objects" / tree[:2] / tree[2:]
    os.chmod(file, 0o644)
    file.write_bytes(b"no object")
    found = read_source("git_commits", paths=[broken], licenses=False)
    bad = [item for item in found if isinstance(item, BadRow)]
    # Each is missed by the commit that makes it and by the next, which starts from it.
    assert [item.detail[:40] for item in bad] == [ids[2], ids[3], ids[4], ids[5]]
    assert {item.reason for item in bad} == {"broken_commit"}
    kept = {item.path.split("/")[1] for item in found if isinstance(item, Document)}
    assert kept == set(ids) - {item.detail[:40] for item in bad}
    shutil.rmtree(broken / ".git/objects")
    (broken / ".git/objects").mkdir()
    (only,) = read_source("git_commits", paths=[broken])
    assert (only.reason, only.row) == ("broken_repository", 0)


def test_units_share_a_history(
    read_source: Any, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, ids = plain
    whole = read_source("git_commits", paths=[repository.path])
    monkeypatch.setattr(git_commits, "UNIT_COMMITS", 3)
    assert read_source("git_commits", paths=[repository.path]) == whole
    values = settings("sources.it", git_commits.units, {"paths": str(repository.path)})
    before = list(git_commits.units(**values))
    assert [unit.part for unit in before] == [0, 1, 2]
    repository.write("core.py", "# all new\n")
    repository.commit("Start again")
    after = list(git_commits.units(**values))
    # What was there before need not be read again.
    assert after[:2] == before[:2]
    with pytest.raises(UserError, match="has changed while it was read"):
        list(git_commits.read(before[2], name="it", **values))
    repository.git("reset", "--quiet", "--hard", ids[-1])


def test_nothing_of_the_user_has_a_say(
    read_source: Any, plain: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository, ids = plain
    before = read_source("git_commits", paths=[repository.path])
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(
        "[diff]\nnoprefix = true\nrenames = false\n[core]\nquotepath = x\n"
    )
    repository.git("replace", ids[3], ids[2])
    after = read_source("git_commits", paths=[repository.path])
    repository.git("replace", "--delete", ids[3])
    assert after == before


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"paths": []}, "`paths` is empty"),
        ({"paths": ["gone"]}, "`paths`: gone does not exist"),
        ({"paths": ["folder"]}, "`paths`: folder is no git repository"),
        ({"paths": ["fold*"]}, r"`paths`: fold\* matches no git repository"),
        ({"paths": ["s3://bucket/shelf"]}, "is in an object store"),
        ({"paths": ["shelf"], "format": "comit"}, "did you mean 'commit'"),
        ({"paths": ["shelf"], "format": {}}, "`format` is empty"),
        ({"paths": ["shelf"], "format": {"commit": 0}}, "`format.commit` must be a weight above 0"),
        ({"paths": ["shelf"], "format": 3}, "`sources.it.format` must be"),
        ({"paths": ["shelf"], "format": {"commit": "x"}}, "`sources.it.format.commit` must be"),
        ({"paths": ["shelf"], "max_files": 0}, "`max_files` must be at least 1"),
    ],
)
def test_wrong_recipes(
    section: dict[str, Any],
    message: str,
    read_source: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    GitRepository(tmp_path / "shelf")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        read_source("git_commits", **section)


def test_without_git(
    read_source: Any, plain: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository, _ = plain
    program.program.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="need the program `git`, which is not on PATH"):
        read_source("git_commits", paths=[repository.path])
    program.program.cache_clear()


def test_processes_end_with_their_reader(plain: Any) -> None:
    repository, _ = plain
    values = settings("sources.it", git_commits.units, {"paths": str(repository.path)})
    (unit,) = git_commits.units(**values)

    def children() -> set[str]:
        file = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        return set(file.read_text().split())

    before = children()
    reading = git_commits.read(unit, name="it", **values)
    next(reading)
    assert len(children() - before) == 2
    del reading
    assert not children() - before


def test_a_large_history_of_one_file(read_source: Any, tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "shelf")
    stream = bytearray()
    for n in range(600):
        text = "".join([*LINES[: n % 12], f"# {n}\n", *LINES[n % 12 :]]).encode()
        message = f"Move the mark to {n}".encode()
        person = f"Ann <ann@acme.org> {1_600_000_000 + n} +0000"
        stream += f"commit refs/heads/main\nmark :{n + 1}\nauthor {person}\n".encode()
        stream += f"committer {person}\ndata {len(message)}\n".encode() + message + b"\n"
        stream += (f"from :{n}\n" if n else "").encode()
        stream += f"M 100644 inline a.py\ndata {len(text)}\n".encode() + text + b"\n"
    repository.git("fast-import", "--quiet", data=bytes(stream))
    found = read_source("git_commits", paths=[repository.path], format="search_replace")
    assert [d.metadata["message"] for d in found] == [f"Move the mark to {n}" for n in range(600)]
