# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files that are mostly symbols: tables, drawings, encoded data.

Under 25 % alphanumeric characters, the threshold of the GitHub part of RedPajama-Data-1T
(togethercomputer/RedPajama-Data, ``data_prep/github``) and of The Stack's descendants; Codex drops
files with a small share without printing a number (Chen et al. 2021, arXiv 2107.03374, section
3.1).
"""

from __future__ import annotations

from data_prep.document import Document


def keep(document: Document, *, minimum: float = 0.25) -> str | None:
    r"""Drops a document with a smaller share of letters and digits, out of all characters.

    >>> keep(Document.of("def area(r):\n    return 3.14 * r * r\n"))
    >>> keep(Document.of("# +------+------+\n# |  ..  |  ..  |\n" * 5))
    'alphanumeric_fraction'
    """
    counts = document.statistics
    return "alphanumeric_fraction" if counts.alphanumeric < minimum * counts.num_chars else None
