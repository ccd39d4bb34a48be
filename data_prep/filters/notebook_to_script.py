# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Turns a Jupyter notebook into a script of its language.

As the Jupyter scripts of StarCoder (Li et al. 2023, arXiv 2305.06161, section 3.2): text cells
become comments between the code, outputs go. StarCoder2 (Lozhkov et al. 2024, arXiv 2402.19173,
section 2.4) keeps the Markdown in them, and so does this. The language is the kernel's; where the
notebook does not name it, Python. Lines for the notebook itself (``%matplotlib inline``, ``!pip``)
become comments too. Path and origin stay those of the notebook.

Documents with markers are notebooks in another form and are passed by.
"""

from __future__ import annotations

import json
import re
from typing import Any

from data_prep.comments import line_marker
from data_prep.document import Document
from data_prep.languages import LANGUAGES, canonical

_OTHER_NAMES = {"ir": "R", "c++11": "C++", "c++14": "C++", "c++17": "C++", "bash": "Shell"}
_FOR_THE_NOTEBOOK = re.compile(r"[ \t]*(?:%%?[A-Za-z_]|![^=]|\?\w|[\w.]+\?\??[ \t]*$)")
# JSON can escape half a character, which no text can hold.
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def edit(document: Document, *, language: str | None = None) -> Document | str:
    r"""Turns a notebook into a script.

    Reasons to drop it: ``invalid_notebook``, ``notebook_without_code``, and
    ``notebook_language`` if its language is not known or has no comments.

    Args:
        document: The document.
        language: Keep only notebooks in this language; null for any.

    >>> edit(Document.of("x = 1\n")).text
    'x = 1\n'
    >>> text = '{"cell_type": "markdown", "source": ["Sum"]}'
    >>> code = '{"cell_type": "code", "source": "1 + 1"}'
    >>> script = edit(Document.of(f'{{"cells": [{text}, {code}]}}', path="a.ipynb"))
    >>> script.text, script.language
    ('# Sum\n\n1 + 1\n', 'Python')
    >>> edit(Document.of('{"cells": []}', path="a.ipynb"))
    'notebook_without_code'
    """
    if document.language != "Jupyter Notebook" or document.markers:
        return document
    try:
        notebook = json.loads(document.text)
        cells = list(map(_cell, _cells(notebook)))
        spoken = _language(notebook)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "invalid_notebook"
    marker = line_marker(spoken) if spoken else None
    if spoken is None or marker is None or (language and canonical(language) != spoken):
        return "notebook_language"
    if not any(kind == "code" and source.strip() for kind, source in cells):
        return "notebook_without_code"
    parts = [_as_script(kind, source.strip("\n"), spoken, marker) for kind, source in cells]
    text = "\n\n".join(part for part in parts if part.strip()) + "\n"
    return document.replace(text=_HALF_CHARACTER.sub("\ufffd", text), language=spoken)


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    if "cells" in notebook:
        return notebook["cells"]
    # Before version 4, cells were in worksheets.
    return [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]


def _cell(cell: dict[str, Any]) -> tuple[str, str]:
    source = cell["source"] if "source" in cell else cell.get("input", "")
    return cell["cell_type"], source if isinstance(source, str) else "".join(source)


def _language(notebook: dict[str, Any]) -> str | None:
    metadata = notebook.get("metadata") or {}
    info = metadata.get("language_info") or {}
    kernel = metadata.get("kernelspec") or {}
    name = str(info.get("name") or kernel.get("language") or kernel.get("name") or "python").lower()
    name = _OTHER_NAMES.get(name) or re.sub(r"^i?python.*", "python", name)
    found = canonical(name)
    return found if found in LANGUAGES else None


def _as_script(kind: str, source: str, language: str, marker: str) -> str:
    lines = source.split("\n")
    if kind != "code":
        return "\n".join(f"{marker} {line}".rstrip() for line in lines)
    if language != "Python":
        return source
    # A cell magic (`%%bash`) is for all of the cell.
    if source.lstrip().startswith("%%") and not re.match(r"\s*%%(?:time|capture|prun)", source):
        return "\n".join(f"{marker} {line}" for line in lines)
    return "\n".join(f"{marker} {ln}" if _FOR_THE_NOTEBOOK.match(ln) else ln for ln in lines)
