# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Commits to documents in a diff format, for every source of commits.

The format is drawn for each commit by its id and the weights of the recipe, and all draws of the
format by id and path; so copies of a repository give equal texts, which are duplicates of each
other. A format for one file gives a document for every file of the commit.

A document is called ``commit/<id>``, or ``commit/<id>/<path>`` where it shows one file; its origin
is the commit's id. Its metadata, as far as the source knows::

    commit         the id
    message        all of it
    parents        how many; two or more for a merge
    author_kind    bot or person
    timestamp      when it was made
    num_files      files that the commit changes; of these, num_renamed were moved (and may be
                   changed besides), num_binary are binary, num_left_out not shown
    num_shown      files that this document shows
    file_bytes     of the larger of its texts before and after
    span_lines     from the first line changed to the last, before or after, over its files
    contents       ids of the contents before and after, for opt-outs
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from data_prep.document import Document, Dropped
from foundry_plugins.contract import diffs
from foundry_plugins.contract.diffs import Change, Commit, Format
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.stateless_hash import Key, uniform

Formats = str | Mapping[str, float]
Message = Literal["whole", "subject"]


def weights(key: str, formats: Formats | None) -> dict[str, float]:
    """Formats and how often each is drawn.

    Args:
        key: The setting, for messages.
        formats: One name, or weights by name.

    Raises:
        UserError: if there is no such format, or a weight makes no sense.
    """
    found = {formats: 1.0} if isinstance(formats, str) else dict(formats or {})
    require(
        bool(found),
        f"`{key}` is empty; give a diff format or weights by name: {', '.join(diffs.FORMATS)}.",
    )
    for name, weight in found.items():
        try:
            diffs.get(name)
        except UserError as error:
            raise UserError(f"`{key}`: {error}") from error
        require(
            0 < weight < float("inf"), f"`{key}.{name}` must be a weight above 0, got {weight}."
        )
    return found


def sentinels_of(formats: Formats) -> tuple[str, ...]:
    """The special tokens that documents in these formats may hold."""
    names = [name for format_name in weights("format", formats) for name in _tokens(format_name)]
    return tuple(dict.fromkeys(names))


def drawn(formats: Formats, *key: Key) -> Format:
    """One format, by a hash of ``key``."""
    found = weights("format", formats)
    left = uniform(*key, "format") * sum(found.values())
    for name, weight in found.items():
        left -= weight
        if left < 0:
            return diffs.get(name)
    # Rounding may leave a little.
    return diffs.get(max(found))


def rendered(
    commit: Commit,
    *,
    format: Formats,
    message: Message,
    seed: int,
    languages: Mapping[str, str],
    contents: Mapping[str, tuple[str, ...]],
    facts: Mapping[str, Any],
    **fields: Any,
) -> Iterator[Document | Dropped]:
    """A commit's documents.

    Args:
        commit: What `foundry_plugins.contract.diffs.plain` leaves of a commit; with its id.
        format: Format, or weights by name.
        message: What is shown of it.
        seed: Of all draws.
        languages: Of its files, by path.
        contents: Ids of their contents, by path.
        facts: Metadata that is of the whole commit.
        fields: Others of the documents: ``source``, ``licenses``.
    """
    chosen = drawn(format, seed, commit.commit_id)
    if message == "subject":
        commit = dataclasses.replace(commit, message=subject(commit.message))
    parts = [commit]
    if not chosen.MULTI_FILE:
        parts = [dataclasses.replace(commit, changes=(change,)) for change in commit.changes]
    for part in parts:
        only = part.changes[0].path if len(part.changes) == 1 else ""
        path = commit_path(commit.commit_id, only)
        language = _language(part, languages)
        reason = chosen.refusal(part)
        if reason is not None:
            yield Dropped(path, reason, language)
            continue
        key = () if chosen.MULTI_FILE else (only,)
        made = chosen.render(part, seed, commit.commit_id, *key)
        ids = [name for change in part.changes for name in contents.get(change.path, ())]
        yield Document(
            text=made.text,
            path=path,
            language=language,
            origin=commit.commit_id,
            repository=commit.repository,
            markers=made.markers,
            format=chosen.NAME,
            target=made.target_marker,
            metadata={**facts, **_sizes(part), **({"contents": ids} if ids else {})},
            **fields,
        )


def commit_path(commit_id: str, path: str = "") -> str:
    """What a commit's document is called."""
    return f"commit/{commit_id}/{path}" if path else f"commit/{commit_id}"


def subject(message: str) -> str:
    """The first line of a message."""
    return message.strip().partition("\n")[0].strip()


def _tokens(name: str) -> tuple[str, ...]:
    return diffs.get(name).SENTINELS


def _language(commit: Commit, languages: Mapping[str, str]) -> str:
    """That of most text; of equal ones the first."""
    sizes: dict[str, int] = {}
    for change in commit.changes:
        language = languages[change.path]
        sizes[language] = sizes.get(language, 0) + max(len(change.old), len(change.new))
    return max(sizes, key=lambda language: sizes[language])


def _sizes(commit: Commit) -> dict[str, int]:
    sizes = [max(len(change.old.encode()), len(change.new.encode())) for change in commit.changes]
    return {
        "num_shown": len(commit.changes),
        "file_bytes": max(sizes),
        "span_lines": sum(map(span_lines, commit.changes)),
    }


def span_lines(change: Change) -> int:
    r"""Lines between what is the same at both ends, before or after, whichever are more.

    >>> span_lines(Change("a", "a", "1\n2\n3\n4\n", "1\n2\n2\nx\n4\n"))
    2
    """
    old, new = change.old.split("\n"), change.new.split("\n")
    same = 0
    for before, after in zip(old, new, strict=False):
        if before != after:
            break
        same += 1
    old, new = old[same:], new[same:]
    same = 0
    for before, after in zip(reversed(old), reversed(new), strict=False):
        if before != after:
            break
        same += 1
    return max(len(old), len(new)) - same
