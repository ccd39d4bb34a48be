# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops large files.

Codex trained on Python files under 1 MB (Chen et al. 2021, arXiv 2107.03374, section 3.1); larger
ones are mostly data and generated code.
"""

from __future__ import annotations

from data_prep.document import Document


def keep(document: Document, *, limit_bytes: int = 1_000_000) -> str | None:
    r"""Drops a document of ``limit_bytes`` or more (in UTF-8).

    >>> keep(Document.of("print('hello')\n"))
    >>> keep(Document.of("x = 1\n" * 200_000))
    'max_file_bytes'
    """
    return "max_file_bytes" if len(document.data) >= limit_bytes else None
