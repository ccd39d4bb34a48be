# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files with very many lines, which are data or generated.

Over 100,000 lines, from StarCoder2 (Lozhkov et al. 2024, arXiv 2402.19173, section 2.1).
"""

from __future__ import annotations

from data_prep.document import Document


def keep(document: Document, *, limit: int = 100_000) -> str | None:
    r"""Drops a document with more than ``limit`` lines.

    >>> keep(Document.of("a = 1\nb = 2\n"))
    >>> keep(Document.of("1\n" * 100_001))
    'max_lines'
    """
    return "max_lines" if document.statistics.num_lines > limit else None
