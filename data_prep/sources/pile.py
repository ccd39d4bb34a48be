# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The Pile: lines of ``{"text": ..., "meta": {"pile_set_name": ...}}``, ``.jsonl.zst``.

Gao et al. 2020, arXiv 2101.00027. Twenty-two sets are mixed in every file. Rows have no names, so a
document is called after its file and line, and nothing is known of the language of GitHub's files
but what their first line says; where it says nothing they are of language `GITHUB_LANGUAGE`. arXiv
and PubMed Central are Markdown, as their authors converted them, and all else is Text. ``Books3``
was withdrawn for its licences in 2023; it is read, with a warning.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator

from data_prep.document import BadRow, Document, Dropped
from data_prep.rows import LIMIT_BYTES, Row, fields, files
from data_prep.rows.documents import document, documents
from data_prep.sources import Unit

SETS = (
    "ArXiv",
    "BookCorpus2",
    "Books3",
    "DM Mathematics",
    "Enron Emails",
    "EuroParl",
    "FreeLaw",
    "Github",
    "Gutenberg (PG-19)",
    "HackerNews",
    "NIH ExPorter",
    "OpenSubtitles",
    "OpenWebText2",
    "PhilPapers",
    "Pile-CC",
    "PubMed Abstracts",
    "PubMed Central",
    "StackExchange",
    "USPTO Backgrounds",
    "Ubuntu IRC",
    "Wikipedia (en)",
    "YoutubeSubtitles",
)
GITHUB_LANGUAGE = "Unknown"
_MARKDOWN = ("ArXiv", "PubMed Central")

_log = logging.getLogger(__name__)


def units(
    *, paths: tuple[str, ...], sets: tuple[str, ...] = (), limit_bytes: int = LIMIT_BYTES
) -> Iterator[Unit]:
    """Lists the files; plain ones in ranges.

    Args:
        paths: Files, folders or globs.
        sets: Those to read, e.g. ``[Github, StackExchange]``; all if not given.
        limit_bytes: Largest row.

    Raises:
        UserError: if there are no such files, sets or fields.
    """
    files.known("sets", sets, SETS)
    yield from files.units(paths, needed=("text", "meta"))


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    sets: tuple[str, ...] = (),
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one file or range. Rows of sets that are not asked for are passed over."""
    rows = files.read(unit, columns=("text", "meta"), limit_bytes=limit_bytes)
    yield from documents(rows, lambda row: _of_row(row, name, paths, sets))


def _of_row(
    row: Row, source: str, paths: tuple[str, ...], sets: tuple[str, ...]
) -> Document | Dropped | None:
    name = fields.string(fields.table(row.values, "meta"), "pile_set_name")
    if sets and name not in sets:
        return None
    if name == "Books3":
        _warn_of_books()
    text = fields.text(row.values, "text")
    return document(
        text,
        path=files.row_name(row, paths),
        language=_language(name, text),
        source=source,
        metadata=fields.said(subset=name),
    )


def _language(name: str, text: str) -> str:
    if name == "Github":
        from data_prep.languages import language_of

        return language_of("unnamed", text[:10_000].encode()) or GITHUB_LANGUAGE
    return "Markdown" if name in _MARKDOWN else "Text"


@functools.cache
def _warn_of_books() -> None:
    _log.warning(
        "The set `Books3` of The Pile was withdrawn, because its books were under copyright; "
        "leave it out with `sets`."
    )
