# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files with few letters: numbers stored as code, tensors, tables.

Under 25 % letters, from StarCoder2 (Lozhkov et al. 2024, arXiv 2402.19173, section 2.1), which
counts digits too for two assembly languages, whose syntax is full of them. StarCoder (Li et al.
2023, arXiv 2305.06161, section 3.1) applies the same limit to some file endings only, after looking
at what it drops (bigcode-project/bigcode-dataset, ``preprocessing/visual_inspection.csv``): set
``endings`` to ``[.ads, .bas, .fp, .ma, .matlab, .mpl, .nb, .prc, .scm, .sld, .sps, .sv, .vhd, .wl,
.y]`` for that.
"""

from __future__ import annotations

from data_prep.document import Document

_WITH_DIGITS = ("Motorola 68K Assembly", "WebAssembly")


def keep(
    document: Document,
    *,
    minimum: float = 0.25,
    with_digits: tuple[str, ...] = _WITH_DIGITS,
    endings: tuple[str, ...] = (),
) -> str | None:
    r"""Drops a document with a smaller share of letters, out of all characters.

    Args:
        document: The document.
        minimum: The smallest share that is kept.
        with_digits: Languages for which digits count as letters.
        endings: Only files whose names end so are looked at; empty for all.

    >>> keep(Document.of("total = price * count\n"))
    >>> keep(Document.of("x = [" + "0.125, " * 50 + "]\n"))
    'alphabetic_fraction'
    """
    if endings and not document.path.endswith(endings):
        return None
    counts = document.statistics
    letters = counts.alphanumeric if document.language in with_digits else counts.alphabetic
    return "alphabetic_fraction" if letters < minimum * counts.num_chars else None
