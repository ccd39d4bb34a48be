# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What counts as a near-duplicate: the recipe's section ``dedup.near``.

Two documents are compared by the Jaccard similarity of their sets of n-grams of tokens, estimated
by MinHash (Broder 1997) and found by banding: signatures of ``bands * rows`` minima meet where all
``rows`` minima of a band agree, which a pair of similarity s does with probability

    P(s) = 1 - (1 - s^rows)^bands

Published settings have names (`PRESETS`); keys given beside ``preset`` replace its values.
Documents of fewer than ``minimum_tokens`` tokens have next to no n-grams, so that unlike ones meet
in one cluster and vanish together (bigcode-dataset 35); they are compared exactly only.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from foundry_plugins.contract.errors import did_you_mean, require

_PUBLISHED = {"ngram": 5, "permutations": 256, "minimum_tokens": 5, "verify": False}
PRESETS: dict[str, dict[str, Any]] = {
    # Ours. Many short bands miss little above the threshold; what they find too much of is
    # discarded by its estimated similarity.
    "verified": {
        "threshold": 0.5,
        "ngram": 5,
        "permutations": 250,
        "bands": 50,
        "rows": 5,
        "minimum_tokens": 10,
        "verify": True,
    },
    # Sets of tokens at 0.9, and at 0.85 for its sets of several languages; it names no numbers of
    # permutations and bands: those of The Stack and the best split of them.
    "thesis_python": {
        "threshold": 0.9,
        "ngram": 1,
        "permutations": 256,
        "bands": 9,
        "rows": 28,
        "minimum_tokens": 10,
        "verify": True,
    },
    "thesis_code": {
        "threshold": 0.85,
        "ngram": 1,
        "permutations": 256,
        "bands": 13,
        "rows": 19,
        "minimum_tokens": 10,
        "verify": True,
    },
    # Kocetkov et al. 2022, arXiv 2211.15533, section 3.4: unigrams, clusters checked by their
    # similarity, files of fewer than ten tokens left out.
    "the_stack": {
        "threshold": 0.85,
        "ngram": 1,
        "permutations": 256,
        "bands": 13,
        "rows": 19,
        "minimum_tokens": 10,
        "verify": True,
    },
    # Ben Allal et al. 2023, arXiv 2301.03988, section 5; Li et al. 2023, arXiv 2305.06161, section
    # 3.3: documents that share a bucket are duplicates. Bands of bigcode-dataset, which also holds
    # the code; the aggressive variant has the best split at 0.5.
    "santacoder": {**_PUBLISHED, "threshold": 0.7, "bands": 25, "rows": 10},
    "santacoder_aggressive": {**_PUBLISHED, "threshold": 0.5, "bands": 42, "rows": 6},
    "starcoder": {**_PUBLISHED, "threshold": 0.7, "bands": 25, "rows": 10},
}
# A verified search should meet at least this share of the pairs that lie exactly at the threshold.
_RECALL_AT_THRESHOLD = 0.75
_INTEGRATION_STEPS = 1000


@dataclasses.dataclass(frozen=True, init=False)
class NearDuplicates:
    """How near-duplicates are found; what is not given is the preset's.

    Attributes:
        preset: A name of `PRESETS`.
        threshold: Jaccard similarity from which on two documents are duplicates.
        ngram: Tokens in a shingle.
        permutations: Minima to spend: the most that ``bands * rows`` may be.
        bands: Buckets that a document is put in. Without it and ``rows``, a threshold or a number
            of permutations other than the preset's gets the bands of `split_permutations`.
        rows: Minima that must agree in a bucket.
        minimum_tokens: Shorter documents are compared exactly only.
        verify: Whether documents that share a bucket are duplicates only if their estimated
            similarity reaches the threshold; else sharing one is enough.
    """

    preset: str
    threshold: float
    ngram: int
    permutations: int
    bands: int
    rows: int
    minimum_tokens: int
    verify: bool

    def __init__(
        self,
        preset: str = "verified",
        *,
        threshold: float | None = None,
        ngram: int | None = None,
        permutations: int | None = None,
        bands: int | None = None,
        rows: int | None = None,
        minimum_tokens: int | None = None,
        verify: bool | None = None,
    ) -> None:
        require(
            preset in PRESETS,
            f"`dedup.near.preset`: there is no {preset!r}{did_you_mean(preset, PRESETS)}; "
            f"there is: {', '.join(PRESETS)}.",
        )
        require(
            (bands is None) == (rows is None),
            "`dedup.near.bands` and `dedup.near.rows` go together; give both or none.",
        )
        choices = {
            "threshold": threshold,
            "ngram": ngram,
            "permutations": permutations,
            "bands": bands,
            "rows": rows,
            "minimum_tokens": minimum_tokens,
            "verify": verify,
        }
        given = {name: value for name, value in choices.items() if value is not None}
        object.__setattr__(self, "preset", preset)
        for name, value in {**PRESETS[preset], **given}.items():
            object.__setattr__(self, name, value)
        self._check_numbers()
        self._fill_in(given)
        self._check_bands()

    def _fill_in(self, given: dict[str, Any]) -> None:
        """What follows from a given value instead of from the preset."""
        preset = PRESETS[self.preset]
        decides = ("threshold", "permutations")
        if "bands" not in given and any(getattr(self, n) != preset[n] for n in decides):
            split = split_permutations(self.threshold, self.permutations, verify=self.verify)
            object.__setattr__(self, "bands", split[0])
            object.__setattr__(self, "rows", split[1])
        if "minimum_tokens" not in given:
            object.__setattr__(self, "minimum_tokens", max(self.minimum_tokens, self.ngram))

    def _check_numbers(self) -> None:
        require(
            0.0 < self.threshold < 1.0,
            "`dedup.near.threshold` must be between 0 and 1 (equal documents are found by "
            f"`dedup.exact`), got {self.threshold}.",
        )
        require(
            1 <= self.permutations <= 4096,
            f"`dedup.near.permutations` must be between 1 and 4096, got {self.permutations}.",
        )
        for name in ("ngram", "bands", "rows"):
            value = getattr(self, name)
            require(value >= 1, f"`dedup.near.{name}` must be at least 1, got {value}.")

    def _check_bands(self) -> None:
        require(
            self.bands * self.rows <= self.permutations,
            f"`dedup.near.bands` times `dedup.near.rows` is {self.bands * self.rows}, more than "
            f"`dedup.near.permutations` = {self.permutations}; raise the latter or lower one of "
            "them.",
        )
        require(
            self.minimum_tokens >= self.ngram,
            f"`dedup.near.minimum_tokens` must be at least `dedup.near.ngram` = {self.ngram}, "
            "because shorter documents have no n-gram to compare, got "
            f"{self.minimum_tokens}.",
        )

    @property
    def num_lanes(self) -> int:
        """Minima that are used."""
        return self.bands * self.rows

    @property
    def lane_bytes(self) -> int:
        """How much of a minimum is kept: wide enough that a band has 32 bits."""
        return 1 if self.rows >= 5 else 2 if self.rows >= 2 else 4

    @property
    def record_bytes(self) -> int:
        """What the search keeps of a document; `data_prep.dedup.minhash.record_dtype`."""
        return 4 + self.num_lanes * self.lane_bytes


def meet_probability(similarity: float, bands: int, rows: int) -> float:
    """The chance that two documents of a similarity share a bucket.

    >>> [round(meet_probability(s, 50, 5), 3) for s in (0.3, 0.5, 0.7)]
    [0.115, 0.796, 1.0]
    """
    return 1.0 - (1.0 - similarity**rows) ** bands


def split_permutations(threshold: float, permutations: int, *, verify: bool) -> tuple[int, int]:
    """Bands and rows for a threshold.

    Where pairs are verified, a bucket shared for nothing costs time only: the longest rows, which
    have the fewest such buckets, at which `_RECALL_AT_THRESHOLD` of the pairs at the threshold
    meet. Else the split with the smallest sum of both errors, the area under P below the threshold
    and above P beyond it (Zhu et al. 2016, VLDB 9(12), section 5.5).

    >>> split_permutations(0.5, 250, verify=True)
    (50, 5)
    >>> split_permutations(0.7, 256, verify=False)
    (25, 10)
    """
    if not verify:
        splits = [
            (bands, rows)
            for bands in range(1, permutations + 1)
            for rows in range(1, permutations // bands + 1)
        ]
        return min(splits, key=lambda split: _error(threshold, *split))
    for rows in range(permutations, 1, -1):
        bands = permutations // rows
        if meet_probability(threshold, bands, rows) >= _RECALL_AT_THRESHOLD:
            return bands, rows
    return permutations, 1


def _error(threshold: float, bands: int, rows: int) -> float:
    """Both errors of a split, integrated by the midpoint rule."""
    import numpy as np

    middles = (np.arange(_INTEGRATION_STEPS) + 0.5) / _INTEGRATION_STEPS
    below = threshold * middles
    beyond = threshold + (1.0 - threshold) * middles
    false_positives = threshold * np.mean(1.0 - (1.0 - below**rows) ** bands)
    false_negatives = (1.0 - threshold) * np.mean((1.0 - beyond**rows) ** bands)
    return math.fsum((false_positives, false_negatives))
