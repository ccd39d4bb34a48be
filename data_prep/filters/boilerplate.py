# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Drops files without content of their own: only imports, re-exports, licence and placeholders.

There are millions of ``__init__.py`` and ``index.js`` that only import, and of copies of the
licences. RedPajama-Data-1T leaves files named LICENSE out (Weber et al. 2024, arXiv 2411.12372;
togethercomputer/RedPajama-Data, ``data_prep/github``); the rest of the rule is ours. A file is
read from its start and kept at its first line that is anything else, or if it documents something
at length.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from data_prep.comment_syntax import syntax_of
from data_prep.comments import comment_pattern, comment_spans, is_notice
from data_prep.document import Document
from data_prep.languages import KIND

_NAME = re.compile(r"(?:^|/)(?:un)?(?:licen[cs]e|copying)(?:[.-][\w.-]*)?$", re.IGNORECASE)

_JAVASCRIPT = (
    r"['\"]use strict['\"]|(?:import|export)\b[^;'\"=(]*(?:['\"][^'\"\n]*['\"])|export\s*\{[^}]*\}|"
    r"(?:const|let|var)\s+[\w{},:\s]+=\s*require\([^()\n]*\)|"
    r"(?:module\.)?exports(?:\.\w+)?\s*=\s*require\([^()\n]*\)"
)
_C = r"#[ \t]*(?:include|pragma|ifndef|define[ \t]+\w+[ \t]*(?=\n|\Z)|endif|ifdef)\b[^\n]*"
# What is no content, for each language whose files this judges.
_EMPTY = {
    "C": _C,
    "C++": rf"{_C}|using\s[\w:\s]+|namespace\s+[\w:]*\s*\{{|\}}",
    "C#": r"(?:global\s+)?using\s[\w.=\s]+|namespace\s+[\w.]+|[{}]",
    "Go": r"package\s+\w+|import\s*(?:\([^)]*\)|[\w.]*\s*\"[^\"\n]*\")",
    "Java": r"package\s+[\w.]+|import\s+[\w.*\s]+",
    "JavaScript": _JAVASCRIPT,
    "Kotlin": r"package\s+[\w.]+|import\s+[\w.*]+(?:\s+as\s+\w+)?",
    "PHP": r"<\?php|\?>|declare\([^)]*\)|(?:namespace|use|require|require_once|include)\b[^;{]*",
    "Python": (
        r"(?:from\s+[\w.]+\s+)?import\b[ \t]*(?:\([^)]*\)|(?:[^\n;(\\]|\\\n)+)|pass\b|\.\.\.|"
        r"__all__\s*\+?=\s*(?:\[[^\]]*\]|\([^)]*\))"
    ),
    "Ruby": r"require(?:_relative)?\b[^\n]*|module\s+[\w:]+|end\b",
    "Rust": (
        r"(?:pub(?:\([^)]*\))?\s+)?(?:use\s[^;{]*(?:\{[^;]*\})?|(?:mod|extern\s+crate)\s[^;{]*;)|"
        r"#!?\[[^\]]*\]"
    ),
    "Scala": r"package\s+[\w.]+|import\s[^\n]+",
    "TypeScript": _JAVASCRIPT,
    "TSX": _JAVASCRIPT,
}


def keep(document: Document, *, names: bool = True, comment_limit_chars: int = 500) -> str | None:
    r"""Drops a document with nothing but boilerplate.

    Args:
        document: The document.
        names: Also drop files whose name is that of a licence.
        comment_limit_chars: Of comments other than notices; a file with more of them is kept.

    >>> keep(Document.of("from .core import area\n\nVERSION = '1.0'\n"))
    >>> keep(Document.of("# Copyright 2020 A. Author\n\nfrom .core import (\n    area,\n)\n"))
    'boilerplate'
    >>> keep(Document.of("Permission is hereby granted, ...\n", path="LICENSE.md"))
    'licence_file'
    """
    is_code = KIND.get(document.language) == "programming"
    if names and not is_code and _NAME.search(document.path):
        return "licence_file"
    pattern = _boilerplate(document.language)
    if pattern is None:
        return None
    found = pattern.match(document.text)
    if not found or found.end() < len(document.text):
        return None
    said = sum(len(c) for c in _comments(document) if not is_notice(c))
    return "boilerplate" if said <= comment_limit_chars else None


def _comments(document: Document) -> Iterator[str]:
    """The comments, those on neighbouring lines as one."""
    start = end = 0
    for first, last in comment_spans(document.text, document.language) or ():
        between = document.text[end:first]
        if between.strip() or between.count("\n") > 1:
            yield document.text[start:end]
            start = first
        end = last
    yield document.text[start:end]


@functools.cache
def _boilerplate(language: str) -> re.Pattern[str] | None:
    syntax = syntax_of(language)
    if language not in _EMPTY or syntax is None:
        return None
    # Possessive throughout: the first thing that is none of these ends the match for good.
    return re.compile(
        rf"(?:[\s;\ufeff]++|(?:{comment_pattern(syntax)})|(?:{_EMPTY[language]}))*+", re.MULTILINE
    )
