# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where a text's comments are, and what share of it they make up.

A text is scanned once for whatever comes first, a comment or a string literal, so that ``"//"`` in
a string is no comment and ``"`` in a comment no string. This is lexing by regular expressions, not
parsing: a language's rarer literals (heredocs, JavaScript's regular expressions) can be taken for
something else.

SantaCoder (Ben Allal et al. 2023, arXiv 2301.03988) counts Python's docstrings as comments, and so
does this: a string on lines of its own that is the first thing in a file or comes after a colon.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from data_prep.comment_syntax import Syntax, syntax_of

_AFTER = {"": "", "space": r"(?<!\S)", "line": r"^[ \t]*+"}
# What copyright and licence notices say.
_NOTICE = re.compile(
    r"copyright|\(c\)\s*\d{4}|©|spdx-license-identifier|"
    r"licen[cs]ed? (?:under|to you|agreement|terms)|"
    r"all rights reserved|redistribution and use|permission is hereby granted|public domain|"
    r"general public licen[cs]e|license\.(?:txt|md)|see the (?:accompanying )?licen[cs]e",
    re.IGNORECASE,
)
# How far before a docstring its colon is looked for.
_BEFORE_CHARS = 1000
_AFTER_DOCSTRING = frozenset(["", "\n", "\r", " ", ";", "#"])
# The group of the scanner that holds a string.
_STRING = 2


def comment_spans(text: str, language: str) -> Iterator[tuple[int, int]] | None:
    """Start and end of every comment, in characters; None if the language's are not known.

    >>> list(comment_spans('x = "#1"  # one', "Python"))
    [(10, 15)]
    """
    syntax = syntax_of(language)
    return None if syntax is None else _spans(text, syntax)


def comment_share(text: str, language: str) -> float | None:
    r"""Characters in comments out of all; None if the language's comments are not known.

    >>> comment_share("// half\nint x;\n", "C")
    0.4666666666666667
    """
    spans = comment_spans(text, language)
    if spans is None or not text:
        return None
    return sum(end - start for start, end in spans) / len(text)


def line_marker(language: str) -> str | None:
    """What starts a comment that ends with its line; None where there is none.

    >>> line_marker("Python"), line_marker("HTML")
    ('#', None)
    """
    syntax = syntax_of(language)
    return syntax.line[0].strip() if syntax and syntax.line else None


def is_notice(comment: str) -> bool:
    """Whether a comment is a copyright or licence notice.

    >>> is_notice("# SPDX-License-Identifier: MIT"), is_notice("# How to add.")
    (True, False)
    """
    return _NOTICE.search(comment) is not None


def comment_pattern(syntax: Syntax) -> str:
    """An expression of one comment, without groups."""
    # A comment that is never closed goes on to the end, which also keeps scans linear.
    blocks = [rf"{re.escape(a)}[\s\S]*?(?:{re.escape(b)}|\Z)" for a, b in syntax.block]
    lines = [rf"{_AFTER[syntax.after]}{re.escape(marker)}[^\n]*+" for marker in syntax.line]
    return "|".join(blocks + lines)


def _spans(text: str, syntax: Syntax) -> Iterator[tuple[int, int]]:
    # Comments with nothing between them: a docstring may come after some.
    block = (0, 0)
    # The line end in front makes a string on the first line one on a line of its own.
    for found in _scanner(syntax).finditer(f"\n{text}" if syntax.docstrings else text):
        if found.lastindex is None:
            continue
        start, end = found.span(found.lastindex)
        if syntax.docstrings:
            start, end = start - 1, end - 1
        if found.lastindex == _STRING:
            if not _is_docstring(text, start, end, block):
                continue
        elif block[1] == start or text[block[1] : start].isspace():
            block = (block[0], end)
        else:
            block = (start, end)
        yield start, end


@functools.cache
def _scanner(syntax: Syntax) -> re.Pattern[str]:
    """Matches whatever stands before a comment, and the comment as group 1.

    Where strings can be comments, one that starts its line is group 2. The last match has neither.
    Skipping strings within the expression leaves few matches for Python to look at.
    """
    comment = comment_pattern(syntax)
    openers = [start for start, _ in syntax.block] + list(syntax.line)
    # Whatever a comment or a string literal can start with.
    special = "".join(sorted({start[0] for start in openers} | set("\"'`\\")))
    if syntax.after == "line":
        special += "\n \t"
    strings = "|".join(syntax.strings) or r"(?!)"
    if not syntax.docstrings:
        plain = f"[^{re.escape(special)}]++|{strings}|(?!{comment})[{re.escape(special)}]"
        return re.compile(rf"(?:{plain})*+(?:({comment})|\Z)", re.MULTILINE)
    indent = r"[ \t]*+[rRuU]?"
    plain = (
        rf"[^\n{re.escape(special)}]++|\n(?!{indent}[\"'])|{strings}|"
        rf"(?!{comment})[{re.escape(special)}]"
    )
    ends = rf"({comment})|\n{indent}({strings})|\n|\Z"
    return re.compile(rf"(?:{plain})*+(?:{ends})", re.MULTILINE)


def _is_docstring(text: str, start: int, end: int, block: tuple[int, int]) -> bool:
    """Whether a string that starts its line documents what is before it."""
    if text[end : end + 1] not in _AFTER_DOCSTRING:
        return False
    if start and text[start - 1] in "rRuU":
        start -= 1
    if text[block[1] : start].isspace():
        start = block[0]
    before = text[max(0, start - _BEFORE_CHARS) : start].rstrip()
    return before.endswith(":") or (start <= _BEFORE_CHARS and not before)
