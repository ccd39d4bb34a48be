# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files that take many tokens for their length: data, hashes, minified code.

The "tokenizer fertility" of SantaCoder's ablations (Ben Allal et al. 2023, arXiv 2301.03988;
bigcode-project/bigcode-dataset, ``preprocessing/filtering.py``): fewer characters a token than 2.5
in Python, 2.9 in Java and 2.6 in JavaScript, by its own tokenizer. Without a tokenizer,
`data_prep.token_count` counts the fewest tokens that a byte-level BPE can make, so that less is
dropped.
"""

from __future__ import annotations

from data_prep.document import Document
from data_prep.token_count import count_tokens


def keep(
    document: Document,
    *,
    python: float = 2.5,
    java: float = 2.9,
    javascript: float = 2.6,
    other: float | None = None,
    tokenizer: str | None = None,
) -> str | None:
    r"""Drops a document with fewer characters a token than its language's limit.

    Args:
        document: The document.
        python: Limit for Python.
        java: Limit for Java.
        javascript: Limit for JavaScript.
        other: Limit for all other languages; null keeps them.
        tokenizer: Path of a ``tokenizer.json``; null for the lower bound.

    >>> keep(Document.of("def surface(radius):\n    return constant * radius\n"))
    >>> keep(Document.of("x=[" + "1,2," * 50 + "]\n"))
    'characters_per_token'
    """
    limits = {"Python": python, "Java": java, "JavaScript": javascript}
    limit = limits.get(document.language, other)
    if limit is None:
        return None
    few = len(document.text) < limit * count_tokens(document.text, tokenizer)
    return "characters_per_token" if few else None
