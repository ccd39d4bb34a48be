# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files with next to nothing in them: empty ``__init__.py``, one-line re-exports.

Fewer than 10 tokens, as in the de-duplication of The Stack (Kocetkov et al. 2022, arXiv
2211.15533), which leaves such files out because they are all alike. A token here is a run of
letters, digits and underscores.
"""

from __future__ import annotations

import itertools
import re

from data_prep.document import Document

_WORD = re.compile(r"\w+")


def keep(document: Document, *, minimum_words: int = 10) -> str | None:
    r"""Drops a document with fewer words.

    >>> keep(Document.of("def add(a, b):\n    # sum of two numbers\n    return a + b\n"))
    >>> keep(Document.of("from .core import *\n"))
    'near_empty'
    """
    words = itertools.islice(_WORD.finditer(document.text), minimum_words)
    return "near_empty" if sum(1 for _ in words) < minimum_words else None
