# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Jupyter notebooks as chains of text, code and output.

StarCoder2, arXiv 2402.19173, sections 2.4.1 ("Jupyter - structured") and 5.4::

    <jupyter_start><jupyter_text>text_0<jupyter_code>code_0<jupyter_output>output_0
    <jupyter_text>text_1 ...

Only notebooks whose metadata says Python are used. Neighbouring cells of one kind are joined; of
the outputs of joined code cells the last one stays. Code before the first text and text after the
last code have no partner and are left out, as StarCoder does (https://github.com/bigcode-project/
bigcode-dataset, ``preprocessing/jupyter-structured``). From there it also comes that outputs end
after 1,000 characters with ``[...]`` and that white space around each piece is dropped. Output is
what was printed or shown as plain text; a cell that shows nothing has ``<empty_output>``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from data_prep.marked_text import MarkedText
from foundry_plugins.contract.sentinels import NOTEBOOK

START, TEXT, CODE, OUTPUT, _SCRIPT, EMPTY_OUTPUT = NOTEBOOK
MAX_OUTPUT = 1000
CUT = "[...]"
_TEXT, _CODE = "markdown", "code"


class NotANotebook(ValueError):
    """A text that is no notebook; says why."""


def structured(text: str, *, outputs: bool = True) -> MarkedText | str:
    """A notebook's chain, or why it is not used: ``not_python``, ``no_pairs``.

    Args:
        text: Of the ``.ipynb`` file, format 3 or 4.
        outputs: Whether outputs are shown; Kaggle's notebooks come without.

    Raises:
        NotANotebook: if it is none.
    """
    notebook = _parsed(text)
    if not _is_python(_table(notebook.get("metadata"))):
        return "not_python"
    runs = list(_runs(_cells(notebook)))
    while runs and runs[0][0] != _TEXT:
        runs.pop(0)
    while runs and runs[-1][0] != _CODE:
        runs.pop()
    if not runs:
        return "no_pairs"
    marked = MarkedText().mark(START)
    for kind, source, output in runs:
        marked.mark(TEXT if kind == _TEXT else CODE).write(source)
        if kind == _CODE and outputs:
            marked.mark(OUTPUT)
            marked = marked.write(output) if output else marked.mark(EMPTY_OUTPUT)
    return marked


def _parsed(text: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text.removeprefix("\ufeff"))
        if "\\u" in text:
            # Escapes of half a surrogate pair, which no file can hold.
            json.dumps(notebook, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise NotANotebook(f"not JSON: {error}") from error
    if not isinstance(notebook, dict):
        raise NotANotebook(f"not an object but {type(notebook).__name__}")
    if not isinstance(notebook.get("cells", notebook.get("worksheets")), list):
        raise NotANotebook("no list of cells")
    return notebook


def _is_python(metadata: Mapping[str, Any]) -> bool:
    """Whether any of the three places that name the language names Python."""
    stated = (
        _table(metadata.get("kernelspec")).get("language"),
        _table(metadata.get("language_info")).get("name"),
        _table(metadata.get("kernelspec")).get("name"),
        metadata.get("language"),
    )
    return any(isinstance(name, str) and name.lower().startswith("python") for name in stated)


def _cells(notebook: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Kind, source and output of each cell that says something."""
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        sheets = [_table(sheet) for sheet in notebook["worksheets"]]
        cells = [cell for sheet in sheets for cell in _list(sheet.get("cells"))]
    for cell in map(_table, cells):
        source = _joined(cell.get("source", cell.get("input"))).strip()
        kind = _CODE if cell.get("cell_type") == _CODE else _TEXT
        # Raw cells are for converters, not for readers.
        if source and cell.get("cell_type") in (_CODE, _TEXT, "heading"):
            yield kind, source, _output(cell) if kind == _CODE else ""


def _runs(cells: Iterator[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """The same with neighbours of one kind joined."""
    last: tuple[str, str, str] | None = None
    for kind, source, output in cells:
        if last is not None and last[0] == kind:
            last = (kind, f"{last[1]}\n{source}", output)
            continue
        if last is not None:
            yield last
        last = (kind, source, output)
    if last is not None:
        yield last


def _output(cell: Mapping[str, Any]) -> str:
    shown = []
    for output in map(_table, _list(cell.get("outputs"))):
        data = _table(output.get("data"))
        # Format 3 has the plain text of a result where format 4 has printed text.
        shown.append(_joined(output.get("text")) or _joined(data.get("text/plain")))
    text = "".join(shown).strip()
    return text if len(text) <= MAX_OUTPUT else text[:MAX_OUTPUT] + CUT


def _joined(source: object) -> str:
    if isinstance(source, str):
        return source
    return "".join(line for line in _list(source) if isinstance(line, str))


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
