# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Texts of strangers inside a page: harmless, visible and of bounded length.

What models write may hold markup, characters that no file can hold, and characters that make text
look like other text (Boucher and Anderson 2021, arXiv 2111.00169).
"""

from __future__ import annotations

import html
import re

LONGEST = 10_000  # characters
# Control characters but tab and line break; marks of direction; surrogates; other line breaks.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]"
)


def escaped(text: object) -> str:
    """Text for any place of a page, in an attribute too."""
    visible = _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", str(text).replace("\r\n", "\n"))
    return html.escape(visible, quote=True)


def code(text: object) -> str:
    """A block of code; what goes beyond `LONGEST` is counted."""
    whole = str(text)
    more = len(whole) - LONGEST
    rest = f'\n<p class="more">{more:,} more characters.</p>' if more > 0 else ""
    # Without <code> between, a line break right after <pre> would be dropped.
    return f"<pre><code>{escaped(whole[:LONGEST])}</code></pre>{rest}"
