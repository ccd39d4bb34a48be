# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops commits made by programs: dependency updates, releases, formatting services.

StarCoder leaves bots out of issues by the names of their accounts (Li et al. 2023, arXiv
2305.06161, appendix A) and automatic commits by words of their messages (section 3.3); here the
first of these is asked of a commit's author (`data_prep.commits.authors`), the second of the first
line. What is no commit passes.
"""

from __future__ import annotations

from data_prep.commits.authors import BOT
from data_prep.commits.rendering import subject
from data_prep.document import Document

_STARTS = ("auto commit", "autocommit", "auto-commit", "automatic commit", "automated commit")


def keep(document: Document, *, also: tuple[str, ...] = ()) -> str | None:
    r"""Drops a commit whose author is a program.

    Args:
        document: The document.
        also: More beginnings of first lines, in any case.

    >>> keep(Document.of("x = 1\n", metadata={"commit": "9f", "author_kind": "person"}))
    >>> keep(Document.of("x = 1\n", metadata={"commit": "9f", "author_kind": "bot"}))
    'bot_commit'
    """
    if "commit" not in document.metadata:
        return None
    if document.metadata.get("author_kind") == BOT:
        return "bot_commit"
    starts = (*_STARTS, *(start.lower() for start in also))
    text = subject(document.metadata.get("message", "")).lower()
    return "bot_commit" if text.startswith(starts) else None
