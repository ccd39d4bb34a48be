# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where documents come from: one file a kind of source, found by its name.

A source is a module with two functions. Their keyword-only parameters, beside ``name``, are the
keys of its section in the recipe and must be the same for both:

``units(*, <settings>) -> Iterator[Unit]``
    Lists, in a fixed order, what can be read on its own (a file, a row group), reading none of it.
``read(unit, *, name, <settings>) -> Iterator[Document | Dropped | BadRow]``
    Reads one unit; ``name`` is the source's name in the recipe. Called in any process.

One whose documents hold special tokens may have a third, which says which of them the tokenizer
must have: ``sentinels(**<settings>) -> tuple[str, ...]``.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Unit:
    """The smallest piece of a source that is read alone.

    Attributes:
        path: Names it within its source.
        size: Its bytes, for dividing the work.
        stamp: Changes when its content does, e.g. the time of modification.
        part: Which part of the file, where a file is read in parts (a row group).
    """

    path: str
    size: int
    stamp: int
    part: int = 0
