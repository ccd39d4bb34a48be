# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Removes the copyright and licence notice at the top of a file.

As the GitHub part of RedPajama-Data-1T does (Weber et al. 2024, arXiv 2411.12372;
togethercomputer/RedPajama-Data, ``data_prep/github``), so that the same few notices are not learnt
again with every file. There, whatever comments stand at the top of a file without block comments go
too, ``#!`` lines with them; here only those that are a notice, and lines that programs read
(``#!``, encodings, ``<?php``, ``<?xml``) stay.

Documents with markers are passed by: their first lines are no file's.
"""

from __future__ import annotations

import functools
import re

from data_prep.comment_syntax import syntax_of
from data_prep.comments import comment_pattern, is_notice
from data_prep.document import Document

# What may come first, and stays.
_FIRST = re.compile(
    r"\ufeff?(?:#![^\n]*\n|(?=[^\n]{0,99}-\*-)[^\n]*\n|[#/ \t]*(?:vim?|ex):[^\n]*\n|"
    r"#[^\n]*coding[:=][^\n]*\n|<\?(?:php|xml)\b[^\n]*\n|<!doctype[^>\n]*>\n|"
    r"\{-#[^}]*#-\}|//[ \t]*(?:\+build|go:build|@ts-|@flow|eslint)[^\n]*\n|[ \t\r\n]+)*+",
    re.IGNORECASE,
)
# Notices are rarely longer, and what follows is of no interest.
_HEAD_CHARS = 20_000
_MOST_COMMENTS = 5


def edit(document: Document) -> Document:
    r"""Removes the notices among the first comments of a document.

    >>> edit(Document.of("# How to add.\nx = 1 + 1\n")).text
    '# How to add.\nx = 1 + 1\n'
    >>> edit(Document.of("#!/bin/sh\n# Copyright 2020 A. Author\n\necho hello\n", path="a.sh")).text
    '#!/bin/sh\necho hello\n'
    """
    comment = _comments(document.language)
    if comment is None or document.markers:
        return document
    head = document.text[:_HEAD_CHARS]
    removed: list[tuple[int, int]] = []
    position = _end_of_first(head, 0)
    for _ in range(_MOST_COMMENTS):
        found = comment.match(head, position)
        if not found or found.end() == len(head) < len(document.text):
            break
        if is_notice(found[0]):
            removed.append((position, found.end()))
        position = _end_of_first(head, found.end())
    text = document.text
    for start, end in reversed(removed):
        text = text[:start] + text[end:].lstrip("\r\n")
    return document.replace(text=text) if removed else document


def _end_of_first(head: str, position: int) -> int:
    found = _FIRST.match(head, position)
    return found.end() if found else position


@functools.cache
def _comments(language: str) -> re.Pattern[str] | None:
    """One block comment, or the line comments of neighbouring lines."""
    syntax = syntax_of(language)
    if syntax is None:
        return None
    one = comment_pattern(syntax)
    lines = "|".join(re.escape(marker) for marker in syntax.line)
    # A line comment goes on where the next line starts with one.
    more = rf"(?:\r?\n[ \t]*(?:{lines})[^\n]*)*" if lines else ""
    return re.compile(rf"(?:{one}){more}", re.MULTILINE)
