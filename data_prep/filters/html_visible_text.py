# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops HTML that is mostly markup and script.

StarCoder (Li et al. 2023, arXiv 2305.06161, section 3.1) keeps pages whose visible text is over
20 % of the file and over 100 characters; StarCoder2 has the same rule (arXiv 2402.19173, section
2.1). Text is what is left without tags, comments, scripts and styles, white space included, as the
published code counts it with another parser.
"""

from __future__ import annotations

from data_prep.document import Document


def keep(
    document: Document,
    *,
    minimum: float = 0.2,
    minimum_chars: int = 100,
    languages: tuple[str, ...] = ("HTML",),
) -> str | None:
    r"""Drops a page with no more visible text than this.

    Args:
        document: The document.
        minimum: Share of the file.
        minimum_chars: Characters.
        languages: To which this applies.

    >>> keep(Document.of("<p>" + "One sees what is written here. " * 5, path="a.html"))
    >>> keep(Document.of("<p>Hello</p><script>" + "f(x);" * 50 + "</script>", path="a.html"))
    'html_visible_text'
    """
    if document.language not in languages:
        return None
    num_chars = _visible_chars(document.text)
    enough = num_chars > minimum_chars and num_chars > minimum * len(document.text)
    return None if enough else "html_visible_text"


def _visible_chars(html: str) -> int:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    tree.strip_tags(["script", "style"])
    return len(tree.root.text(deep=True)) if tree.root else 0
