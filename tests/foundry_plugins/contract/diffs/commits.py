# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Commits to render: generated ones full of what could be mistaken for markup, and real files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from hypothesis import strategies as st

from foundry_plugins.contract.diffs import Change, Commit, Format, Piece, Rendered, Sentinel
from foundry_plugins.contract.diffs.lines import split_lines
from foundry_plugins.contract.stateless_hash import below, uniform

LINES = (
    "",
    "a",
    "a",
    "}",
    "    return x",
    "@@ -1,3 +1,4 @@",
    "-a",
    "+a",
    "\\ No newline at end of file",
    "LINE0001",
    "LINE0001 a.py",
    "CHUNK",
    "/FILE",
    "USER",
    "ADDFILE",
    "<commit_after>",
    "<empty_output>",
    "<search><replace>",
    "crlf\r",
    "\r",
    "x\ry",
    "\x0c",
    "\x0b\x1c\x85",
    "\u2028 é ü \u2029",
    "😀",
)
PATHS = ("a.py", "b/c d.py", "LINE0001 e.py", "ü\u2028.txt", "f")
KEYS = st.integers(0, 2**32)


def texts() -> st.SearchStrategy[str]:
    """Files, with and without a line end at their end."""
    lines = st.lists(st.sampled_from(LINES), max_size=40)
    return st.builds(lambda found, end: "\n".join(found) + end, lines, st.sampled_from(["", "\n"]))


@st.composite
def _edited(draw: st.DrawFn, old: str) -> str:
    """A text after some insertions, deletions and replacements of lines."""
    lines = split_lines(old)
    for _ in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, len(lines)))
        end = min(first + draw(st.integers(0, 3)), len(lines))
        new = draw(st.lists(st.sampled_from(LINES), max_size=3))
        lines[first:end] = [line + "\n" for line in new]
    return "".join(lines).removesuffix(draw(st.sampled_from(["", "\n"])))


@st.composite
def _changes(draw: st.DrawFn, path: str) -> Change:
    kind = draw(st.sampled_from(["edit", "edit", "edit", "rewrite", "add", "delete"]))
    old = "" if kind == "add" else draw(texts())
    if kind == "delete":
        return Change(path, None, old, "")
    new = draw(_edited(old) if kind == "edit" else texts())
    if kind == "add":
        return Change(None, path, "", new)
    return Change(path, path, old, new if new not in ("", old) else old + "z")


@st.composite
def commits(draw: st.DrawFn, *, most_files: int = 1) -> Commit:
    """Commits that every format for their number of files takes."""
    paths = draw(st.permutations(PATHS))[: draw(st.integers(1, most_files))]
    message = draw(st.sampled_from(["fix", "", "two\n\nparagraphs\n", "@@ CHUNK\n<commit_after>"]))
    changes = tuple(draw(_changes(path)) for path in paths)
    return Commit(message, changes, draw(st.sampled_from(["", "o/r"])))


def real_commits() -> Iterator[Commit]:
    """Edited files of the standard library, and pairs of files that have little in common."""
    files = sorted(Path(os.__file__).parent.glob("*.py"), key=lambda file: file.name)[::5]
    before = [file.read_bytes().decode() for file in files]
    for n, text in enumerate(before):
        yield Commit(f"Edit {n}", (Change("m.py", "m.py", text, _rewritten(text, n)),))
    for n in range(0, len(before) - 1, 8):
        yield Commit(f"Replace {n}", (Change("m.py", "m.py", before[n], before[n + 1]),))


def _rewritten(text: str, n: int) -> str:
    """About one line in fifty deleted, doubled, moved or changed."""
    lines = split_lines(text)
    for row in range(len(lines) - 1, 0, -1):
        if uniform("edit", n, row) >= 0.02:
            continue
        kind = below(4, "kind", n, row)
        line = lines[row]
        if kind == 0:
            del lines[row]
        elif kind == 1:
            lines.insert(row, line)
        elif kind == 2:
            lines.insert(below(len(lines), "to", n, row), lines.pop(row))
        else:
            lines[row] = f"{line[: len(line) // 2]}# {n}\n"
    return "".join(lines) + ("x = 1" if n % 2 else "x = 1\n")


def check(diff: Format, commit: Commit, *key: int) -> Rendered:
    """Renders; asserts all that holds of every rendering; returns it."""
    rendered = diff.render(commit, *key)
    assert rendered == diff.render(commit, *key)
    pieces = rendered.pieces
    marks = [piece.name for piece in pieces if isinstance(piece, Sentinel)]
    assert set(marks) <= set(diff.SENTINELS)
    assert all(piece for piece in pieces if isinstance(piece, str))
    assert not any(isinstance(a, str) and isinstance(b, str) for a, b in pairwise(pieces))
    assert isinstance(pieces[rendered.target - 1], Sentinel)
    if rendered.is_change:
        assert diff.apply(pieces, commit.old_files) == commit.new_files
    else:
        there = {path: text for path, text in commit.new_files.items() if text is not None}
        assert diff.apply(pieces, there) == {}
    return rendered


def pieces(markup: str, *sentinels: str) -> tuple[Piece, ...]:
    """Pieces as a reader writes them, with the sentinels spelt out."""
    found: list[Piece] = [markup]
    for sentinel in sentinels:
        split: list[Piece] = []
        for piece in found:
            parts = piece.split(sentinel) if isinstance(piece, str) else [piece]
            for n, part in enumerate(parts):
                split += [Sentinel(sentinel), part] if n else [part]
        found = split
    return tuple(piece for piece in found if piece)


def is_near(count: int, trials: int, rate: float) -> bool:
    """Whether a count is within five standard deviations of a binomial's mean."""
    return abs(count - trials * rate) <= 5 * math.sqrt(trials * rate * (1 - rate))
