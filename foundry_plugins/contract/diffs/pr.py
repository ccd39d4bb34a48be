# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""``pr``: a commit as the opening of a pull request.

::

    <pr>Title: subject\nusername_0: body<pr_status>opened<repo_name>repository<pr_base>
    <pr_file>path<pr_base_code>lines ... <pr_diff><pr_file>path<pr_diff_hunk>hunk ...

(line breaks stand for nothing). StarCoder2's format (arXiv 2402.19173, sections 2.3 and 5.2) as far
as a commit goes, with its figures: a base file is shown whole with probability `WHOLE_RATE`, else
each change with 0 to `MAX_BASE_MARGIN` lines on each side, and hunks have `MIN_CONTEXT` to
`MAX_CONTEXT` lines of context; added and deleted files have no base. Each separate run of a base
file has a ``<pr_base_code>`` of its own, and files come in the order of their paths. An added file
without text has no hunk.

`base_runs` and `file_hunks` serve whole pull requests too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from foundry_plugins.contract.diffs import record
from foundry_plugins.contract.diffs.hunks import Hunk, hunks, parse, patch
from foundry_plugins.contract.diffs.line_diff import changes
from foundry_plugins.contract.diffs.lines import split_lines
from foundry_plugins.contract.diffs.pieces import Reader, Writer
from foundry_plugins.contract.diffs.record import Commit, Piece, Rendered
from foundry_plugins.contract.stateless_hash import Key, below, uniform

NAME: str = "pr"
REQUEST, STATUS, REPOSITORY, BASE = "<pr>", "<pr_status>", "<repo_name>", "<pr_base>"
FILE, BASE_CODE, DIFF, HUNK = "<pr_file>", "<pr_base_code>", "<pr_diff>", "<pr_diff_hunk>"
SENTINELS: tuple[str, ...] = (REQUEST, STATUS, REPOSITORY, BASE, FILE, BASE_CODE, DIFF, HUNK)
MULTI_FILE: bool = True
WHOLE_RATE = 0.2
MAX_BASE_MARGIN = 32
MIN_CONTEXT, MAX_CONTEXT = 3, 10


def refusal(commit: Commit) -> str | None:
    """Why this format cannot take a commit, in one word, or None."""
    return record.refusal(commit, several=MULTI_FILE)


def render(commit: Commit, *key: Key) -> Rendered:
    """A commit as pieces; every draw is a hash of ``key``."""
    record.require_accepted(NAME, refusal(commit))
    subject, _, body = commit.message.strip().partition("\n")
    body = body.strip()
    said = f"\nusername_0: {body}" if body else ""
    writer = Writer().mark(REQUEST).write(f"Title: {subject.strip()}{said}")
    writer.mark(STATUS).write("opened").mark(REPOSITORY).write(commit.repository).mark(BASE)
    order = sorted(commit.changes, key=lambda change: change.path)
    for change in order:
        if change.old_path is not None and change.new_path is not None:
            runs = base_runs(change.old, [change.new], *key, change.path)
            if runs:
                writer.mark(FILE).write(change.path)
            for run in runs:
                writer.mark(BASE_CODE).write(run)
    writer.mark(DIFF).begin_target()
    for change in order:
        writer.mark(FILE).write(change.path)
        for hunk in file_hunks(change.old, change.new, *key, change.path):
            writer.mark(HUNK).write(hunk)
    return writer.done()


def base_runs(old: str, news: Sequence[str], *key: Key) -> list[str]:
    """What is shown of a base file: all of it, or the lines around its changes.

    Args:
        old: Its text.
        news: Its texts at the head commits.
        key: Names the request and the file.
    """
    if not old or all(new == old for new in news):
        return []
    if uniform(*key, "whole") < WHOLE_RATE:
        return [old]
    lines = split_lines(old)
    found = sorted({edit[:2] for new in news for edit in changes(lines, split_lines(new))})
    runs: list[tuple[int, int]] = []
    for first, end in found:
        above = below(MAX_BASE_MARGIN + 1, *key, first, end, "above")
        under = below(MAX_BASE_MARGIN + 1, *key, first, end, "under")
        first, end = max(first - above, 0), min(end + under, len(lines))
        while runs and first <= runs[-1][1]:
            start, stop = runs.pop()
            first, end = min(first, start), max(end, stop)
        runs.append((first, end))
    return ["".join(lines[first:end]) for first, end in runs if end > first]


def file_hunks(old: str, new: str, *key: Key) -> list[str]:
    """A file's hunks, with as much context as drawn for each; none if it is the same."""
    span = MAX_CONTEXT - MIN_CONTEXT + 1

    def context(n: int) -> tuple[int, int]:
        return (
            MIN_CONTEXT + below(span, *key, n, "context above"),
            MIN_CONTEXT + below(span, *key, n, "context under"),
        )

    return hunks(old, new, context)


def apply(pieces: Iterable[Piece], old_files: Mapping[str, str]) -> dict[str, str | None]:
    """The files after: path to text, None if deleted.

    Args:
        pieces: A rendering, or a prompt and a model's answer.
        old_files: The files before.

    Raises:
        ValueError: saying what does not fit.
    """
    reader = Reader(pieces)
    for sentinel in (REQUEST, STATUS, REPOSITORY, BASE):
        reader.section(sentinel)
    while reader.take(FILE):
        path = reader.text()
        while reader.take(BASE_CODE):
            if reader.text() not in old_files.get(path, ""):
                raise ValueError(f"The text shown of {path!r} is not in it.")
    reader.expect(DIFF)
    texts: dict[str, str] = {}
    while not reader.at_end():
        path = reader.section(FILE)
        if path in texts:
            raise ValueError(f"The file {path!r} is changed twice.")
        found: list[Hunk] = []
        while reader.take(HUNK):
            found += parse(reader.text())
        texts[path] = patch(old_files.get(path, ""), found, path)
    return record.changed(old_files, texts.items())
