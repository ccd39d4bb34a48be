# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops long files of structured data, whose lines repeat one pattern.

Over 512 lines of Text, JSON, YAML, Web Ontology Language or Graphviz, from StarCoder2 (Lozhkov et
al. 2024, arXiv 2402.19173, section 2.1).
"""

from __future__ import annotations

from data_prep.document import Document

_LANGUAGES = ("Graphviz (DOT)", "JSON", "Text", "Web Ontology Language", "YAML")


def keep(
    document: Document, *, limit: int = 512, languages: tuple[str, ...] = _LANGUAGES
) -> str | None:
    r"""Drops structured data with more than ``limit`` lines.

    Args:
        document: The document.
        limit: Lines.
        languages: To which this applies.

    >>> keep(Document.of("name: one\nvalue: 1\n", path="a.yaml"))
    >>> keep(Document.of("- 1\n" * 513, path="a.yaml"))
    'structured_data_lines'
    """
    if document.language not in languages:
        return None
    return "structured_data_lines" if document.statistics.num_lines > limit else None
