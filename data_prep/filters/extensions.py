# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps only files with certain endings.

The list is that of the GitHub part of RedPajama-Data-1T (Weber et al. 2024, arXiv 2411.12372;
togethercomputer/RedPajama-Data, ``data_prep/github``). Case counts, as there.
"""

from __future__ import annotations

from data_prep.document import Document

_REDPAJAMA = (
    ".asm", ".bat", ".cmd", ".c", ".h", ".cs", ".cpp", ".hpp", ".c++", ".h++", ".cc", ".hh",
    ".C", ".H", ".cmake", ".css", ".dockerfile", ".f90", ".f", ".f03", ".f08", ".f77", ".f95",
    ".for", ".fpp", ".go", ".hs", ".html", ".java", ".js", ".jl", ".lua", ".md", ".markdown",
    ".php", ".php3", ".php4", ".php5", ".phps", ".phpt", ".pl", ".pm", ".pod", ".perl", ".ps1",
    ".psd1", ".psm1", ".py", ".rb", ".rs", ".sql", ".scala", ".sh", ".bash", ".command", ".zsh",
    ".ts", ".tsx", ".tex", ".vb", "Dockerfile", "Makefile", ".xml", ".rst", ".m", ".smali",
)  # fmt: skip


def keep(document: Document, *, only: tuple[str, ...] = _REDPAJAMA) -> str | None:
    r"""Drops a document whose path ends with none of these.

    >>> keep(Document.of("print(1)\n", path="src/a.py"))
    >>> keep(Document.of("print 1\n", path="src/a.awk"))
    'extension'
    """
    return None if document.path.endswith(only) else "extension"
