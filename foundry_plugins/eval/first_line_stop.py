# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Ends each row when its first line is complete, exactly as `postprocess.first_line` cuts it.

What comes after a line break that follows something visible is cut anyway, so such a row says
nothing more. A line break is a byte of its own in every vocabulary, so only tokens whose text holds
one can complete a line.
"""

from __future__ import annotations

from foundry_plugins.eval.generation.stopping import Decodes, StopTexts
from foundry_plugins.eval.postprocess import first_line


class FirstLineStop(StopTexts):
    """Watches rows for the end of their first line.

    Args:
        tokenizer: Decodes.
    """

    def __init__(self, tokenizer: Decodes) -> None:
        super().__init__(tokenizer, ())

    def found(self, generated: list[int]) -> bool:
        """Whether the text of a row's generated tokens holds a whole first line."""
        if not generated or "\n" not in self._text(generated[-1:]):
            return False
        text = self._text(generated)
        return first_line(text) != text

    def _text(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False)
