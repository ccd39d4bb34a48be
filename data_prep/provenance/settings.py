# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The recipe's section ``provenance``."""

from __future__ import annotations

import dataclasses

from foundry_plugins.contract.errors import require

# Words in a k-gram: the unit that two texts must share for `attribution` to notice it. BigCode's
# near-duplicate search takes 5-grams of words too (Ben Allal et al. 2023, arXiv 2301.03988).
GRAM_WORDS = 5
# Files of `data_prep.provenance.fingerprints`, which takes long to import.
FINGERPRINTS_SUFFIX = ".winnow.arrow"


@dataclasses.dataclass(frozen=True)
class Provenance:
    """What is kept of where every sample comes from; the map of samples to files always is.

    Attributes:
        attribution: Also index the texts, so that generated code can be traced to them. Takes
            about 7 % of their size.
        attribution_words: Every run of so many words that a text shares with a document is found,
            and shorter ones often. The index grows as this shrinks: about 2 / (words - 3) of the
            words are indexed, 6 bytes each.
    """

    attribution: bool = True
    attribution_words: int = 20

    def __post_init__(self) -> None:
        require(
            self.attribution_words >= GRAM_WORDS,
            f"`provenance.attribution_words` must be at least {GRAM_WORDS}, "
            f"got {self.attribution_words}.",
        )

    @property
    def window(self) -> int:
        """The w of `data_prep.provenance.winnow`: a run of w + k - 1 shared words is found."""
        return self.attribution_words - GRAM_WORDS + 1
