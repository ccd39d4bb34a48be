# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Drops files with data encoded as text: base64, hexadecimal bytes, escaped characters.

From StarCoder2 (Lozhkov et al. 2024, arXiv 2402.19173, section 2.1), which gives the three
expressions, and drops a file if one match is longer than 1024 characters or all of them make up
more than half of it.
"""

from __future__ import annotations

import functools
from typing import Any

from data_prep.document import Document

_EXPRESSIONS = (
    r"[a-zA-Z0-9+/\n=]{64,}",
    r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}",
    r"(?:\\u[0-9a-fA-F]{4}){8,}",
)


def keep(
    document: Document, *, longest_limit_chars: int = 1024, maximum: float = 0.5
) -> str | None:
    r"""Drops a document with a longer run of encoded data, or a larger share of it.

    Args:
        document: The document.
        longest_limit_chars: The longest match that is kept.
        maximum: The largest share of matched characters that is kept; one that several
            expressions match counts once.

    >>> keep(Document.of("digest = '" + "0123456789abcdef" * 4 + "'\n" + "f(digest)\n" * 20))
    >>> keep(Document.of("icon = '" + "iVBORw0KGgoAAAANSUhEUg" * 50 + "'\n"))
    'encoded_data'
    """
    spans: list[tuple[int, int]] = []
    for expression in _compiled():
        spans += [found.span() for found in expression.finditer(document.data)]
    if not spans:
        return None
    # All three match ASCII only, so bytes are characters.
    if max(end - start for start, end in spans) > longest_limit_chars:
        return "encoded_data"
    return "encoded_data" if _covered(spans) > maximum * document.statistics.num_chars else None


def _covered(spans: list[tuple[int, int]]) -> int:
    covered = last = 0
    for start, end in sorted(spans):
        covered += max(0, end - max(start, last))
        last = max(last, end)
    return covered


@functools.cache
def _compiled() -> tuple[Any, ...]:
    # RE2 takes linear time whatever the text, and here a tenth of that of the standard library.
    import re2

    return tuple(re2.compile(expression.encode()) for expression in _EXPRESSIONS)
