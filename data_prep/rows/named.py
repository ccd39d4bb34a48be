# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of any data set, with columns named in the recipe: what `jsonl` and `parquet` share.

``columns`` says where each part of a document stands: ``text`` (``text`` if it is not given),
``path``, ``language``, ``repository``, ``license``, and whatever else filters and keep rules are to
know: `METADATA`. ``a.b`` is field ``b`` of the object in column ``a``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from data_prep.document import BadRow, Document, Dropped
from data_prep.rows import LIMIT_BYTES, Row, fields, files
from data_prep.rows.documents import canonical_licenses, document, documents
from data_prep.rows.languages import language
from data_prep.sources import Unit
from foundry_plugins.contract.errors import require

NO_COLUMNS: dict[str, str] = {}
DOCUMENT = ("text", "path", "language", "repository", "license")
METADATA: dict[str, Callable[[fields.Values, str], Any]] = {
    "stars": fields.whole,
    "forks": fields.whole,
    "timestamp": fields.time,
    "is_generated": fields.truth,
    "is_vendor": fields.truth,
    "license_type": fields.string,
    "commit": fields.string,
    "message": fields.string,
    "old_contents": fields.string,
    "url": fields.string,
    "title": fields.string,
    "subset": fields.string,
}


def check(columns: Mapping[str, str], constant: str | None) -> None:
    """Raises `UserError` unless the settings make documents."""
    files.known("columns", list(columns), (*DOCUMENT, *METADATA))
    require(
        constant is not None or "language" in columns or "path" in columns,
        "Nothing says which language the rows are in; set `language` to one for all, or "
        "`columns.language`, or `columns.path` to go by file names.",
    )


def needed(columns: Mapping[str, str]) -> list[str]:
    """The columns that the recipe names."""
    return list({"text": "text", **columns}.values())


def top_level(columns: Mapping[str, str]) -> list[str]:
    """The same, with the whole column in place of a field of it."""
    names = needed(columns)
    return list(dict.fromkeys([*names, *(name.partition(".")[0] for name in names)]))


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    columns: dict[str, str] = NO_COLUMNS,
    language: str | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one file, range or row group, as `data_prep.sources` wants it."""
    rows = files.read(unit, columns=top_level(columns), limit_bytes=limit_bytes)
    yield from documents(
        rows, lambda row: of_row(row, source=name, paths=paths, columns=columns, constant=language)
    )


def of_row(
    row: Row,
    *,
    source: str,
    paths: Sequence[str],
    columns: Mapping[str, str],
    constant: str | None,
) -> Document | Dropped:
    """The document of one row."""
    names = {"text": "text", **columns}
    values = {part: _value(row.values, column) for part, column in names.items()}
    values = {part: value for part, value in values.items() if value is not _MISSING}
    text = fields.text(values, "text")
    stated_path = fields.string(values, "path")
    path = stated_path or files.row_name(row, paths)
    found = language(fields.string(values, "language") or constant or "", stated_path, text)
    if found is None:
        return Dropped(path, "not_source")
    return document(
        text,
        path=path,
        language=found,
        source=source,
        repository=fields.string(values, "repository"),
        licenses=canonical_licenses(fields.strings(values, "license")),
        metadata=fields.said(**{part: read(values, part) for part, read in METADATA.items()}),
    )


_MISSING = object()


def _value(values: Mapping[str, Any], column: str) -> Any:
    if column in values:
        return values[column]
    found: Any = values
    for name in column.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return _MISSING
        found = found[name]
    return found
