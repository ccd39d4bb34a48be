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
"""

from __future__ import annotations

from collections.abc import Iterator

from data_prep.document import BadRow, Document, Dropped
from data_prep.licenses.opt_out import REPOSITORIES
from data_prep.rows import LIMIT_BYTES, Row, fields, files
from data_prep.rows.documents import canonical_licenses, document, documents
from data_prep.rows.languages import Choice, language
from data_prep.sources import Unit

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


def units(
    *, paths: tuple[str, ...], languages: tuple[str, ...] = (), limit_bytes: int = LIMIT_BYTES
) -> Iterator[Unit]:
    """Lists the files; plain ones in ranges.

    Args:
        paths: Files, folders or globs.
        languages: Those to read; all if not given.
        limit_bytes: Largest row.

    Raises:
        UserError: if there are no such files, languages or columns.
    """
    choice = Choice(languages)
    choice.check()
    yield from files.units(
        paths,
        needed=("new_contents", "old_contents"),
        keep=choice.holds_folder,
        between=choice.between("lang"),
    )


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    languages: tuple[str, ...] = (),
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one file, range or row group."""
    only = Choice(languages).only("lang")
    rows = files.read(unit, columns=COLUMNS, limit_bytes=limit_bytes, only=only)
    yield from documents(rows, lambda row: _of_row(row, name, paths))


def _of_row(row: Row, source: str, paths: tuple[str, ...]) -> Document | Dropped:
    values = row.values
    text = fields.text(values, "new_contents")
    path = fields.string(values, "new_file") or fields.string(values, "old_file")
    path = path or files.row_name(row, paths)
    found = language(fields.string(values, "lang"), path, text)
    if found is None:
        return Dropped(path, "not_source")
    repositories = [r.strip() for r in fields.string(values, "repos").split(",") if r.strip()]
    # An added file has nothing before; its old contents are empty rather than unknown.
    old = "" if values.get("old_contents") is None else fields.text(values, "old_contents")
    return document(
        text,
        path=path,
        language=found,
        source=source,
        repository=next(iter(repositories), ""),
        licenses=canonical_licenses(fields.strings(values, "license")),
        metadata={
            "old_contents": old,
            **fields.said(
                old_path=fields.string(values, "old_file"),
                message=fields.string(values, "message"),
                subject=fields.string(values, "subject"),
                commit=fields.string(values, "commit"),
                **{REPOSITORIES: repositories if len(repositories) > 1 else None},
            ),
        },
    )
