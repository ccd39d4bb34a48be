# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""From what a model generated to the text that is judged: pure functions of strings."""

from __future__ import annotations


def first_line(text: str) -> str:
    """The text up to the first line break that follows something visible.

    Leading blank lines stay: a middle that has to start on the next line is not cut to nothing.
    """
    first_visible = len(text) - len(text.lstrip())
    end = text.find("\n", first_visible)
    return text if end < 0 else text[:end]


def is_exact_match(middle: str, reference: str) -> bool:
    """Equality without surrounding blanks, the rule of SantaCoder's infilling benchmark.

    Allal et al. 2023, arXiv 2301.03988, section 6.1.
    """
    return middle.strip() == reference.strip()
