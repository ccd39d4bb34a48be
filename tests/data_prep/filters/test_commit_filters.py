# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Filters of commits: what they drop, and that anything else passes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from data_prep.document import Document
from data_prep.filters import (
    binary_commits,
    bot_commits,
    commit_messages,
    commit_size,
    merge_commits,
    rename_commits,
    revert_commits,
)

NAMES = (
    *("binary_commits", "bot_commits", "commit_messages", "commit_size", "merge_commits"),
    *("rename_commits", "revert_commits"),
)


def commit(message: str = "Add a shelf to the room", path: str = "a.py", **facts: Any) -> Document:
    return Document.of("x = 1\n", path, metadata={"commit": "9f", "message": message, **facts})


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_commit_passes(name: str) -> None:
    keep = importlib.import_module(f"data_prep.filters.{name}").keep
    facts = {"message": "update", "parents": 2, "author_kind": "bot", "num_renamed": 9}
    facts |= {"num_binary": 9, "num_left_out": 9, "num_files": 99, "span_lines": 999}
    assert keep(Document.of("x = 1\n", metadata=facts)) is None
    # What a source does not know is not held against it.
    assert keep(Document.of("x = 1\n", metadata={"commit": "9f"})) in (None, "empty_message")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Merge branch 'side' into main", "merge_commit"),
        ("Merge pull request #7 from ann/side", "merge_commit"),
        ("merge remote-tracking branch 'origin/x'", "merge_commit"),
        ("Merge both lists of shelves", None),
        ("Emerge branch", None),
    ],
)
def test_merges_by_message(message: str, reason: str | None) -> None:
    assert merge_commits.keep(commit(message)) == reason
    assert merge_commits.keep(commit(message), subjects=False) is None
    assert merge_commits.keep(commit(message, parents=3), subjects=False) == "merge_commit"


@pytest.mark.parametrize(
    ("message", "is_revert"),
    [
        ('Revert "Add a shelf"', True),
        ('Revert: "Add a shelf"', True),
        ("Reverts the shelf", True),
        ('Reapply "Add a shelf"', True),
        ("Re-land the shelf", True),
        ("Backout the shelf", True),
        (f"Fix what {'a1' * 20} broke", True),
        (f"Take it out\n\nThis reverts commit {'b' * 40}.", True),
        ("Reverse the shelf", False),
        ("Make revert work", False),
        ("Undoing is possible now", False),
    ],
)
def test_reverts(message: str, is_revert: bool) -> None:
    assert revert_commits.keep(commit(message)) == ("revert_commit" if is_revert else None)


def test_bots() -> None:
    assert bot_commits.keep(commit("Auto commit of the shelf")) == "bot_commit"
    assert bot_commits.keep(commit("[auto] shelf"), also=("[AUTO]",)) == "bot_commit"
    assert bot_commits.keep(commit("Automate the shelf")) is None


@pytest.mark.parametrize(
    ("message", "reason", "starcoder"),
    [
        ("Add a retry to the upload", None, None),
        ("[shelf] Add a retry to the upload", None, None),
        ("shelf/room.py: Add a retry to the upload [ci skip]", None, None),
        ("Add a retry to the upload\n\nSee issue #7.", None, None),
        ("", "empty_message", "empty_message"),
        ("[skip ci]", "empty_message", None),
        ("update", "filled_in_message", "filled_in_message"),
        ("Updated README.md", "filled_in_message", "filled_in_message"),
        ("Merge branch 'x'", "filled_in_message", "filled_in_message"),
        ("0239-2a41", "hash_message", "hash_message"),
        ("aHR0cHM6Ly9leGFtcGxlLm9yZy9h", "hash_message", "hash_message"),
        ("Add a retry", "short_message", None),
        ("Add a retry " * 100, "long_message", None),
        ("Fix the upload of shards (#12)", "referring_message", None),
        ("Fix the upload for bug 1234", "referring_message", None),
        ("Fix the upload, see https://x.org", "referring_message", None),
        ("Fix the upload as I said", "personal_message", None),
        ("Add a retry to upload in shards", "message_names_file", None),
        ("fix the upload of the shards", "no_instruction", None),
        ("Uploads are retried from now on", "no_instruction", None),
        ("v1.2.3 of the shelf is out", "no_instruction", None),
    ],
)
def test_messages(message: str, reason: str | None, starcoder: str | None) -> None:
    found = commit(message, "src/shards.py" if "in shards" in message else "src/other.py")
    assert commit_messages.keep(found) == reason
    assert commit_messages.keep(found, level="starcoder") == starcoder


def test_message_settings() -> None:
    assert commit_messages.keep(commit("Uploads are retried from now on"), verbs=False) is None
    assert commit_messages.keep(commit("Wip"), also=("wip",)) == "filled_in_message"


def test_sizes() -> None:
    kept = [commit(path=f"d{n}.py", span_lines=200) for n in range(1000)]
    kept = [d for d in kept if commit_size.keep(d) is None]
    assert 60 < len(kept) < 145
    short = [commit(path=f"d{n}.py", span_lines=2) for n in range(1000)]
    assert 440 < sum(commit_size.keep(d) is None for d in short) < 560
    assert all(commit_size.keep(commit(path=f"d{n}.py", span_lines=3)) is None for n in range(99))
    assert commit_size.keep(commit(file_bytes=100_001)) == "large_commit"
    assert commit_size.keep(commit(), text_limit_bytes=3) == "large_commit"
    assert commit_size.keep(commit(num_files=3), max_files=2) == "many_files"


def test_moves_and_hidden_files() -> None:
    assert rename_commits.keep(commit(num_files=2, num_renamed=1)) is None
    assert rename_commits.keep(commit(num_files=2, num_renamed=1), max_share=0.0) == "rename_commit"
    assert (
        binary_commits.keep(commit(num_files=9, num_binary=1, num_left_out=1), max_binary=1) is None
    )
    assert binary_commits.keep(commit(num_files=2, num_left_out=2)) == "hidden_files"


def test_the_recipe_of_histories_has_them_all() -> None:
    folder = Path(__file__).resolve().parents[3] / "yamls/data"
    text = (folder / "git_history.yaml").read_text()
    assert all(f"- {name}:" in text for name in NAMES)
