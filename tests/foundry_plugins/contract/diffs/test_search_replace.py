# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``search_replace``: text, draws and mistakes."""

from __future__ import annotations

import pytest

from foundry_plugins.contract.diffs import Change, Commit, Sentinel
from foundry_plugins.contract.diffs import search_replace as diff
from foundry_plugins.contract.diffs.pieces import Reader
from tests.foundry_plugins.contract.diffs.commits import check, is_near, pieces

LINES = [f"line {n}\n" for n in range(1000, 1200)]
OLD = "".join(LINES)
COMMIT = Commit("Fix", (Change("a.py", "a.py", OLD, OLD.replace("1100\n", "new\n")),))
TRIALS = 2000


def of(markup: str) -> tuple[str | Sentinel, ...]:
    return pieces(markup, *diff.SENTINELS)


def test_golden() -> None:
    changes = (
        Change("a.py", "a.py", "x = 1\n", "x = 2\n"),
        Change(None, "b.py", "", "y = 1\n"),
        Change("c.py", None, "z = 1\n", ""),
    )
    rendered = diff.render(Commit("Move", changes), 0)
    assert rendered.pieces == of(
        "<filename>a.py<commit_before>x = 1\n<filename>c.py<commit_before>z = 1\n"
        "<commit_msg>Move<commit_after>"
        "<filename>a.py<search>x = 1\n<replace>x = 2\n<end_replace>"
        "<filename>b.py<search><replace>y = 1\n<end_replace>"
        "<filename>c.py"
    )
    assert rendered.pieces[rendered.target - 1] == Sentinel("<commit_after>")


def test_draws() -> None:
    """One in five whole; 0 to 3 lines around each change; 0 to 31 more are shown."""
    whole = 0
    context: list[int] = []
    margins: list[int] = []
    for key in range(TRIALS):
        reader = Reader(check(diff, COMMIT, key).pieces)
        reader.section("<filename>")
        shown = reader.section("<commit_before>").split("\n")[:-1]
        reader.section("<commit_msg>")
        reader.section("<commit_after>")
        reader.section("<filename>")
        found = reader.section("<search>").split("\n")[:-1]
        context.append(1100 - int(found[0].removeprefix("line ")))
        whole += len(shown) == len(LINES)
        if len(shown) < len(LINES):
            margins.append(shown.index(found[0]))
    assert is_near(whole, TRIALS, 0.2)
    assert all(is_near(context.count(number), TRIALS, 1 / 4) for number in range(4))
    assert set(margins) == set(range(32))
    assert is_near(margins.count(31), len(margins), 1 / 32)


def test_a_search_grows_until_it_is_unique() -> None:
    old = "a\n" + "x\n" * 50 + "b\n" + "x\n" * 50
    new = old.replace("b\n" + "x\n" * 20, "b\n" + "x\n" * 20 + "y\n")
    commit = Commit("m", (Change("f", "f", old, new),))
    for key in range(20):
        reader = Reader(check(diff, commit, key).pieces[-5:])
        search = reader.section("<search>")
        assert old.count(search) == 1
        assert "b\n" in search


def test_far_changes_have_a_search_each() -> None:
    new = OLD.replace("line 1010\n", "").replace("1190\n", "new\n")
    commit = Commit("m", (Change("f", "f", OLD, new),))
    marks = [Sentinel("<search>"), Sentinel("<replace>"), Sentinel("<end_replace>")]
    assert all(check(diff, commit, 1).pieces.count(mark) == 2 for mark in marks)


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        ("<search>", "must be <commit_msg>, got <search>"),
        ("<commit_msg>m<filename>", "must be <commit_after>, got <filename>"),
        ("<filename>f<commit_before>2<commit_msg>", "The text shown of 'f' is not in it"),
        ("<commit_msg>m<commit_after>f", "must be <filename>, got the text 'f'"),
        ("<commit_msg>m<commit_after><filename>f<search>a<end_replace>", "must be <replace>"),
        ("<commit_msg>m<commit_after><filename>f<search>a<replace>b", "must be <end_replace>"),
        (
            "<commit_msg>m<commit_after><filename>f<search>x<replace>b<end_replace>",
            "is not in 'f': 'x'",
        ),
        (
            "<commit_msg>m<commit_after><filename>f<search>a<replace>b<end_replace>",
            "occurs more than once in 'f': 'a'",
        ),
        (
            "<commit_msg>m<commit_after><filename>f<search>ab<replace>1<end_replace>"
            "<search>bc<replace>2<end_replace>",
            "Two searches of 'f' overlap at 'bc'",
        ),
        ("<commit_msg>m<commit_after><filename>f<filename>f", "'f' is changed twice"),
        ("<commit_msg>m<commit_after><filename>g", "'g' is to be deleted but was not there"),
    ],
)
def test_malformed(markup: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        diff.apply(of(markup), {"f": "abca"})
