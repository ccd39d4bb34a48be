# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Jupyter notebooks as StarCoder2 has them: chains of text, code and output.

`data_prep.notebooks` has the rules and the format. Notebooks are ``.ipynb`` files, or rows that
hold such files: of The Stack (its columns are known), or of any data set with ``columns`` as
`data_prep.rows.named` has them. Kaggle's are such files too: a second source, with ``outputs:
false``. What StarCoder2 says before these of the data that they read (arXiv 2402.19173, section
2.4.2) is not in the files, and is left out. For scripts in place of chains read the files with any
other source and `data_prep.filters.notebook_to_script`.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_prep import store
from data_prep.document import BadRow, Document, Dropped, blob_id
from data_prep.notebooks import NotANotebook, structured
from data_prep.rows import LIMIT_BYTES, BadField, Row, files, named
from data_prep.rows.documents import documents
from data_prep.rows.languages import Choice
from data_prep.sources import Unit, the_stack
from foundry_plugins.contract.errors import UserError

LANGUAGE = "Jupyter Notebook"
FILE = ".ipynb"


def units(
    *,
    paths: tuple[str, ...],
    columns: dict[str, str] = named.NO_COLUMNS,
    outputs: bool = True,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Unit]:
    """Lists the notebooks, files of rows, ranges or row groups.

    Args:
        paths: Files, folders or globs.
        columns: Where things stand in rows, if they are not The Stack's.
        outputs: Whether outputs are shown.
        limit_bytes: Largest notebook.

    Raises:
        UserError: if there are no such files or columns.
    """
    endings = (FILE, *files.ROWS)
    if columns:
        named.check(columns, LANGUAGE)
        yield from files.units(paths, needed=named.needed(columns), endings=endings)
    else:
        yield from Choice((LANGUAGE,)).units(paths, needed=("content",), endings=endings)


def read(
    unit: Unit,
    *,
    name: str,
    paths: tuple[str, ...],
    columns: dict[str, str] = named.NO_COLUMNS,
    outputs: bool = True,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Document | Dropped | BadRow]:
    """Reads one notebook, or those of a file of rows.

    Reasons to drop one: those of `data_prep.notebooks.structured`.
    """
    rows = _rows(unit, columns, limit_bytes)

    def make(row: Row) -> Document | Dropped:
        if columns:
            whole = named.of_row(row, source=name, paths=paths, columns=columns, constant=LANGUAGE)
        else:
            whole = the_stack.of_row(row, name, paths)
        return whole if isinstance(whole, Dropped) else _chain(whole, outputs)

    if unit.path.lower().endswith(FILE):
        yield _of_file(unit, name, paths, outputs, limit_bytes)
    else:
        yield from documents(rows, make)


def _rows(unit: Unit, columns: dict[str, str], limit_bytes: int) -> Iterator[Row | BadRow]:
    if columns:
        return files.read(unit, columns=named.top_level(columns), limit_bytes=limit_bytes)
    return Choice((LANGUAGE,)).read(unit, columns=the_stack.COLUMNS, limit_bytes=limit_bytes)


def _of_file(
    unit: Unit, source: str, paths: tuple[str, ...], outputs: bool, limit_bytes: int
) -> Document | Dropped | BadRow:
    path = files.name_of(unit.path, paths)
    try:
        with store.open_read(unit.path) as file:
            data = file.read(limit_bytes + 1)
    except (OSError, UserError) as error:
        if store.is_remote(unit.path):
            raise
        return BadRow(unit.path, 0, "unreadable", str(error))
    if len(data) > limit_bytes:
        return BadRow(unit.path, 0, "over_limit", f"more than {limit_bytes} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return BadRow(unit.path, 0, "invalid_utf8", f"{error.reason} at byte {error.start}")
    whole = Document(text=text, path=path, language=LANGUAGE, source=source, origin=blob_id(data))
    try:
        return _chain(whole, outputs)
    except BadField as error:
        return BadRow(unit.path, 0, error.reason, error.detail)


def _chain(whole: Document, outputs: bool) -> Document | Dropped:
    """The chain of a notebook file; its origin stays that of the file."""
    try:
        marked = structured(whole.text, outputs=outputs)
    except NotANotebook as error:
        raise BadField("invalid_json", str(error)) from error
    if isinstance(marked, str):
        return Dropped(whole.path, marked, LANGUAGE)
    if "\0" in marked.text:
        raise BadField("null_bytes", "a cell has zero bytes")
    return whole.replace(text=marked.text, markers=marked.markers, language=LANGUAGE)
