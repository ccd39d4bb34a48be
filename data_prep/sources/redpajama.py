# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""RedPajama-1T: lines of ``{"text": ..., "meta": {...}}`` in seven subsets.

Data set ``togethercomputer/RedPajama-Data-1T`` (Weber et al. 2024, arXiv 2411.12372), as its files
are (plain, ``.zst`` or ``.gz``) or as the hub's loader writes them: that adds
``red_pajama_subset`` and makes ``meta`` a text in Python's notation, not JSON. Common Crawl's rows
have no ``meta`` but ``pred_label``, ``wiki_prob`` and ``source``.

Which subset a row is of is said by ``red_pajama_subset``, by ``meta.source``, by its file's folder
or name, or by the fields that only one subset has.

GitHub's rows are named by their repository and path and get the language of the path, else the
largest one of ``meta.language``, which counts the whole repository. arXiv is TeX, all else Text.
The subset ``book`` was withdrawn for its licences in 2023; it is read, with a warning.
"""

from __future__ import annotations

import ast
import functools
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

from data_prep.document import BadRow, Document, Dropped
from data_prep.rows import LIMIT_BYTES, BadField, Row, fields, files
from data_prep.rows.documents import canonical_licenses, document, documents
from data_prep.rows.languages import language
from data_prep.sources import Unit

SUBSETS = ("arxiv", "book", "c4", "common_crawl", "github", "stackexchange", "wikipedia")
COLUMNS = ("text", "meta", "red_pajama_subset", "pred_label", "wiki_prob", "source")
# What only one subset's `meta` has.
_TELLING = {
    "short_book_title": "book",
    "repo_name": "github",
    "arxiv_id": "arxiv",
    "question_score": "stackexchange",
}
_FILE_NAME = re.compile(
    r"(?:^|/)(arxiv|book|c4|common_crawl|github|stackexchange|wiki(?:pedia)?)(?![a-z])"
)
# A literal of this size is no metadata, and reading it would cost seconds.
_LARGEST_META = 100_000

_log = logging.getLogger(__name__)


def units(
    *, paths: tuple[str, ...], subsets: tuple[str, ...] = (), limit_bytes: int = LIMIT_BYTES
) -> Iterator[Unit]:
    """Lists the files; plain ones in ranges.

    Args:
        paths: Files, folders or globs.
        subsets: Those to read; all if not given.
        limit_bytes: Largest row.

    Raises:
        UserError: if there are no such files, subsets or fields.
    """
    files.known("subsets", subsets, SUBSETS)
    if "book" in subsets:
        _warn_of_books()

    def keep(url: str) -> bool:
        found = _subset_of_file(files.name_of(url, paths))
        return not subsets or found is None or found in subsets

    yield from files.units(paths, needed=("text",), keep=keep)


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    subsets: tuple[str, ...] = (),
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one file or range. Rows of subsets that are not asked for are passed over."""
    rows = files.read(unit, columns=COLUMNS, limit_bytes=limit_bytes)
    yield from documents(rows, lambda row: _of_row(row, name, paths, subsets))


def _of_row(
    row: Row, source: str, paths: tuple[str, ...], subsets: tuple[str, ...]
) -> Document | Dropped | None:
    meta = _meta(row.values)
    subset = _subset(row, meta)
    if subsets and subset not in subsets:
        return None
    if subset == "book":
        _warn_of_books()
    text = fields.text(row.values, "text")
    if subset == "github":
        return _of_github(row, text, meta, source, paths)
    return document(
        text,
        path=files.row_name(row, paths),
        language="TeX" if subset == "arxiv" else "Text",
        source=source,
        metadata=fields.said(
            subset=subset,
            url=fields.string(meta, "url"),
            title=fields.string(meta, "title") or fields.string(meta, "short_book_title"),
            timestamp=fields.time(meta, "timestamp"),
            arxiv_id=fields.string(meta, "arxiv_id"),
            question_score=fields.whole(meta, "question_score"),
        ),
    )


def _of_github(
    row: Row, text: str, meta: dict[str, Any], source: str, paths: tuple[str, ...]
) -> Document | Dropped:
    path = fields.string(meta, "path") or files.row_name(row, paths)
    found = language("", path, text) or language(_largest_language(meta), path)
    if found is None:
        return Dropped(path, "not_source")
    return document(
        text,
        path=path,
        language=found,
        source=source,
        repository=fields.string(meta, "repo_name"),
        licenses=canonical_licenses(fields.strings(meta, "license")),
        metadata=fields.said(subset="github", timestamp=fields.time(meta, "timestamp")),
    )


def _largest_language(meta: dict[str, Any]) -> str:
    if isinstance(meta.get("language"), str):
        return fields.string(meta, "language")
    found = fields.tables(meta, "language")
    largest = max(found, key=lambda entry: fields.whole(entry, "bytes") or 0, default={})
    return fields.string(largest, "name")


def _meta(values: fields.Values) -> dict[str, Any]:
    meta = values.get("meta")
    if not isinstance(meta, str):
        return fields.table(values, "meta")
    if len(meta) > _LARGEST_META:
        raise BadField("over_limit", f"meta is a text of {len(meta)} characters")
    try:
        found = ast.literal_eval(meta)
        # Half surrogates and the like, which no output could hold.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise BadField("wrong_type", "meta is neither an object nor one written out") from error
    return fields.table({"meta": found}, "meta")


def _subset(row: Row, meta: dict[str, Any]) -> str | None:
    for stated in (row.values.get("red_pajama_subset"), meta.get("source")):
        if stated in SUBSETS:
            return stated
    if "pred_label" in row.values or "wiki_prob" in row.values:
        return "common_crawl"
    told = next((subset for key, subset in _TELLING.items() if key in meta), None)
    return told or _subset_of_file(row.file) or ("wikipedia" if "title" in meta else None)


@functools.lru_cache(maxsize=1024)
def _subset_of_file(name: str) -> str | None:
    """By the innermost folder that tells, or the file's name: ``github/filtered_01.jsonl``."""
    found = _FILE_NAME.findall(name.lower())
    return {"wiki": "wikipedia"}.get(found[-1], found[-1]) if found else None


@functools.cache
def _warn_of_books() -> None:
    _log.warning(
        "The subset `book` of RedPajama was withdrawn, because its books were under copyright; "
        "leave it out with `subsets`."
    )
