# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files of numbers: dumps, keys, tables of bytes.

Over 90 % decimal or hexadecimal digits, from M. O.-Cañavate Ortiz, "Democratization of Large
Language Models Trained on Code" (University of Edinburgh, 2023), section 4.1.2.1, which extends the
rules of Codex (Chen et al. 2021, arXiv 2107.03374, section 3.1).
"""

from __future__ import annotations

from data_prep.document import Document


def keep(document: Document, *, maximum: float = 0.9, count_whitespace: bool = True) -> str | None:
    r"""Drops a document with a larger share of ``0-9a-fA-F``.

    Args:
        document: The document.
        maximum: The largest share that is kept.
        count_whitespace: Out of all characters; else out of those that are no white space, which
            also finds bytes set apart by spaces.

    >>> keep(Document.of("def face(bead):\n    return 0xFACE + bead\n"))
    >>> keep(Document.of("deadbeef" * 8 + "\n"))
    'hex_decimal_share'
    """
    counts = document.statistics
    chars = counts.num_chars - (0 if count_whitespace else counts.whitespace)
    return "hex_decimal_share" if counts.hex_digits > maximum * chars else None
