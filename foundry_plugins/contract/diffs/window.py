# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How much of a file a diff format shows: all of it, or the lines around what changes.

OctoPack (arXiv 2308.07124; `dataset/filter.py` of bigcode-project/octopack): one sample in five has
the whole file, the others the changed lines with 0 to 31 more on each side, both drawn evenly.
"""

from __future__ import annotations

from foundry_plugins.contract.stateless_hash import Key, below, uniform

WHOLE_RATE = 0.2
MAX_MARGIN = 31


def is_whole(*key: Key) -> bool:
    """Whether the whole file is shown."""
    return uniform(*key, "whole") < WHOLE_RATE


def with_margins(first: int, end: int, num_lines: int, *key: Key) -> tuple[int, int]:
    """A span of lines with as many more on each side as drawn, as far as there are any."""
    above = below(MAX_MARGIN + 1, *key, "above")
    under = below(MAX_MARGIN + 1, *key, "under")
    return max(first - above, 0), min(end + under, num_lines)
