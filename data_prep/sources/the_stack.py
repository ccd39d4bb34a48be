# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The Stack v1.2 and the-stack-dedup: parquet files, one row a file of source code.

Data sets ``bigcode/the-stack`` and ``bigcode/the-stack-dedup`` (Kocetkov et al. 2022, arXiv
2211.15533). A content that is in several repositories is one row, with the repositories that have
the most stars, issues and forks: ``max_{stars,issues,forks}_repo_{path,name,licenses}``,
``max_{...}_count`` and the first and last event of each kind.

The document is named by the repository with the most stars; all three are in its metadata, for
opt-outs. Its ``licenses`` are those of all three; ``license_lists`` in its metadata keeps them
apart, because the data set's policy is that one repository suffices whose licences are all
permissive. Its timestamp is the last event of any kind.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_prep.document import BadRow, Document, Dropped
from data_prep.licenses.opt_out import REPOSITORIES
from data_prep.licenses.policy import LISTS
from data_prep.rows import LIMIT_BYTES, Row, fields, files
from data_prep.rows.documents import canonical_licenses, document, documents
from data_prep.rows.languages import Choice, language
from data_prep.sources import Unit

_ROLES = ("stars", "issues", "forks")
_PARTS = ("path", "name", "licenses")
COLUMNS = (
    "content",
    "lang",
    "max_stars_count",
    "max_forks_count",
    *(f"max_{role}_repo_{part}" for role in _ROLES for part in _PARTS),
    *(f"max_{role}_repo_{role}_event_max_datetime" for role in _ROLES),
)


def units(
    *, paths: tuple[str, ...], languages: tuple[str, ...] = (), limit_bytes: int = LIMIT_BYTES
) -> Iterator[Unit]:
    """Lists the row groups.

    Args:
        paths: Files, folders or globs, e.g. ``the-stack-dedup/data`` or ``s3://bucket/data/go``.
        languages: Those to read; all if not given.
        limit_bytes: Largest row.

    Raises:
        UserError: if there are no such files, languages or columns.
    """
    yield from Choice(languages).units(paths, needed=("content",))


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    languages: tuple[str, ...] = (),
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one row group."""
    rows = Choice(languages).read(unit, columns=COLUMNS, limit_bytes=limit_bytes)
    yield from documents(rows, lambda row: of_row(row, name, paths))


def of_row(row: Row, source: str, paths: tuple[str, ...]) -> Document | Dropped:
    """The document of one row."""
    text = fields.text(row.values, "content")
    path = _first(row, "path") or files.row_name(row, paths)
    stated = language(fields.string(row.values, "lang"), path, text)
    if stated is None:
        return Dropped(path, "not_source")
    lists = [
        canonical_licenses(fields.strings(row.values, f"max_{role}_repo_licenses"))
        for role in _ROLES
    ]
    names = list(dict.fromkeys(filter(None, _all(row, "name"))))
    events = [fields.time(row.values, f"max_{r}_repo_{r}_event_max_datetime") for r in _ROLES]
    return document(
        text,
        path=path,
        language=stated,
        source=source,
        repository=_first(row, "name"),
        licenses=tuple(dict.fromkeys(name for found in lists for name in found)),
        metadata=fields.said(
            stars=fields.whole(row.values, "max_stars_count"),
            forks=fields.whole(row.values, "max_forks_count"),
            timestamp=max((event for event in events if event), default=None),
            **{
                LISTS: [list(found) for found in dict.fromkeys(lists) if found] or None,
                REPOSITORIES: names if len(names) > 1 else None,
            },
        ),
    )


def _first(row: Row, part: str) -> str:
    """Of the repository with the most stars, else the most issues, else the most forks."""
    return next(filter(None, _all(row, part)), "")


def _all(row: Row, part: str) -> list[str]:
    return [fields.string(row.values, f"max_{role}_repo_{part}") for role in _ROLES]
