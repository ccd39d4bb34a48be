# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``commit``: text, draws and mistakes."""

from __future__ import annotations

import pytest

from foundry_plugins.contract.diffs import Change, Commit, Sentinel
from foundry_plugins.contract.diffs import commit as diff
from foundry_plugins.contract.diffs.pieces import Reader
from tests.foundry_plugins.contract.diffs.commits import is_near, pieces

LINES = [f"line {n}\n" for n in range(200)]
OLD = "".join(LINES)
EDIT = Change("a.py", "a.py", OLD, OLD.replace("line 100\n", "new\n").replace("line 104\n", ""))
COMMIT = Commit("Fix it", (EDIT,))
TRIALS = 2000


def of(markup: str) -> tuple[str | Sentinel, ...]:
    return pieces(markup, *diff.SENTINELS)


def test_golden() -> None:
    commit = Commit("Greet", (Change("a.py", "a.py", "x = 1\nprint(x)\n", "x = 2\nprint(x)\n"),))
    window = next(
        found
        for key in range(100)
        if len(found := diff.render(commit, key).pieces) == 8 and found[3] == "x = 1\n"
    )
    assert window == of(
        "<filename>a.py<commit_before>x = 1\n<commit_msg>Greet<commit_after>x = 2\n"
    )
    whole = of("<commit_before>x = 1\nprint(x)\n<commit_msg>Greet<commit_after>x = 2\nprint(x)\n")
    assert whole in [diff.render(commit, key).pieces for key in range(10)]


def test_added_and_deleted_files() -> None:
    added = Commit("Add", (Change(None, "n.py", "", "1\n"),))
    rendered = diff.render(added, 0)
    assert rendered.pieces == of("<filename>n.py<commit_before><commit_msg>Add<commit_after>1\n")
    assert rendered.pieces[rendered.target :] == ("1\n",)
    deleted = Commit("Drop", (Change("n.py", None, "1\n", ""),))
    rendered = diff.render(deleted, 3)
    assert rendered.pieces[-5:] == of("<commit_before>1\n<commit_msg>Drop<commit_after>")
    assert rendered.target == len(rendered.pieces)


def test_draws() -> None:
    """One in five whole, 0 to 31 lines on each side, the path in every second."""
    whole = paths = 0
    margins: dict[str, list[int]] = {"above": [], "under": []}
    for key in range(TRIALS):
        reader = Reader(diff.render(COMMIT, "draws", key).pieces)
        if reader.take("<filename>"):
            paths += reader.text() == "a.py"
        shown = reader.section("<commit_before>").split("\n")[:-1]
        if len(shown) == len(LINES):
            whole += 1
            continue
        margins["above"].append(100 - int(shown[0].removeprefix("line ")))
        margins["under"].append(int(shown[-1].removeprefix("line ")) - 104)
    assert is_near(whole, TRIALS, 0.2)
    assert is_near(paths, TRIALS, 0.5)
    for found in margins.values():
        assert set(found) == set(range(32))
        for margin in (0, 15, 31):
            assert is_near(found.count(margin), len(found), 1 / 32)


def test_a_window_grows_until_it_is_unique() -> None:
    old = "a\n" + "x\n" * 200 + "b\n" + "x\n" * 200
    new = "a\n" + "x\n" * 100 + "y\n" + "x\n" * 100 + "b\n" + "x\n" * 200
    commit = Commit("m", (Change("f", "f", old, new),))
    for key in range(20):
        before = Reader(diff.render(commit, key).pieces[-6:]).section("<commit_before>")
        assert before.startswith("a\n") or "b\n" in before
        assert old.count(before) == 1


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        ("<commit_before>x<commit_msg>m<commit_after>y", "is not in 'a.py': 'x'"),
        ("<commit_before>line 1<commit_msg>m<commit_after>y", "occurs more than once in 'a.py'"),
        ("<commit_before><commit_msg>m<commit_after>y", "is not in 'a.py': ''"),
        ("<commit_before>line 7\n<commit_after>y", "must be <commit_msg>, got <commit_after>"),
        ("<commit_before>line 7\n<commit_msg>m", "must be <commit_after>, got the end"),
        ("line 7", "must be <commit_before>, got the text 'line 7'"),
        ("<commit_before>line 7\n<commit_msg>m<commit_after>y<commit_msg>", "must be the end"),
        ("<filename>b<commit_before>x<commit_msg>m<commit_after>y", "is not in 'b': 'x'"),
    ],
)
def test_malformed(markup: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        diff.apply(of(markup), {"a.py": OLD})


def test_a_file_without_a_name_must_be_the_only_one() -> None:
    found = of("<commit_before>a<commit_msg>m<commit_after>y")
    with pytest.raises(ValueError, match="name no file and 2 are given"):
        diff.apply(found, {"a": "a", "b": "b"})
