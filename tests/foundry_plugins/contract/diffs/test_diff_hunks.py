# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Hunks: git's own form, read back exactly."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundry_plugins.contract.diffs.hunks import Hunk, hunks, parse, patch, unified
from tests.foundry_plugins.contract.diffs.commits import texts

SMALL = st.integers(0, 4)


@settings(deadline=None)
@given(old=texts(), new=texts(), above=SMALL, under=SMALL)
def test_a_patch_gives_the_text_after(old: str, new: str, above: int, under: int) -> None:
    found = hunks(old, new, lambda n: (above, under + n % 2))
    assert patch(old, [hunk for text in found for hunk in parse(text)], "a") == new
    assert patch(old, parse("\n".join(found)), "a") == new
    assert bool(found) == (old != new)


OLD = "a\nb\nc\r\nd\n\u2028\ne\nf\ng\nh"
NEW = "a\nB\nc\r\nd\n\u2028\ne\nf\ng\nh\n"
DIFF = """\
@@ -1,3 +1,3 @@
 a
-b
+B
 c\r
@@ -8,2 +8,2 @@
 g
-h
\\ No newline at end of file
+h"""


def test_golden() -> None:
    assert unified(OLD, NEW, 1) == DIFF
    assert unified("", "a\nb", 3) == "@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file"
    assert unified("a\nb\n", "", 3) == "@@ -1,2 +0,0 @@\n-a\n-b"
    assert unified("a\nb\n", "a\nx\nb\n", 0) == "@@ -1,0 +2,1 @@\n+x"


def test_git_applies_what_is_written_and_what_git_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(OLD.encode())
    header = b"--- a/a\n+++ b/a\n"
    (tmp_path / "diff").write_bytes(header + DIFF.encode() + b"\n")
    # Without what the machine's own settings say of colours, prefixes and line ends.
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    apply = ["git", "apply", "--unidiff-zero", "diff"]
    subprocess.run(apply, cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "a").read_bytes() == NEW.encode()
    (tmp_path / "old").write_bytes(OLD.encode())
    command = ["git", "diff", "--no-index", "--no-color", "old", "a"]
    done = subprocess.run(command, cwd=tmp_path, env=env, check=False, capture_output=True)
    body = done.stdout.decode().split("+++ b/a\n")[1]
    assert patch(OLD, parse(body), "a") == NEW


def test_hunks_that_touch_are_one() -> None:
    old, new = "\n".join("abcdefghij"), "\n".join("aBcdefghIj")
    assert len(hunks(old, new, lambda n: (1, 1))) == 2
    (one,) = hunks(old, new, lambda n: (3, 4))
    assert one.split("\n")[0] == "@@ -1,10 +1,10 @@"


def test_lines_that_look_like_headers_are_lines() -> None:
    old, new = "@@ -1,1 +1,1 @@\n-x\n", "@@ -1,1 +1,1 @@\n-y\n+z\n"
    assert patch(old, parse(unified(old, new)), "a") == new


def test_counts_of_one_and_functions_in_headers() -> None:
    (hunk,) = parse("@@ -2 +2 @@ def f():\n-b\n+c\n")
    assert hunk == Hunk(1, ("b\n",), 1, ("c\n",))
    assert parse("") == []


@pytest.mark.parametrize(
    ("diff", "message"),
    [
        ("x", "Line 1 of a diff must be a hunk's header, got 'x'"),
        ("@@ -1,1 +1,1 @@\n-a\n+b\nrest", "Line 4 of a diff must be a hunk's header, got 'rest'"),
        ("@@ -1,2 +1,2 @@\n-a\nrest", "Line 3 of a diff must begin with a space, - or \\+"),
        ("@@ -1,2 +1,1 @@\n-a\n+b", "1 lines before and 1 after, its header says 2 and 1"),
        ("@@ -1,0 +1,1 @@\n\\ No newline at end of file\n+b", "Line 2 of a diff must begin"),
    ],
)
def test_malformed_diffs(diff: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(diff)


@pytest.mark.parametrize(
    ("diff", "message"),
    [
        ("@@ -9,1 +9,1 @@\n-a\n+b", "'a' at line 9 is out of place"),
        ("@@ -2,1 +2,1 @@\n-a\n+b", "at line 2 shows other lines"),
        ("@@ -1,1 +2,1 @@\n-a\n+b", "begins at line 1 of the file after, its header says 2"),
        ("@@ -1,1 +1,1 @@\n-a\n+b\n\\ No newline at end of file", "before the last"),
        ("@@ -2,1 +1,0 @@\n-b\n@@ -1,1 +1,0 @@\n-a", "at line 1 is out of place"),
    ],
)
def test_hunks_that_do_not_fit(diff: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        patch("a\nb\n", parse(diff), "a")
