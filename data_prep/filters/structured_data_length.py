# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops structured data that is too short to teach a format or so long that it is only data.

StarCoder (Li et al. 2023, arXiv 2305.06161, section 3.1) keeps JSON and YAML of 50 to 5000
characters, over half of them letters; its code (bigcode-project/bigcode-dataset,
``preprocessing/arguments.py``) has 100 in place of 50. For YAML it adds the limits of
`data_prep.filters.line_lengths`, which here come from that filter. CSV and TSV are our addition:
they are of the same kind.
"""

from __future__ import annotations

from data_prep.document import Document


def keep(
    document: Document,
    *,
    minimum_chars: int = 50,
    maximum_chars: int = 5000,
    minimum_alphabetic: float = 0.5,
    languages: tuple[str, ...] = ("CSV", "JSON", "TSV", "YAML"),
) -> str | None:
    r"""Drops structured data outside the limits.

    Args:
        document: The document.
        minimum_chars: The shortest that is kept.
        maximum_chars: The longest that is kept.
        minimum_alphabetic: Share of letters that it must have more than.
        languages: To which this applies.

    >>> keep(Document.of('{"description": "' + "words and more words " * 5 + '"}', path="a.json"))
    >>> keep(Document.of("[]", path="a.json"))
    'structured_data_length'
    >>> keep(Document.of('{"points": [' + "1.5, " * 50 + "2]}", path="a.json"))
    'structured_data_alphabetic'
    """
    if document.language not in languages:
        return None
    if not minimum_chars <= len(document.text) <= maximum_chars:
        return "structured_data_length"
    few = document.statistics.alphabetic <= minimum_alphabetic * len(document.text)
    return "structured_data_alphabetic" if few else None
