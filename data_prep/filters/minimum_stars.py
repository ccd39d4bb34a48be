# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Drops files of repositories with few stars. It does harm: the models get worse.

SantaCoder (Ben Allal et al. 2023, arXiv 2301.03988) compared its filters by training a model on
what each leaves. Taking only files of repositories with 5 stars or more made the model
significantly worse, so much that the paper is named after it ("don't reach for the stars!"). The
filter is here to reproduce that, and data made so: the GitHub part of The Pile has repositories of
more than 100 stars (Gao et al. 2020, arXiv 2101.00027).
"""

from __future__ import annotations

from data_prep.document import Document


def keep(document: Document, *, minimum: int = 5, keep_unknown: bool = False) -> str | None:
    r"""Drops a document whose repository has fewer stars.

    Args:
        document: The document.
        minimum: Stars.
        keep_unknown: Keep documents whose source has no stars; else they count as 0, as published.

    >>> keep(Document.of("x = 1\n", metadata={"stars": 7}))
    >>> keep(Document.of("x = 1\n", metadata={"stars": 2}))
    'minimum_stars'
    """
    stars = document.metadata.get("stars")
    if stars is None and keep_unknown:
        return None
    return "minimum_stars" if (stars or 0) < minimum else None
