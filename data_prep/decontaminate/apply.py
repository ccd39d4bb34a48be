# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a document that holds a benchmark problem: it is dropped, or loses those lines.

The Stack drops the file (Kocetkov et al. 2022, arXiv 2211.15533, section 4.1), GPT-3 cuts what
surrounds the find (Brown et al. 2020, arXiv 2005.14165, appendix C); cutting suits large documents,
e.g. books, of which one page holds a problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from data_prep.decontaminate.index import Hit, Index
from data_prep.document import Document
from foundry_plugins.contract.sample import TEXT

REASON = "contaminated"


def decontaminate(
    document: Document, index: Index, action: Literal["drop", "cut"] = "drop"
) -> tuple[Document | str, list[Hit]]:
    """The document, or ``contaminated``; and what was found in it.

    Args:
        document: The document.
        index: What is looked for.
        action: ``cut`` removes the lines that a find touches; a document of which nothing else is
            left is dropped, and so is one whose find holds a special token, because its parts
            would be joined wrongly. A diff is always dropped.
    """
    # A diff without some of its lines would no longer be one.
    drops = action == "drop" or document.format != TEXT
    hits = index.hits(document.data, limit=1 if drops else 1000)
    if not hits:
        return document, hits
    return (REASON if drops else _cut(document, index)), hits


def _cut(document: Document, index: Index) -> Document | str:
    # Lines on both sides of a cut may form a new find, so it is done until there is none.
    while hits := index.hits(document.data):
        spans = _lines(document.data, hits)
        if any(start < offset < end for offset, _ in document.markers for start, end in spans):
            return REASON
        text, markers = document.text, document.markers
        for start, end in reversed(spans):
            text = text[:start] + text[end:]
            markers = tuple((o - (end - start) if o >= end else o, token) for o, token in markers)
        if not text.strip():
            return REASON
        document = document.replace(text=text, markers=markers)
    return document


def _lines(data: bytes, hits: Sequence[Hit]) -> list[tuple[int, int]]:
    """The whole lines of some finds as spans of characters, joined where they touch."""
    spans: list[tuple[int, int]] = []
    for hit in hits:
        start = data.rfind(b"\n", 0, hit.start) + 1
        end = data.find(b"\n", hit.end) + 1 or len(data)
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return [(len(data[:start].decode()), len(data[:end].decode())) for start, end in spans]
