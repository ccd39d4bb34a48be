# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files that a tokenizer cuts into crumbs: hashes, tables of numbers, foreign encodings.

Fewer than 1.5 letters a token, from the GitHub part of RedPajama-Data-1T (Weber et al. 2024, arXiv
2411.12372; togethercomputer/RedPajama-Data, ``data_prep/github``), which counts with the tokenizer
of Pythia. Without a tokenizer, `data_prep.token_count` counts the fewest tokens that one of its
kind can make, so that less is dropped.
"""

from __future__ import annotations

from data_prep.document import Document
from data_prep.token_count import count_tokens


def keep(document: Document, *, minimum: float = 1.5, tokenizer: str | None = None) -> str | None:
    r"""Drops a document with fewer letters a token.

    Args:
        document: The document.
        minimum: Letters a token.
        tokenizer: Path of a ``tokenizer.json``; null for the lower bound.

    >>> keep(Document.of("def area(radius):\n    return PI * radius\n"))
    >>> keep(Document.of("x = [" + "17, 4, " * 50 + "]\n"))
    'alphabetic_per_token'
    """
    letters = document.statistics.alphabetic
    few = letters < minimum * count_tokens(document.text, tokenizer)
    return "alphabetic_per_token" if few else None
