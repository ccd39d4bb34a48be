# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps only the plain-text files that belong to a project.

StarCoder2 (Lozhkov et al. 2024, arXiv 2402.19173, section 2.1) keeps a Text file if its name has
``requirement`` in it, or is, without its ending, one of five; the rest are logs, lists and data.
"""

from __future__ import annotations

from data_prep.document import Document

_NAMES = ("cmakelists", "description", "notes", "readme", "todo")


def keep(
    document: Document,
    *,
    names: tuple[str, ...] = _NAMES,
    contains: tuple[str, ...] = ("requirement",),
    languages: tuple[str, ...] = ("Text",),
) -> str | None:
    r"""Drops a text file with another name.

    Args:
        document: The document.
        names: Whole names without their endings, in lower case.
        contains: Parts of names, in lower case.
        languages: To which this applies.

    >>> keep(Document.of("numpy\n", language="Text").replace(path="dev-requirements.txt"))
    >>> keep(Document.of("12:00 started\n", language="Text").replace(path="server.txt"))
    'text_file_names'
    """
    if document.language not in languages:
        return None
    name = document.path.rpartition("/")[2].lower()
    if name.rpartition(".")[0] in names or name in names:
        return None
    return None if any(part in name for part in contains) else "text_file_names"
