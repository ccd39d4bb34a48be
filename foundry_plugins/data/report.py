# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which group of the validation report a token belongs to: its order and its language.

The orders are ``left_to_right`` and those of fill-in-the-middle; all tokens of a fragment belong to
one group, sentinels and the end of text too. A group's bits per byte are

    sum of -log2 p over its learned tokens / bytes of document that they stand for
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from foundry_plugins.contract.fim_orders import NONE, ORDERS
from foundry_plugins.data.shards.sample import PADDING

LEFT_TO_RIGHT = "left_to_right"
NO_GROUP = -1


class ReportGroups:
    """All groups of one loader, numbered.

    Args:
        languages: Those of its streams.
    """

    def __init__(self, languages: Iterable[str]) -> None:
        self.modes = [LEFT_TO_RIGHT, *ORDERS]
        self.languages = sorted(set(languages) - {PADDING})
        self._mode_numbers = {NONE: 0, **{mode: n for n, mode in enumerate(ORDERS, start=1)}}
        self._language_numbers = {language: n for n, language in enumerate(self.languages)}

    @property
    def names(self) -> list[tuple[str, str]]:
        """(mode, language) by group number."""
        return [(mode, language) for language in self.languages for mode in self.modes]

    def numbers(self, modes: Sequence[str], languages: Sequence[str]) -> np.ndarray:
        """Group numbers of fragments, int64; `NO_GROUP` for padding."""
        pairs = zip(modes, languages, strict=True)
        return np.array(
            [
                NO_GROUP
                if language == PADDING
                else self._language_numbers[language] * len(self.modes) + self._mode_numbers[mode]
                for mode, language in pairs
            ],
            dtype=np.int64,
        )
