# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""``contrast``: files with line numbers, a request, and chunks to replace, in any order.

::

    ESC FILE path\n ESC LINE0000\n 15 lines ESC LINE0015\n ... ESC /FILE\n ...
    ESC USER message\n
    ESC CHUNK\n old lines ESC LINE0007 path\n new lines ...

Refact's format (smallcloudai/code-contrast, ``contrast_2023q2``); ESC is ``<empty_output>``, the
spaces around it stand for nothing. As there: lines are counted from 0 in four digits or more; a
LINE mark stands at the start of every run of lines and behind every `LINES_A_MARK` of them; a chunk
takes a Poisson number of unchanged lines (mean `MEAN_CONTEXT`) on each side and at least one after,
so that no chunk replaces nothing; chunks with up to `JOIN_GAP` lines between them are one; files
and chunks are shuffled. The loss is on the message and what follows. One sample in twenty shows the
files as they are after the commit, and no chunk.

What differs: how much of a file is shown is drawn (`window`, around every chunk), not filled up to
a number of tokens; line ends are kept; an added file has no FILE and a chunk that replaces nothing;
a deleted one has a chunk that leaves nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from foundry_plugins.contract.diffs import record
from foundry_plugins.contract.diffs.line_diff import Block, blocks, changes
from foundry_plugins.contract.diffs.lines import split_lines
from foundry_plugins.contract.diffs.pieces import Reader, Writer
from foundry_plugins.contract.diffs.record import Change, Commit, Piece, Rendered
from foundry_plugins.contract.diffs.window import is_whole, with_margins
from foundry_plugins.contract.stateless_hash import Key, hash64, uniform

NAME: str = "contrast"
ESCAPE = "<empty_output>"
SENTINELS: tuple[str, ...] = (ESCAPE,)
MULTI_FILE: bool = True
LINES_A_MARK = 15
NO_CHANGE_RATE = 0.05
MEAN_CONTEXT = 2.0
JOIN_GAP = 2

_MARK = re.compile(r"LINE(\d{4,})\n")
_PLACE = re.compile(r"LINE(\d{4,}) ([^\n]*)\n")


def refusal(commit: Commit) -> str | None:
    """Why this format cannot take a commit, in one word, or None."""
    if any("\n" in change.path for change in commit.changes):
        return record.NEWLINE_IN_PATH
    return record.refusal(commit, several=MULTI_FILE)


def render(commit: Commit, *key: Key) -> Rendered:
    """A commit as pieces; every draw is a hash of ``key``."""
    record.require_accepted(NAME, refusal(commit))
    order = sorted(commit.changes, key=lambda change: hash64(*key, change.path, "file"))
    done = [c for c in order if c.new_path is not None]
    is_change = not done or uniform(*key, "no change") >= NO_CHANGE_RATE
    writer = Writer()
    chunks: list[tuple[int, str, str]] = []
    for change in order if is_change else map(_undone, done):
        found = _blocks(change, *key)
        if change.old_path is not None:
            _write_file(writer, change, found, *key, change.path)
        if is_change:
            chunks += _chunks(change, found, *key, change.path)
    writer.mark(ESCAPE).begin_target().write(f"USER {commit.message}\n")
    for _, old, new in sorted(chunks):
        writer.mark(ESCAPE).write(old).mark(ESCAPE).write(new)
    return writer.done(is_change=is_change)


def _undone(change: Change) -> Change:
    """Back from what is after to what was before."""
    return Change(change.new_path, change.old_path, change.new, change.old)


def _blocks(change: Change, *key: Key) -> list[Block]:
    before, after = split_lines(change.old), split_lines(change.new)
    edits = changes(before, after)
    if not change.old:
        return [Block(0, 0, 0, len(after), tuple(edits))]
    spans: list[tuple[int, int]] = []
    for n, (first, end, _, _) in enumerate(edits):
        above = _poisson(MEAN_CONTEXT, uniform(*key, change.path, n, "context above"))
        under = _poisson(MEAN_CONTEXT, uniform(*key, change.path, n, "context under"))
        first, end = max(first - above, 0), min(end + max(under, 1), len(before))
        # Behind the last line there is only the one before to hold on to.
        spans.append((first - (first == end), end))
    return blocks(edits, spans, gap=JOIN_GAP)


def _poisson(mean: float, draw: float) -> int:
    """The Poisson number at quantile ``draw`` in [0, 1)."""
    number, share = 0, math.exp(-mean)
    while draw >= share and share > 0:
        draw -= share
        number += 1
        share *= mean / number
    return number


def _write_file(writer: Writer, change: Change, found: Sequence[Block], *key: Key) -> None:
    lines = split_lines(change.old)
    writer.mark(ESCAPE).write(f"FILE {change.path}\n")
    for first, end in _runs(lines, found, *key):
        for start in range(first, end, LINES_A_MARK):
            shown = lines[start : min(start + LINES_A_MARK, end)]
            writer.mark(ESCAPE).write(f"LINE{start:04d}\n{''.join(shown)}")
    writer.mark(ESCAPE).write("/FILE\n")


def _runs(lines: Sequence[str], found: Sequence[Block], *key: Key) -> list[tuple[int, int]]:
    """The lines to show."""
    if is_whole(*key):
        return [(0, len(lines))]
    runs: list[tuple[int, int]] = []
    for n, block in enumerate(found):
        first, end = with_margins(block.first, block.end, len(lines), *key, n)
        while runs and first <= runs[-1][1]:
            start, stop = runs.pop()
            first, end = min(first, start), max(end, stop)
        runs.append((first, end))
    return runs


def _chunks(change: Change, found: Sequence[Block], *key: Key) -> list[tuple[int, str, str]]:
    """For every block, a number that decides its place, what it replaces and what with."""
    before, after = split_lines(change.old), split_lines(change.new)
    return [
        (
            hash64(*key, block.first, "chunk"),
            f"CHUNK\n{''.join(before[block.first : block.end])}",
            f"LINE{block.first:04d} {change.path}\n"
            f"{''.join(after[block.new_first : block.new_end])}",
        )
        for block in found
    ]


def apply(pieces: Iterable[Piece], old_files: Mapping[str, str]) -> dict[str, str | None]:
    """The files after, of those that have chunks: path to text, None if deleted.

    Args:
        pieces: A rendering, or a prompt and a model's answer.
        old_files: The files before.

    Raises:
        ValueError: saying what does not fit.
    """
    reader = Reader(pieces)
    text = reader.section(ESCAPE)
    while text.startswith("FILE "):
        while _MARK.match(text := reader.section(ESCAPE)):
            pass
        if text != "/FILE\n":
            raise ValueError(f"A file must go on with LINE or end with /FILE, got {text[:40]!r}.")
        text = reader.section(ESCAPE)
    if not text.startswith("USER "):
        raise ValueError(f"The files must be followed by USER, got {text[:40]!r}.")
    chunks: dict[str, list[tuple[int, str, str]]] = {}
    while not reader.at_end():
        old = reader.section(ESCAPE)
        if not old.startswith("CHUNK\n"):
            raise ValueError(f"USER must be followed by CHUNK alone, got {old[:40]!r}.")
        place = _PLACE.match(new := reader.section(ESCAPE))
        if place is None:
            raise ValueError(f"CHUNK must be followed by LINE and a path, got {new[:40]!r}.")
        chunk = (int(place[1]), old.removeprefix("CHUNK\n"), new[place.end() :])
        chunks.setdefault(place[2], []).append(chunk)
    texts = ((path, _replaced(old_files.get(path, ""), chunks[path], path)) for path in chunks)
    return record.changed(old_files, texts)


def _replaced(old: str, chunks: list[tuple[int, str, str]], path: str) -> str:
    before, result, done = split_lines(old), list[str](), 0
    for first, part, new in sorted(chunks):
        if first < done or first > len(before):
            raise ValueError(f"The chunk of {path!r} at LINE{first:04d} is out of place.")
        end = first + len(split_lines(part))
        if "".join(before[first:end]) != part:
            raise ValueError(f"The chunk of {path!r} at LINE{first:04d} shows other lines.")
        result += [*before[done:first], new]
        done = end
    return "".join(result + before[done:])
