# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which one of several duplicates stays: the recipe's ``dedup.keep``, by name.

A rule gives each document a rank, three numbers that compare in their order; the smallest of a
group stays, and of equal ones the first that was read. Ranks are computed while documents are
read, so that the search for duplicates handles 24 bytes instead of texts.

``first``    the first that was read
``longest``  the one with the most characters: the copy that was not cut off or stripped
``bigcode``  the one under a permissive licence, before those of which none is known and the rest;
             then the most stars, the most forks, the earliest date (near-duplicates of The Stack
             v2: bigcode-dataset, ``near_deduplication/bigcode-v2``; Lozhkov et al. 2024, arXiv
             2402.19173)
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping

from data_prep.document import Document

Rank = tuple[float, float, float]

# Forks and days share one float, which is exact up to 2^53: forks * 2^21 + days.
_DAYS = 1 << 21
_MOST_FORKS = (1 << 31) - 1


def rank(document: Document, rule: str) -> Rank:
    """The document's place in its group; smaller is better.

    >>> rank(Document.of("x = 1"), "longest") < rank(Document.of("x"), "longest")
    True
    """
    return RULES[rule](document)


def _first(document: Document) -> Rank:
    return (0.0, 0.0, 0.0)


def _longest(document: Document) -> Rank:
    return (-float(len(document.text)), 0.0, 0.0)


def _bigcode(document: Document) -> Rank:
    forks = min(_count(document, "forks"), _MOST_FORKS)
    return (
        _licence_class(document),
        -float(_count(document, "stars")),
        float(_day(document) - forks * _DAYS),
    )


def _licence_class(document: Document) -> float:
    from data_prep.licenses import policy

    reason = policy.keep(document, policy.Licenses(policy="permissive"))
    return {None: 0.0, policy.UNKNOWN: 1.0}.get(reason, 2.0)


def _count(document: Document, key: str) -> int:
    value = document.metadata.get(key)
    return max(0, int(value)) if isinstance(value, int | float) else 0


def _day(document: Document) -> int:
    """Days from year 1 to the document's date; later than all dates where none is known."""
    try:
        return datetime.date.fromisoformat(str(document.metadata["timestamp"])[:10]).toordinal()
    except (KeyError, ValueError):
        return _DAYS - 1


RULES: Mapping[str, Callable[[Document], Rank]] = {
    "first": _first,
    "longest": _longest,
    "bigcode": _bigcode,
}
