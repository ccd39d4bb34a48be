# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every format: what is applied is what was committed; what cannot be said is refused."""

from __future__ import annotations

import contextlib
import doctest
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundry_plugins.contract.diffs import (
    FORMATS,
    Change,
    Commit,
    Format,
    Piece,
    Sentinel,
    get,
    hunks,
    line_diff,
    lines,
    pieces,
    plain,
)
from foundry_plugins.contract.diffs.pieces import Reader
from foundry_plugins.contract.errors import UserError
from tests.foundry_plugins.contract.diffs.commits import KEYS, check, commits, real_commits

ALL = pytest.mark.parametrize("diff", FORMATS.values(), ids=FORMATS)
EDIT = Change("a", "a", "1\n", "2\n")


@ALL
@settings(deadline=None)
@given(commit=commits(), key=KEYS)
def test_applying_a_rendering_gives_the_new_file(diff: Format, commit: Commit, key: int) -> None:
    check(diff, commit, key)


@pytest.mark.parametrize("name", [name for name, diff in FORMATS.items() if diff.MULTI_FILE])
@settings(deadline=None)
@given(commit=commits(most_files=4), key=KEYS)
def test_several_files(name: str, commit: Commit, key: int) -> None:
    check(FORMATS[name], commit, key)


@ALL
def test_real_files(diff: Format) -> None:
    for n, commit in enumerate(real_commits()):
        check(diff, commit, n)


@ALL
def test_large_files(diff: Format) -> None:
    old = [f"line {n}\n" for n in range(20_000)]
    for new in (
        [f"other {n}\n" for n in range(20_000)],
        old[::-1],
        [line for n, line in enumerate(old) if n % 7],
        ["}\n"] * 20_000,
    ):
        check(diff, Commit("", (Change("a", "a", "".join(old), "".join(new)),)), 1)
    same = Change("a", "a", "}\n" * 20_000, "}\n" * 9_999 + "{\n" + "}\n" * 10_001)
    check(diff, Commit("", (same,)), 1)


@ALL
@pytest.mark.parametrize(
    ("changes", "reason", "sentence"),
    [
        ((), "no_change", "it changes no file"),
        ((Change("a", "b", "1\n", "2\n"),), "renamed", "it renames a file"),
        ((Change("a", "a", "1\n", "1\n"),), "unchanged", "whose text stays the same"),
        ((Change("a", "a", "1\n", ""),), "emptied", "it keeps a file without any text"),
    ],
)
def test_what_no_format_can_say(
    diff: Format, changes: tuple[Change, ...], reason: str, sentence: str
) -> None:
    commit = Commit("m", changes)
    assert diff.refusal(commit) == reason
    with pytest.raises(ValueError, match=f"'{diff.NAME}' cannot render.*{sentence}"):
        diff.render(commit, 0)
    assert diff.refusal(plain(Commit("m", (*changes, Change(None, "z", "", "1"))))) in (
        None,
        "several_files",
    )


@ALL
def test_several_files_where_they_are_taken(diff: Format) -> None:
    commit = Commit("m", (EDIT, Change(None, "b", "", "")))
    assert diff.refusal(commit) == (None if diff.MULTI_FILE else "several_files")
    if diff.MULTI_FILE:
        assert diff.refusal(Commit("m", (EDIT, EDIT))) == "same_path"


def test_plain_makes_renames_edits_and_leaves_out_the_rest() -> None:
    kept = Change("old.py", "new.py", "1\n", "2\n")
    commit = Commit("m", (kept, Change("c", "d", "1", "1"), Change("e", "e", "1", "")), "o/r", "id")
    edit = Change("new.py", "new.py", "1\n", "2\n")
    assert plain(commit) == Commit("m", (edit,), "o/r", "id")


def test_a_change_has_a_path_for_every_text() -> None:
    for sides in ((None, None, "", ""), (None, "a", "1", "2"), ("a", None, "1", "2")):
        with pytest.raises(ValueError, match="needs a path on each side"):
            Change(*sides)


def test_files_before_and_after() -> None:
    changes = (EDIT, Change(None, "b", "", "3"), Change("c", None, "4", ""))
    commit = Commit("m", changes)
    assert commit.old_files == {"a": "1\n", "c": "4"}
    assert commit.new_files == {"a": "2\n", "b": "3", "c": None}


@settings(deadline=None)
@given(commit=commits(most_files=3), key=KEYS)
def test_text_and_markers_are_the_pieces(commit: Commit, key: int) -> None:
    rendered = FORMATS["search_replace"].render(commit, key)
    rebuilt: list[Piece] = []
    start = 0
    for offset, name in rendered.markers:
        rebuilt += [rendered.text[start:offset], Sentinel(name)]
        start = offset
    rebuilt.append(rendered.text[start:])
    assert tuple(piece for piece in rebuilt if piece) == rendered.pieces
    assert rendered.markers[rendered.target_marker][1] == "<commit_after>"


def test_formats_by_name() -> None:
    assert list(FORMATS) == ["commit", "nme_bef_msg_dff", "contrast", "search_replace", "pr"]
    assert get("pr") is FORMATS["pr"]
    with pytest.raises(UserError, match=r"'comit' \(did you mean 'commit'\?\); use one of: commit"):
        get("comit")


def test_sentinels_are_of_the_one_list() -> None:
    with pytest.raises(ValueError, match="'<nothing>' is not one of"):
        Sentinel("<nothing>")
    assert all(Sentinel(name) for diff in FORMATS.values() for name in diff.SENTINELS)


@ALL
@settings(deadline=None)
@given(commit=commits(), key=KEYS, data=st.data())
def test_a_missing_piece_is_an_error_or_another_text(
    diff: Format, commit: Commit, key: int, data: st.DataObject
) -> None:
    """What is cut short never raises anything but a `ValueError`."""
    found = list(diff.render(commit, key).pieces)
    del found[data.draw(st.integers(0, len(found) - 1))]
    with contextlib.suppress(ValueError):
        diff.apply(found, commit.old_files)


def test_texts_in_a_row_are_one() -> None:
    reader = Reader(["a", "b", Sentinel("<pr>"), "c", ""])
    assert (reader.text(), reader.section("<pr>"), reader.text()) == ("ab", "c", "")
    reader.end()
    with pytest.raises(ValueError, match=r"Piece 0 must be <pr_status>, got <pr>\."):
        Reader([Sentinel("<pr>")]).section("<pr_status>")
    with pytest.raises(ValueError, match="Piece 0 must be the end, got the text 'a'"):
        Reader(["a"]).end()


@pytest.mark.parametrize("module", [hunks, line_diff, lines, pieces])
def test_examples_in_docstrings(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0
