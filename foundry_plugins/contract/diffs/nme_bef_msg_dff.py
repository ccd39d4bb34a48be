# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""``nme_bef_msg_dff``: a file, a message, and the unified diff between them.

::

    <NME> path\n<BEF> old\n<MSG> message\n<DFF> @@ -1,2 +1,2 @@\n ...

The format of CarperAI's diff models ("Diff Models: A New Way to Edit Code", 2023), whose four tags
are special tokens here. The whole file is shown, ``ADDFILE`` in place of one that is added; hunks
have three lines of context. A deleted file has a diff that leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from foundry_plugins.contract.diffs import record
from foundry_plugins.contract.diffs.hunks import parse, patch, unified
from foundry_plugins.contract.diffs.pieces import Reader, Writer
from foundry_plugins.contract.diffs.record import Commit, Piece, Rendered
from foundry_plugins.contract.sentinels import NME_BEF_MSG_DFF
from foundry_plugins.contract.stateless_hash import Key

NAME: str = "nme_bef_msg_dff"
PATH, BEFORE, MESSAGE, DIFF = NME_BEF_MSG_DFF
SENTINELS: tuple[str, ...] = NME_BEF_MSG_DFF
MULTI_FILE: bool = False
ADDED = "ADDFILE"


def refusal(commit: Commit) -> str | None:
    """Why this format cannot take a commit, in one word, or None."""
    return record.refusal(commit, several=MULTI_FILE)


def render(commit: Commit, *key: Key) -> Rendered:
    """A commit of one file as pieces; nothing is drawn."""
    record.require_accepted(NAME, refusal(commit))
    (change,) = commit.changes
    before = ADDED if change.old_path is None else change.old
    writer = Writer().mark(PATH).write(f" {change.path}\n").mark(BEFORE).write(f" {before}\n")
    writer.mark(MESSAGE).write(f" {commit.message}\n")
    writer.mark(DIFF).begin_target().write(f" {unified(change.old, change.new)}")
    return writer.done()


def apply(pieces: Iterable[Piece], old_files: Mapping[str, str]) -> dict[str, str | None]:
    """The file after: path to text, None if deleted.

    Args:
        pieces: A rendering, or a prompt and a model's answer.
        old_files: The files before.

    Raises:
        ValueError: saying what does not fit.
    """
    reader = Reader(pieces)
    path = _inner(reader.section(PATH), PATH)
    before = _inner(reader.section(BEFORE), BEFORE)
    _inner(reader.section(MESSAGE), MESSAGE)
    diff = reader.section(DIFF)
    reader.end()
    old = old_files.get(path, "")
    if before != (old if path in old_files else ADDED):
        raise ValueError(f"The text after {BEFORE} is not that of {path!r}.")
    if not diff.startswith(" "):
        raise ValueError(f"The text after {DIFF} must begin with a space, got {diff[:40]!r}.")
    return record.changed(old_files, [(path, patch(old, parse(diff[1:]), path))])


def _inner(text: str, sentinel: str) -> str:
    if len(text) < 2 or text[0] != " " or text[-1] != "\n":
        raise ValueError(
            f"The text after {sentinel} must begin with a space and end with a line end, got "
            f"{text[:40]!r}."
        )
    return text[1:-1]
