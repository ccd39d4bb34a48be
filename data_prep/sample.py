# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How much of every language and source goes into the shards.

Two rules, both by rates: a document is taken if the hash of its name falls below the rate of its
source and language, so no document's fate depends on another's.

Language limits, in bytes or as a share of all bytes, come first: StarCoder takes 1 GB of JSON and
3 GB of CSS, for instance (Li et al. 2023, arXiv 2305.06161, section 3.1). A share s of language L
means ``B_L <= s * sum(B)`` after limiting, and is solved for all limited languages at once.

Source weights come second: bytes of weighted sources stand in the ratio of their weights. Nothing
is repeated for it; the source that is scarcest for its weight is taken whole. (Repetition belongs
to training, where a stream's ``repeat`` costs no storage.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping

Bytes = dict[str, dict[str, int]]
Rates = dict[str, dict[str, float]]


def rates(
    num_bytes: Bytes,
    *,
    weights: Mapping[str, float | None],
    limit_bytes: Mapping[str, float],
    limit_share: Mapping[str, float],
) -> Rates:
    """The share to take of every language of every source.

    Args:
        num_bytes: Bytes there are, by source and language.
        weights: By source; None takes all of it.
        limit_bytes: Most bytes of a language.
        limit_share: Largest share of a language in all bytes.

    >>> rates({"a": {"C": 100, "JSON": 300}}, weights={}, limit_bytes={}, limit_share={"JSON": 0.5})
    {'a': {'C': 1.0, 'JSON': 0.3333333333333333}}
    """
    totals: dict[str, float] = {}
    for languages in num_bytes.values():
        for language, size in languages.items():
            totals[language] = totals.get(language, 0) + size
    wanted = {name: min(size, limit_bytes.get(name, size)) for name, size in totals.items()}
    wanted = _limited_to_shares(wanted, limit_share)
    by_language = {name: wanted[name] / size if size else 1.0 for name, size in totals.items()}
    by_source = _source_rates(num_bytes, by_language, weights)
    return {
        source: {name: by_language[name] * by_source[source] for name in languages}
        for source, languages in num_bytes.items()
    }


def _limited_to_shares(sizes: dict[str, float], limits: Mapping[str, float]) -> dict[str, float]:
    """Sizes of which none is more than its share of their sum."""
    sizes = dict(sizes)
    limited: set[str] = set()
    while True:
        total = math.fsum(sizes.values())
        over = {n for n, size in sizes.items() if size > limits.get(n, 1.0) * total * (1 + 1e-9)}
        if not over - limited:
            return sizes
        limited |= over
        # T = others + sum(s_L * T) over the limited languages.
        others = math.fsum(size for name, size in sizes.items() if name not in limited)
        share = math.fsum(limits[name] for name in limited)
        total = others / (1 - min(share, 1 - 1e-9))
        for name in limited:
            sizes[name] = min(sizes[name], limits[name] * total)


def _source_rates(
    num_bytes: Bytes, by_language: dict[str, float], weights: Mapping[str, float | None]
) -> dict[str, float]:
    sizes = {
        source: sum(size * by_language[name] for name, size in languages.items())
        for source, languages in num_bytes.items()
    }
    weighted = {s: w for s in sizes if (w := weights.get(s)) is not None and sizes[s]}
    if not weighted:
        return dict.fromkeys(sizes, 1.0)
    unit = min(sizes[source] / weight for source, weight in weighted.items())
    return {
        source: weighted[source] * unit / size if source in weighted else 1.0
        for source, size in sizes.items()
    }
