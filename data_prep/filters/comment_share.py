# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files with hardly any comments, or hardly anything else.

1 % to 80 % of the characters, from SantaCoder (Ben Allal et al. 2023, arXiv 2301.03988;
bigcode-project/bigcode-dataset, ``preprocessing/arguments.py``), whose data are Python, Java and
JavaScript. Its ablations found a small gain, and its final model was trained so.
"""

from __future__ import annotations

from data_prep import comments
from data_prep.document import Document


def keep(
    document: Document,
    *,
    minimum: float = 0.01,
    maximum: float = 0.8,
    languages: tuple[str, ...] = ("Java", "JavaScript", "Python"),
) -> str | None:
    r"""Drops a document whose share of comments, docstrings included, is outside the limits.

    Args:
        document: The document.
        minimum: The smallest share that is kept.
        maximum: The largest.
        languages: To which this applies; empty for all whose comments are known.

    >>> keep(Document.of("# Area of a circle.\ndef area(r):\n    return 3.14 * r * r\n"))
    >>> keep(Document.of("def area(r):\n    return 3.14 * r * r\n"))
    'few_comments'
    >>> keep(Document.of("# Area of a circle, to be written one day.\npass\n"))
    'many_comments'
    """
    if languages and document.language not in languages:
        return None
    spans = comments.comment_spans(document.text, document.language)
    if spans is None:
        return None
    num_chars, commented = len(document.text), 0
    for start, end in spans:
        commented += end - start
        # The code so far can rule out that comments make up too much; most files end here.
        most = num_chars - (end - commented)
        if commented >= minimum * num_chars and most <= maximum * num_chars:
            return None
    if commented < minimum * num_chars:
        return "few_comments"
    return "many_comments" if commented > maximum * num_chars else None
