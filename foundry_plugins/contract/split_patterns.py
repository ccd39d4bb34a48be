# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How byte-level vocabularies split text before merging: cl100k's pattern, and llama.cpp's of it.

Contractions, words with one leading symbol, digits, runs of symbols, line ends, spaces. llama.cpp
knows patterns by name: its ``qwen2`` is this one with every digit alone, so a vocabulary that is
split so can be exported.
"""

from __future__ import annotations


def cl100k(digits: int) -> str:
    """The pattern with up to so many digits together."""
    numbers = r"\p{N}" if digits == 1 else rf"\p{{N}}{{1,{digits}}}"
    return (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
        + numbers
        + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


QWEN2 = cl100k(1)
