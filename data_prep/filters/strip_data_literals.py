# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Shortens long data inside code: tables of numbers, encoded strings.

Replit strips long content (R. Pathak, "ReplitLM", 2023) and StarCoder2 drops whole files for runs
of encoded data over 1024 characters (Lozhkov et al. 2024, arXiv 2402.19173, section 2.1). This
keeps the code and shortens the data. The limits are ours:

- more than 64 numbers in a row with commas between them: the first 8 stay;
- a run of more than 256 characters of base64 or hexadecimal digits, or of 64 escaped characters
  (``\x00``, ``\u0000``): its first 32 characters, or 8 escapes, stay;
- more than 8 lines in a row of at least 60 such characters each: the first line stays.

What is left is valid code of the same kind, though not the same program. Languages that are data
(JSON, CSV, ...) are passed by. Documents with markers are edited piece by piece.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from data_prep.document import Document
from data_prep.languages import KIND

_NUMBER = (
    r"[-+]?(?:0[xX][0-9a-fA-F]++|\d++(?:\.\d*+)?(?:[eE][-+]?\d++)?|\.\d++)"
    r"(?:[uUlLfF]|u8|u16|u32|u64|i8|i16|i32|i64|f32|f64){0,3}(?![\w.])"
)
_LINE = r"[ \t]*+[\"'`]?[A-Za-z0-9+/]{60,}+={0,2}+(?:\\n)?[\"'`]?[ \t]*+[+,.\\]?[ \t]*+\r?\n"
_ESCAPE = r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{3})"


def edit(
    document: Document,
    *,
    most_numbers: int = 64,
    longest_run_chars: int = 256,
    most_escapes: int = 64,
    most_lines: int = 8,
    kinds: tuple[str, ...] = ("programming", "markup"),
) -> Document:
    r"""Shortens data literals that are over a limit.

    Args:
        document: The document.
        most_numbers: Numbers in a row.
        longest_run_chars: Characters of base64 or hexadecimal digits in a row.
        most_escapes: Escaped characters in a row.
        most_lines: Lines of base64 in a row.
        kinds: Kinds of language (see `data_prep.languages`) to which this applies.

    >>> edit(Document.of("x = [1, 2, 3]\n")).text
    'x = [1, 2, 3]\n'
    >>> edit(Document.of("x = [" + ", ".join(map(str, range(500))) + "]\n")).text
    'x = [0, 1, 2, 3, 4, 5, 6, 7]\n'
    """
    if KIND.get(document.language, "programming") not in kinds:
        return document
    if not any(signal.search(document.data) for signal in _signals()):
        return document
    patterns = _patterns(most_numbers, longest_run_chars, most_escapes, most_lines)

    def shorten(text: str) -> str:
        for pattern, kept in patterns:
            text = pattern.sub(kept, text)
        return text

    edited = document.map_text(shorten)
    return document if edited.text == document.text else edited


@functools.cache
def _patterns(
    most_numbers: int, longest_run_chars: int, most_escapes: int, most_lines: int
) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each pattern matches what is over a limit; what stays is its first group."""
    between = r"\s*+,\s*+"
    numbers = (
        rf"(?<![\w.])({_NUMBER}(?:{between}{_NUMBER}){{7}})"
        rf"(?:{between}{_NUMBER}){{{max(most_numbers - 7, 1)},}}+"
    )
    lines = rf"^({_LINE})(?:{_LINE}){{{most_lines},}}+"
    # Both letters and digits: a line of `=` or a name is none.
    run = (
        rf"(?<![A-Za-z0-9+/])(?=[A-Za-z+/]*+\d)(?=[0-9+/]*+[A-Za-z])([A-Za-z0-9+/]{{32}})"
        rf"[A-Za-z0-9+/]{{{max(longest_run_chars - 31, 1)},}}+={{0,2}}"
    )
    escapes = rf"((?:{_ESCAPE}){{8}})(?:{_ESCAPE}){{{max(most_escapes - 7, 1)},}}+"
    expressions = (numbers, lines, run, escapes)
    return tuple((re.compile(expression, re.MULTILINE), r"\1") for expression in expressions)


@functools.cache
def _signals() -> tuple[Any, ...]:
    """Expressions of linear time, one of which is found wherever a pattern can be."""
    import re2

    expressions = (
        rb"(?:[0-9a-fA-FxX.uUlLiI+-]+\s*,\s*){16}",
        rb"[A-Za-z0-9+/]{128}",
        rb"(?:[A-Za-z0-9+/]{60,}[^A-Za-z0-9+/]{1,12}){2}",
        rb"(?:\\[xu0-7][0-9a-fA-F]{2,4}){8}",
    )
    return tuple(re2.compile(expression) for expression in expressions)
