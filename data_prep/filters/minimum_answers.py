# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Drops questions with few answers.

StarCoder2 keeps questions of Stack Overflow with three answers or more (Lozhkov et al. 2024, arXiv
2402.19173, section 2.8). An answer is told by the form in which RedPajama-Data-1T stores them
(Weber et al. 2024, arXiv 2411.12372): ``Q: ...`` and then ``A: ...`` for every answer, each at the
start of a line.
"""

from __future__ import annotations

import re

from data_prep.document import Document

_ANSWER = re.compile(r"^A: ", re.MULTILINE)


def keep(document: Document, *, minimum: int = 3) -> str | None:
    r"""Drops a question with fewer answers; what does not start as a question is kept.

    >>> keep(Document.of("Q: How?\nA: So.\nA: Or so.\nA: No.\n", path="a.md"))
    >>> keep(Document.of("Q: How?\nA: So.\n", path="a.md"))
    'minimum_answers'
    """
    if not document.text.startswith("Q: "):
        return None
    return "minimum_answers" if len(_ANSWER.findall(document.text)) < minimum else None
