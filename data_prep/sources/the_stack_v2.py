# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The Stack v2: parquet files of ids; the contents come from Software Heritage.

Data sets ``bigcode/the-stack-v2``, ``-dedup`` (one row a file) and ``-train-full-ids``,
``-train-smol-ids`` (one row a repository with a list ``files``), Lozhkov et al. 2024, arXiv
2402.19173, section 2.1. Contents are fetched by ``blob_id`` from where ``content`` says
(`data_prep.swh`), checked against it and decoded by ``src_encoding``.

The licence of a file is GitHub's of the repository (``gha_license_id``) if it is known, else those
that were detected in the folders above the file (section 2.1, figure 1); ``license_type`` is the
data set's own word.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from data_prep import swh
from data_prep.document import BadRow, Document, Dropped, blob_id
from data_prep.rows import LIMIT_BYTES, BadField, Row, fields, files
from data_prep.rows.documents import canonical_licenses, document
from data_prep.rows.languages import Choice, language
from data_prep.sources import Unit
from foundry_plugins.contract.errors import require

_OF_REPOSITORY = (
    "repo_name",
    "revision_id",
    "visit_date",
    "revision_date",
    "committer_date",
    "github_id",
    "star_events_count",
    "fork_events_count",
    "gha_license_id",
)
_OF_FILE = (
    "blob_id",
    "path",
    "language",
    "src_encoding",
    "length_bytes",
    "detected_licenses",
    "license_type",
    "is_vendor",
    "is_generated",
)
FILES = "files"
COLUMNS = (*_OF_REPOSITORY, *_OF_FILE, FILES)


@dataclasses.dataclass(frozen=True)
class _File:
    """A file to be fetched: the row it is in, the repository's values and its own."""

    row: Row
    repository: dict[str, Any]
    values: dict[str, Any]


def units(
    *,
    paths: tuple[str, ...],
    content: str,
    languages: tuple[str, ...] = (),
    fetches: int = 16,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Unit]:
    """Lists the row groups.

    Args:
        paths: Files, folders or globs.
        content: Where the contents are: a folder or url of gzip objects named by blob id, such as
            ``s3://softwareheritage/content``, or ``module:function``, a function of the blob id
            that returns bytes, text, or None if it has none.
        languages: Those to read; all if not given.
        fetches: Contents that each worker asks for at the same time.
        limit_bytes: Largest content.

    Raises:
        UserError: if there are no such files, languages, columns or contents.
    """
    require(1 <= fetches <= 256, f"`fetches` must be from 1 to 256, got {fetches}.")
    swh.resolver(content, limit_bytes=limit_bytes)
    yield from Choice(languages, "language").units(paths, needed=(("blob_id", FILES),))


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    content: str,
    languages: tuple[str, ...] = (),
    fetches: int = 16,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one row group and fetches its contents."""
    choice = Choice(languages, "language")
    resolve = swh.resolver(content, limit_bytes=limit_bytes)
    rows = choice.read(unit, columns=COLUMNS, limit_bytes=limit_bytes)

    def fetch(file: _File | BadRow) -> Document | Dropped | BadRow:
        if isinstance(file, BadRow):
            return file
        try:
            return _document(file, name, paths, resolve, limit_bytes)
        except BadField as error:
            return BadRow(file.row.file, file.row.number, error.reason, error.detail)

    yield from swh.ahead(_files(rows, choice), fetch, fetches)


def _files(rows: Iterator[Row | BadRow], choice: Choice) -> Iterator[_File | BadRow]:
    """The wanted files of all rows, of either shape."""
    for row in rows:
        if isinstance(row, BadRow):
            yield row
        elif row.values.get(FILES) is None:
            yield _File(row, row.values, row.values)
        else:
            try:
                found = fields.tables(row.values, FILES)
            except BadField as error:
                yield BadRow(row.file, row.number, error.reason, error.detail)
                continue
            yield from (
                _File(row, row.values, values)
                for values in found
                if values.get("language") in choice
            )


def _document(
    file: _File, source: str, paths: tuple[str, ...], resolve: swh.Resolver, limit_bytes: int
) -> Document | Dropped:
    values, repository = file.values, file.repository
    size = fields.whole(values, "length_bytes")
    if size is not None and size > limit_bytes:
        raise BadField("over_limit", f"{size} bytes")
    encoding = fields.string(values, "src_encoding", "UTF-8")
    data, text = swh.content_of(resolve, fields.text(values, "blob_id"), encoding)
    # With the same checks as a text that stands in the row.
    text = fields.text({"content": text}, "content")
    path = fields.string(values, "path").lstrip("/") or files.row_name(file.row, paths)
    found = language(fields.string(values, "language"), path, text)
    if found is None:
        return Dropped(path, "not_source")
    made = document(
        text,
        path=path,
        language=found,
        source=source,
        repository=fields.string(repository, "repo_name"),
        licenses=_licenses(values, repository),
        metadata=_metadata(values, repository, encoding),
    )
    if data is None or isinstance(made, Dropped):
        return made
    return made.replace(origin=blob_id(data))


def _licenses(values: dict[str, Any], repository: dict[str, Any]) -> tuple[str, ...]:
    return canonical_licenses(fields.strings(repository, "gha_license_id")) or canonical_licenses(
        fields.strings(values, "detected_licenses")
    )


def _metadata(values: dict[str, Any], repository: dict[str, Any], encoding: str) -> dict[str, Any]:
    dates = ("committer_date", "revision_date", "visit_date")
    times = (fields.time(repository, date) for date in dates)
    return fields.said(
        stars=fields.whole(repository, "star_events_count"),
        forks=fields.whole(repository, "fork_events_count"),
        timestamp=next((time for time in times if time), None),
        license_type=fields.string(values, "license_type"),
        is_vendor=fields.truth(values, "is_vendor"),
        is_generated=fields.truth(values, "is_generated"),
        github_id=fields.whole(repository, "github_id"),
        commit=fields.string(repository, "revision_id"),
        encoding="" if encoding.lower() in ("utf-8", "utf8") else encoding,
    )
