# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""CommitPack and CommitPackFT: one file before and after one commit in each row.

Data sets ``bigcode/commitpack`` and ``bigcode/commitpackft`` (Muennighoff et al. 2023, arXiv
2308.07124, section 2). Columns: ``commit``, ``old_file``, ``new_file``, ``old_contents``,
``new_contents``, ``subject``, ``message``, ``lang``, ``license``, ``repos``.

The document is the file after the commit; what it was before, and the message, are in its metadata
(``old_contents``, ``old_path``, ``message``, ``subject``, ``commit``), for transforms to diffs. Of
several repositories that have the commit, ``repos`` separated by commas, the first names it and all
are in the metadata, for opt-outs.

With ``format``, the document is the commit in a diff format instead, and its metadata is what
`data_prep.commits.rendering` says. A file without text before the commit counts as added, one
without text after it as deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from data_prep.commits.rendering import Message, commit_path, rendered, sentinels_of, weights
from data_prep.document import BadRow, Document, Dropped, blob_id
from data_prep.licenses.opt_out import REPOSITORIES
from data_prep.rows import LIMIT_BYTES, BadField, Row, fields, files
from data_prep.rows.documents import canonical_licenses, document, documents
from data_prep.rows.languages import Choice, language
from data_prep.sources import Unit
from foundry_plugins.contract.diffs import Change, Commit

COLUMNS = (
    "commit",
    "old_file",
    "new_file",
    "old_contents",
    "new_contents",
    "subject",
    "message",
    "lang",
    "license",
    "repos",
)

_ID = re.compile("[0-9a-f]{40}")


def units(
    *,
    paths: tuple[str, ...],
    languages: tuple[str, ...] = (),
    limit_bytes: int = LIMIT_BYTES,
    format: str | dict[str, float] | None = None,
    message: Message = "whole",
    seed: int = 17,
) -> Iterator[Unit]:
    """Lists the files; plain ones in ranges.

    Args:
        paths: Files, folders or globs.
        languages: Those to read; all if not given.
        limit_bytes: Largest row.
        format: A format of `foundry_plugins.contract.diffs`, or weights by name; null for the file
            after the commit.
        message: What a format shows of it: ``whole``, or ``subject`` for its first line only.
        seed: Decides formats and what they draw.

    Raises:
        UserError: if there are no such files, languages, columns or formats.
    """
    if format is not None:
        weights("format", format)
    yield from Choice(languages).units(paths, needed=("new_contents", "old_contents"))


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    languages: tuple[str, ...] = (),
    limit_bytes: int = LIMIT_BYTES,
    format: str | dict[str, float] | None = None,
    message: Message = "whole",
    seed: int = 17,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one file, range or row group."""
    rows = Choice(languages).read(unit, columns=COLUMNS, limit_bytes=limit_bytes)
    if format is None:
        yield from documents(rows, lambda row: _of_row(row, name, paths))
    else:
        yield from documents(
            rows, lambda row: _commit(row, name, paths, format=format, message=message, seed=seed)
        )


def sentinels(*, format: str | dict[str, float] | None, **_: object) -> tuple[str, ...]:
    """The special tokens that the documents hold."""
    return () if format is None else sentinels_of(format)


def _of_row(row: Row, source: str, paths: tuple[str, ...]) -> Document | Dropped:
    values = row.values
    text = fields.text(values, "new_contents")
    path = _path(row, paths)
    found = language(fields.string(values, "lang"), path, text)
    if found is None:
        return Dropped(path, "not_source")
    return document(
        text,
        path=path,
        language=found,
        source=source,
        licenses=canonical_licenses(fields.strings(values, "license")),
        repository=next(iter(_repositories(values)), ""),
        metadata={
            "old_contents": _old(values),
            **fields.said(
                old_path=fields.string(values, "old_file"),
                message=fields.string(values, "message"),
                subject=fields.string(values, "subject"),
                commit=fields.string(values, "commit"),
            ),
            **_shared(values),
        },
    )


def _commit(row: Row, source: str, paths: tuple[str, ...], **settings: Any) -> Document | Dropped:
    """The commit in a diff format."""
    values = row.values
    commit_id = fields.string(values, "commit").lower()
    if not _ID.fullmatch(commit_id):
        raise BadField("wrong_type", "commit is no SHA-1 of a commit")
    old, new, path = _old(values), fields.text(values, "new_contents"), _path(row, paths)
    found = language(fields.string(values, "lang"), path, new or old)
    if found is None:
        return Dropped(commit_path(commit_id, path), "not_source")
    message = (fields.string(values, "message") or fields.string(values, "subject")).strip()
    if old == new:
        return Dropped(commit_path(commit_id, path), "no_text_change", found)
    change = Change(path if old else None, path if new else None, old, new)
    repository = next(iter(_repositories(values)), "")
    commit = Commit(message, (change,), repository, commit_id)
    (only,) = rendered(
        commit,
        languages={path: found},
        contents={path: tuple(blob_id(side.encode()) for side in (old, new) if side)},
        facts={"commit": commit_id, "message": message, "num_files": 1, **_shared(values)},
        source=source,
        licenses=canonical_licenses(fields.strings(values, "license")),
        **settings,
    )
    return only


def _path(row: Row, paths: tuple[str, ...]) -> str:
    path = fields.string(row.values, "new_file") or fields.string(row.values, "old_file")
    return path or files.row_name(row, paths)


def _old(values: fields.Values) -> str:
    # An added file has nothing before; its old contents are empty rather than unknown.
    return "" if values.get("old_contents") is None else fields.text(values, "old_contents")


def _repositories(values: fields.Values) -> list[str]:
    return [r.strip() for r in fields.string(values, "repos").split(",") if r.strip()]


def _shared(values: fields.Values) -> dict[str, list[str]]:
    repositories = _repositories(values)
    return {REPOSITORIES: repositories} if len(repositories) > 1 else {}
