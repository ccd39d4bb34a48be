# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Ends each row at the first of its stop texts, which may take several tokens.

Only the end of a row's text is looked at: as many tokens as the longest stop can take, and a few
before them, because the first tokens of a piece may decode to other text than in its middle. What a
row says beyond its stop is cut off later, by the exact rule on its whole text; here it only has to
be certain that a stop is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

_BEFORE = 4  # tokens


class Decodes(Protocol):
    """What is needed of a tokenizer."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        """The text of some tokens."""
        ...


class StopTexts:
    """Watches rows for stop texts.

    Args:
        tokenizer: Decodes.
        stops: Texts; none means that nothing is ever found.
    """

    def __init__(self, tokenizer: Decodes, stops: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._stops = tuple(stops)
        # A token adds at least a byte, so a stop takes at most as many tokens as it has bytes.
        self._window = _BEFORE + max((len(stop.encode()) for stop in stops), default=0)

    def found(self, generated: list[int]) -> bool:
        """Whether the text of a row's generated tokens holds a stop near its end."""
        if not self._stops or not generated:
            return False
        text = self._tokenizer.decode(generated[-self._window :], skip_special_tokens=False)
        return any(stop in text for stop in self._stops)
