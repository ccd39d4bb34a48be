# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files with long lines: minified, generated or data.

Mean over 100 or any line over 1000 characters, from Codex (Chen et al. 2021, arXiv 2107.03374,
section 3.1). Prose, markup and data are wrapped by whoever displays them, so StarCoder2 (Lozhkov et
al. 2024, arXiv 2402.19173, section 2.1) exempts eight languages up to lines of 100,000 characters;
reStructuredText is among those for which StarCoder lifts its limit (Li et al. 2023, arXiv
2305.06161; bigcode-project/bigcode-dataset, ``preprocessing/visual_inspection.csv``). For Codex's
own rule set ``exempt: []``.
"""

from __future__ import annotations

from data_prep.document import Document

_STARCODER2 = ("HTML", "JSON", "Markdown", "Roff", "Roff Manpage", "SMT", "TeX", "Text", "XML")
_EXEMPT = (*_STARCODER2, "reStructuredText")


def keep(
    document: Document,
    *,
    mean_limit_chars: float = 100.0,
    max_limit_chars: int = 1000,
    exempt: tuple[str, ...] = _EXEMPT,
    exempt_max_limit_chars: int = 100_000,
) -> str | None:
    r"""Drops a document whose mean or longest line is over its limit.

    Args:
        document: The document.
        mean_limit_chars: Of the mean line, without line ends.
        max_limit_chars: Of the longest line.
        exempt: Languages to which only the next limit applies.
        exempt_max_limit_chars: Of their longest line.

    >>> keep(Document.of("for i in range(3):\n    print(i)\n"))
    >>> keep(Document.of("f(x)\n" * 50 + "table = [" + "17, " * 300 + "]\n"))
    'max_line_length'
    >>> keep(Document.of(("total = " + "value + " * 20 + "1\n") * 9))
    'mean_line_length'
    """
    longest = document.statistics.max_line_chars
    if document.language in exempt:
        return "max_line_length" if longest > exempt_max_limit_chars else None
    if longest > max_limit_chars:
        return "max_line_length"
    return "mean_line_length" if document.statistics.mean_line_chars > mean_limit_chars else None
