# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""From what a model generated to the text that is judged: pure functions of strings."""

from __future__ import annotations

from foundry_plugins.contract.sentinels import END_OF_TEXT


def first_line(text: str) -> str:
    """The text up to the first line break that follows something visible.

    Leading blank lines stay: a middle that has to start on the next line is not cut to nothing.
    """
    first_visible = len(text) - len(text.lstrip())
    end = text.find("\n", first_visible)
    return text if end < 0 else text[:end]


def infilled_middle(generation: str, *, single_line: bool, added_space: bool = False) -> str:
    """The middle that a generation proposes.

    Args:
        generation: Decoded tokens after the prompt.
        single_line: Whether the problem hides (part of) one line.
        added_space: Whether the host put a space before every generation, which it does for
            tokenizers that write ``" a"`` with more than one token.
    """
    text = generation.removeprefix(" ") if added_space else generation
    text = text.split(END_OF_TEXT, 1)[0]
    return first_line(text) if single_line else text


def is_exact_match(middle: str, reference: str) -> bool:
    """Equality without surrounding blanks, the rule of SantaCoder's infilling benchmark.

    Allal et al. 2023, arXiv 2301.03988, section 6.1.
    """
    return middle.strip() == reference.strip()
