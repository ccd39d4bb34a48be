# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""StarCoderData: what StarCoder was trained on, parquet files in one folder a language.

Data set ``bigcode/starcoderdata`` (Li et al. 2023, arXiv 2305.06161, section 3). Columns:
``content``, ``id``, ``max_stars_repo_path``, ``max_stars_repo_name``, ``max_stars_count``. The
language is the folder's name.

A content may begin with ``<reponame>NAME<filename>PATH<gh_stars>BUCKET`` and a line end, each part
with a probability of its own (section 5.1). That is taken off: it fills in what the columns do not
say, and the document and its origin are those of the file itself.

Issues, commits and structured notebooks have sentinels written out in their content
(``<issue_start>``, ``<commit_before>``, ``<jupyter_code>``, ...); they become the document's
markers. `FOLDERS` names these folders and the languages that are given to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from data_prep.document import BadRow, Document, Dropped
from data_prep.languages import LANGUAGES, canonical
from data_prep.marked_text import split
from data_prep.rows import LIMIT_BYTES, Row, fields, files
from data_prep.rows.documents import document, documents
from data_prep.rows.languages import language
from data_prep.sources import Unit
from foundry_plugins.contract.sentinels import COMMIT, ISSUE, NOTEBOOK

COLUMNS = ("content", "max_stars_repo_path", "max_stars_repo_name", "max_stars_count")
# Folder -> the language of its documents, the sentinels that stand in them.
FOLDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "github-issues-filtered-structured": ("Markdown", ISSUE),
    "git-commits-cleaned": ("Diff", COMMIT),
    "jupyter-structured-clean-dedup": ("Jupyter Notebook", NOTEBOOK),
    "jupyter-scripts-dedup-filtered": ("Python", ()),
}
_PREFIX = re.compile(
    r"(?:<reponame>(?P<repository>[^\n<]*))?(?:<filename>(?P<path>[^\n]*?))?"
    r"(?:<gh_stars>(?P<stars>0|1-10|10-100|100-1000|1000\+))?\n"
)


def units(*, paths: tuple[str, ...], limit_bytes: int = LIMIT_BYTES) -> Iterator[Unit]:
    """Lists the row groups.

    Args:
        paths: Files, folders or globs, e.g. ``starcoderdata/python`` for one language.
        limit_bytes: Largest row.

    Raises:
        UserError: if there are no such files or columns.
    """
    yield from files.units(paths, needed=("content",))


def read(
    unit: Unit, *, name: str, paths: tuple[str, ...], limit_bytes: int = LIMIT_BYTES
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one row group."""
    rows = files.read(unit, columns=COLUMNS, limit_bytes=limit_bytes)
    yield from documents(rows, lambda row: _of_row(row, name, paths))


def _of_row(row: Row, source: str, paths: tuple[str, ...]) -> Document | Dropped:
    text, prefix = _without_prefix(fields.text(row.values, "content"))
    stated, sentinels = _folder(row.file)
    text, markers = split(text, sentinels)
    path = fields.string(row.values, "max_stars_repo_path") or prefix.get("path") or ""
    repository = fields.string(row.values, "max_stars_repo_name") or prefix.get("repository") or ""
    stars = fields.whole(row.values, "max_stars_count")
    if stars is None and prefix.get("stars"):
        # The bucket's lower end.
        stars = int(re.split(r"[-+]", prefix["stars"])[0])
    found = language(stated, path, text)
    if found is None:
        return Dropped(path or files.row_name(row, paths), "not_source")
    return document(
        text,
        path=path or files.row_name(row, paths),
        language=found,
        source=source,
        repository=repository,
        markers=markers,
        metadata=fields.said(stars=stars),
    )


def _without_prefix(content: str) -> tuple[str, dict[str, str]]:
    if not content.startswith(("<reponame>", "<filename>", "<gh_stars>")):
        return content, {}
    found = _PREFIX.match(content)
    if found is None:
        return content, {}
    return content[found.end() :], {k: v for k, v in found.groupdict().items() if v}


def _folder(url: str) -> tuple[str, tuple[str, ...]]:
    """The language that a file's folder stands for, and the sentinels in its contents."""
    folder = url.split("/")[-2] if "/" in url else ""
    if folder in FOLDERS:
        return FOLDERS[folder]
    return (folder if canonical(folder) in LANGUAGES else ""), ()
