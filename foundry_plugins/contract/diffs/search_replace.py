# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``search_replace``: for every change, text that occurs once in the file and what replaces it.

::

    <filename>path<commit_before>old ... <commit_msg>message<commit_after>
    <filename>path<search>old lines<replace>new lines<end_replace> ...

(the line break stands for nothing). The edit that instruction-tuned assistants are asked for, with
special tokens where they have fences. A search has 0 to `MAX_CONTEXT` unchanged lines on each side,
drawn evenly, and as many more as it takes to occur once in the old file; all searches of a file are
for its old text. An empty search stands for the whole of an empty or an absent file; a file that
is named without a search is deleted. The input shows the old files as ``commit`` does: one in five
whole, the others from the first search to the last with up to 31 more lines on each side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from foundry_plugins.contract.diffs import record
from foundry_plugins.contract.diffs.line_diff import Block, blocks, changes
from foundry_plugins.contract.diffs.lines import UniqueSpans, position, split_lines
from foundry_plugins.contract.diffs.pieces import Reader, Writer
from foundry_plugins.contract.diffs.record import Change, Commit, Piece, Rendered
from foundry_plugins.contract.diffs.window import is_whole, with_margins
from foundry_plugins.contract.sentinels import COMMIT, SEARCH_REPLACE
from foundry_plugins.contract.stateless_hash import Key, below

NAME: str = "search_replace"
FILENAME = "<filename>"
BEFORE, MESSAGE, AFTER = COMMIT
SEARCH, REPLACE, END = SEARCH_REPLACE
SENTINELS: tuple[str, ...] = (FILENAME, *COMMIT, *SEARCH_REPLACE)
MULTI_FILE: bool = True
MAX_CONTEXT = 3


def refusal(commit: Commit) -> str | None:
    """Why this format cannot take a commit, in one word, or None."""
    return record.refusal(commit, several=MULTI_FILE)


def render(commit: Commit, *key: Key) -> Rendered:
    """A commit as pieces; every draw is a hash of ``key``."""
    record.require_accepted(NAME, refusal(commit))
    found = {change.path: _blocks(change, *key, change.path) for change in commit.changes}
    writer = Writer()
    for change in commit.changes:
        if change.old_path is not None:
            shown = _shown(change, found[change.path], *key, change.path)
            writer.mark(FILENAME).write(change.path).mark(BEFORE).write(shown)
    writer.mark(MESSAGE).write(commit.message).mark(AFTER).begin_target()
    for change in commit.changes:
        before, after = split_lines(change.old), split_lines(change.new)
        writer.mark(FILENAME).write(change.path)
        for block in found[change.path] if change.new_path is not None else ():
            writer.mark(SEARCH).write("".join(before[block.first : block.end]))
            writer.mark(REPLACE).write("".join(after[block.new_first : block.new_end])).mark(END)
    return writer.done()


def _blocks(change: Change, *key: Key) -> list[Block]:
    before, after = split_lines(change.old), split_lines(change.new)
    edits = changes(before, after)
    if not change.old:
        return [Block(0, 0, 0, len(after), tuple(edits))]
    unique, spans = UniqueSpans(before), list[tuple[int, int]]()
    for n, (first, end, _, _) in enumerate(edits):
        above = below(MAX_CONTEXT + 1, *key, n, "context above")
        under = below(MAX_CONTEXT + 1, *key, n, "context under")
        spans.append(unique.around(max(first - above, 0), min(end + under, len(before))))
    return blocks(edits, spans)


def _shown(change: Change, found: list[Block], *key: Key) -> str:
    if is_whole(*key) or change.new_path is None:
        return change.old
    before = split_lines(change.old)
    first, end = with_margins(found[0].first, found[-1].end, len(before), *key)
    return "".join(before[first:end])


def apply(pieces: Iterable[Piece], old_files: Mapping[str, str]) -> dict[str, str | None]:
    """The files after: path to text, None if deleted.

    Args:
        pieces: A rendering, or a prompt and a model's answer.
        old_files: The files before.

    Raises:
        ValueError: saying what does not fit.
    """
    reader = Reader(pieces)
    while reader.take(FILENAME):
        path = reader.text()
        if reader.section(BEFORE) not in old_files.get(path, ""):
            raise ValueError(f"The text shown of {path!r} is not in it.")
    reader.section(MESSAGE)
    reader.expect(AFTER)
    result: dict[str, str | None] = {}
    while not reader.at_end():
        path = reader.section(FILENAME)
        if path in result:
            raise ValueError(f"The file {path!r} is changed twice.")
        found: list[tuple[str, str]] = []
        while reader.take(SEARCH):
            found.append((reader.text(), reader.section(REPLACE)))
            reader.expect(END)
        if not found and path not in old_files:
            raise ValueError(f"The file {path!r} is to be deleted but was not there.")
        result[path] = _replaced(old_files.get(path, ""), found, path) if found else None
    return result


def _replaced(old: str, found: list[tuple[str, str]], path: str) -> str:
    places = sorted((position(old, part, path), part, new) for part, new in found)
    result: list[str] = []
    done = 0
    for start, part, new in places:
        if start < done:
            raise ValueError(f"Two searches of {path!r} overlap at {part[:40]!r}.")
        result += [old[done:start], new]
        done = start + len(part)
    return "".join([*result, old[done:]])
