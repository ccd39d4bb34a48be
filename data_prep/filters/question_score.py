# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops questions that readers found poor.

RedPajama-Data-1T (Weber et al. 2024, arXiv 2411.12372) carries the score of every question of Stack
Exchange, votes for less votes against, and uses it for no filter. This one drops negative scores
unless told otherwise, which is our choice.
"""

from __future__ import annotations

from data_prep.document import Document


def keep(document: Document, *, minimum: int = 0) -> str | None:
    r"""Drops a document with a lower ``question_score``; one without any is kept.

    >>> keep(Document.of("Q: How?\nA: So.\n", metadata={"question_score": "37"}))
    >>> keep(Document.of("Q: why\n", metadata={"question_score": "-3"}))
    'question_score'
    """
    # RedPajama writes the number as text.
    score = document.metadata.get("question_score")
    return "question_score" if score is not None and int(score) < minimum else None
