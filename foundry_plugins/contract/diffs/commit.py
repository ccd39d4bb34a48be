# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``commit``: what was there, why it changed, what is there now.

::

    <filename>path<commit_before>old<commit_msg>message<commit_after>new

StarCoder's format (arXiv 2305.06161, section 5.1) with OctoPack's windows (`window`), in which the
first and the last change bound one window. The path is shown with probability `PATH_RATE`, and
always for a file that is added, whose place nothing else would tell. What differs: windows are
widened until their text occurs once in the file, so that the sample can be applied; and line ends
are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from foundry_plugins.contract.diffs import record
from foundry_plugins.contract.diffs.line_diff import changes
from foundry_plugins.contract.diffs.lines import UniqueSpans, replace_unique, split_lines
from foundry_plugins.contract.diffs.pieces import Reader, Writer
from foundry_plugins.contract.diffs.record import Commit, Piece, Rendered
from foundry_plugins.contract.diffs.window import is_whole, with_margins
from foundry_plugins.contract.sentinels import COMMIT
from foundry_plugins.contract.stateless_hash import Key, uniform

NAME: str = "commit"
FILENAME = "<filename>"
BEFORE, MESSAGE, AFTER = COMMIT
SENTINELS: tuple[str, ...] = (FILENAME, *COMMIT)
MULTI_FILE: bool = False
PATH_RATE = 0.5


def refusal(commit: Commit) -> str | None:
    """Why this format cannot take a commit, in one word, or None."""
    return record.refusal(commit, several=MULTI_FILE)


def render(commit: Commit, *key: Key) -> Rendered:
    """A commit of one file as pieces; every draw is a hash of ``key``."""
    record.require_accepted(NAME, refusal(commit))
    (change,) = commit.changes
    before, after = split_lines(change.old), split_lines(change.new)
    first, end = 0, len(before)
    if not is_whole(*key):
        edits = changes(before, after)
        start, stop = (edits[0][0], edits[-1][1]) if edits else (0, 0)
        shown = with_margins(start, stop, len(before), *key)
        first, end = UniqueSpans(before).around(*shown)
    # Above the first change and below the last one, both versions have the same lines.
    new_end = len(after) - (len(before) - end)
    writer = Writer()
    if change.old_path is None or uniform(*key, "path") < PATH_RATE:
        writer.mark(FILENAME).write(change.path)
    writer.mark(BEFORE).write("".join(before[first:end]))
    writer.mark(MESSAGE).write(commit.message)
    writer.mark(AFTER).begin_target().write("".join(after[first:new_end]))
    return writer.done()


def apply(pieces: Iterable[Piece], old_files: Mapping[str, str]) -> dict[str, str | None]:
    """The files after: path to text, None if deleted.

    Args:
        pieces: A rendering, or a prompt and a model's answer.
        old_files: The files before; one file alone, where the pieces do not name it.

    Raises:
        ValueError: saying what does not fit.
    """
    reader = Reader(pieces)
    path = reader.text() if reader.take(FILENAME) else ""
    if not path:
        if len(old_files) != 1:
            raise ValueError(f"The pieces name no file and {len(old_files)} are given, not one.")
        (path,) = old_files
    before = reader.section(BEFORE)
    reader.section(MESSAGE)
    after = reader.section(AFTER)
    reader.end()
    text = replace_unique(old_files.get(path, ""), before, after, path)
    return record.changed(old_files, [(path, text)])
