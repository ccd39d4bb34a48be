# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Removes long content from HTML and CSS that is not for reading.

Replit strips "long content from HTML/CSS files" (R. Pathak, "ReplitLM", 2023) without saying which
or how long. Here it is what stands in a page without being a page: scripts, style sheets and
drawings inside it, and files written into ``data:`` URIs. The limits are ours. A script or a style
sheet may be as long as StarCoder lets a file of data be (5000 characters; Li et al. 2023, arXiv
2305.06161, section 3.1), a drawing, which is only numbers, 1000; a URI of 200 characters is longer
than addresses are. Tags stay, with nothing between them.

Documents with markers are edited piece by piece.
"""

from __future__ import annotations

import re

from data_prep.document import Document

_MARKUP = ("HTML", "HTML+ERB", "HTML+PHP", "HTML+Razor", "Svelte", "Vue")
_LANGUAGES = (*_MARKUP, "CSS", "Less", "SCSS", "Sass", "Stylus")
_OPEN = re.compile(r"<(script|style|svg)\b[^<>]*(?<!/)>", re.IGNORECASE)
_CLOSE = {tag: re.compile(rf"</{tag}\b", re.IGNORECASE) for tag in ("script", "style", "svg")}
_DATA_URI = re.compile(r"(data:[\w.+-]+/[\w.+-]+(?:;[\w=-]+)*,)([^\s\"'()<>]+)", re.IGNORECASE)


def edit(
    document: Document,
    *,
    script_limit_chars: int = 5000,
    style_limit_chars: int = 5000,
    svg_limit_chars: int = 1000,
    data_uri_limit_chars: int = 200,
    languages: tuple[str, ...] = _LANGUAGES,
) -> Document:
    r"""Empties what is longer than its limit.

    Args:
        document: The document.
        script_limit_chars: Of the content of ``<script>``.
        style_limit_chars: Of the content of ``<style>``.
        svg_limit_chars: Of the content of ``<svg>``.
        data_uri_limit_chars: Of the data in a ``data:`` URI.
        languages: To which this applies.

    >>> page = Document.of("<p>Hi</p><script>f()</script>", path="a.html")
    >>> edit(page).text
    '<p>Hi</p><script>f()</script>'
    >>> edit(page, script_limit_chars=2).text
    '<p>Hi</p><script></script>'
    """
    if document.language not in languages:
        return document
    limits = {"script": script_limit_chars, "style": style_limit_chars, "svg": svg_limit_chars}

    def shorten_uri(found: re.Match[str]) -> str:
        return found[0] if len(found[2]) <= data_uri_limit_chars else found[1]

    def strip(text: str) -> str:
        text = _empty_elements(text, limits) if "<" in text else text
        return _DATA_URI.sub(shorten_uri, text) if "data:" in text else text

    edited = document.map_text(strip)
    return document if edited.text == document.text else edited


def _empty_elements(text: str, limits: dict[str, int]) -> str:
    pieces: list[str] = []
    position = 0
    unclosed: set[str] = set()
    for found in _OPEN.finditer(text):
        tag = found[1].lower()
        if found.start() < position or tag in unclosed:
            continue
        close = _CLOSE[tag].search(text, found.end())
        if close is None:
            # Nor are its like further on, for which the rest is then not searched again.
            unclosed.add(tag)
        elif close.start() - found.end() > limits[tag]:
            pieces.append(text[position : found.end()])
            position = close.start()
    return "".join(pieces) + text[position:]
