# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``pr``: text, draws and mistakes."""

from __future__ import annotations

import re

import pytest

from foundry_plugins.contract.diffs import Change, Commit, Sentinel
from foundry_plugins.contract.diffs import pr as diff
from tests.foundry_plugins.contract.diffs.commits import is_near, pieces

LINES = [f"{n}\n" for n in range(1000, 1200)]
OLD = "".join(LINES)
NEW = OLD.replace("1100\n", "new\n")
TRIALS = 2000


def of(markup: str) -> tuple[str | Sentinel, ...]:
    return pieces(markup, *diff.SENTINELS)


def test_golden() -> None:
    changes = (
        Change("z.py", None, "1\n", ""),
        Change("a.py", "a.py", "x\ny\n", "x\nz"),
        Change(None, "b.py", "", ""),
    )
    rendered = diff.render(Commit("Fix x\n\nIt was y.\n", changes, "o/r"), 0)
    assert rendered.pieces == of(
        "<pr>Title: Fix x\nusername_0: It was y.<pr_status>opened<repo_name>o/r"
        "<pr_base><pr_file>a.py<pr_base_code>x\ny\n"
        "<pr_diff><pr_file>a.py<pr_diff_hunk>@@ -1,2 +1,2 @@\n x\n-y\n+z\n"
        "\\ No newline at end of file"
        "<pr_file>b.py"
        "<pr_file>z.py<pr_diff_hunk>@@ -1,1 +0,0 @@\n-1"
    )
    assert rendered.pieces[rendered.target - 1] == Sentinel("<pr_diff>")


def test_a_message_of_one_line() -> None:
    commit = Commit("Fix", (Change(None, "b", "", "1"),))
    assert diff.render(commit, 0).pieces[:4] == of("<pr>Title: Fix<pr_status>opened")


def test_draws_of_the_base() -> None:
    """One in five whole, else 0 to 32 lines on each side."""
    whole = 0
    above: list[int] = []
    under: list[int] = []
    for key in range(TRIALS):
        (run,) = diff.base_runs(OLD, [NEW], key)
        lines = run.split("\n")[:-1]
        if len(lines) == len(LINES):
            whole += 1
        else:
            above.append(1100 - int(lines[0]))
            under.append(int(lines[-1]) - 1100)
    assert is_near(whole, TRIALS, 0.2)
    for found in (above, under):
        assert set(found) == set(range(33))
        assert all(is_near(found.count(n), len(found), 1 / 33) for n in (0, 16, 32))


def test_draws_of_hunks() -> None:
    """Three to ten lines of context."""
    above: list[int] = []
    under: list[int] = []
    for key in range(TRIALS):
        (hunk,) = diff.file_hunks(OLD, NEW, key)
        lines = re.findall(r"^ (\d+)$", hunk, re.MULTILINE)
        above.append(1100 - int(lines[0]))
        under.append(int(lines[-1]) - 1100)
    for found in (above, under):
        assert all(is_near(found.count(n), TRIALS, 1 / 8) for n in range(3, 11))


def test_base_runs_of_several_heads() -> None:
    heads = [NEW, OLD.replace("1010\n", ""), OLD]
    found = [diff.base_runs(OLD, heads, key) for key in range(50)]
    assert {len(runs) for runs in found} == {1, 2}
    for runs in found:
        assert "1100\n" in "".join(runs)
        assert "1010\n" in "".join(runs)
    assert diff.base_runs(OLD, [OLD], 0) == []
    assert diff.base_runs("", [OLD], 0) == []


START = "<pr>Title: t<pr_status>opened<repo_name>o/r<pr_base>"


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        ("<pr>t<repo_name>r", "must be <pr_status>, got <repo_name>"),
        (f"{START}<pr_file>f", "must be <pr_diff>, got the end"),
        (f"{START}<pr_file>f<pr_base_code>2<pr_diff>", "The text shown of 'f' is not in it"),
        (f"{START}<pr_diff><pr_diff_hunk>", "must be <pr_file>, got <pr_diff_hunk>"),
        (f"{START}<pr_diff><pr_file>f<pr_file>f", "'f' is changed twice"),
        (f"{START}<pr_diff><pr_file>f<pr_diff_hunk>x", "must be a hunk's header, got 'x'"),
        (
            f"{START}<pr_diff><pr_file>f<pr_diff_hunk>@@ -1,1 +1,1 @@\n-2\n+3",
            "The hunk of 'f' at line 1 shows other lines",
        ),
    ],
)
def test_malformed(markup: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        diff.apply(of(markup), {"f": "1\n"})
