# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where a completion ends: at the earliest of some texts, which are not part of it.

Stops are texts, never patterns.
"""

from __future__ import annotations

from collections.abc import Sequence


def earliest_stop(text: str, stops: Sequence[str]) -> int | None:
    """Index of the first character of the stop that comes first; None if there is none."""
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    return min(found, default=None)


def cut(text: str, stops: Sequence[str]) -> str:
    """The text before the earliest stop."""
    return text[: earliest_stop(text, stops)]
