# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Commits as training samples: five formats, each with a parser that applies it again.

A format is a module with a name, the special tokens it emits, whether it takes commits of several
files, `refusal`, `render` and `apply`. What a commit's rendering gives when it is applied to the
old files is exactly the new ones. A new format is one more file and its name below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from foundry_plugins.contract.diffs import commit as commit_format
from foundry_plugins.contract.diffs import contrast, nme_bef_msg_dff, pr, search_replace
from foundry_plugins.contract.diffs.record import (
    Change,
    Commit,
    Piece,
    Rendered,
    Sentinel,
    plain,
)
from foundry_plugins.contract.errors import UserError, did_you_mean
from foundry_plugins.contract.stateless_hash import Key

__all__ = [
    "FORMATS",
    "Change",
    "Commit",
    "Format",
    "Piece",
    "Rendered",
    "Sentinel",
    "get",
    "plain",
]


class Format(Protocol):
    """What the modules of the formats have."""

    NAME: str
    SENTINELS: tuple[str, ...]
    MULTI_FILE: bool

    def refusal(self, commit: Commit) -> str | None:
        """Why it cannot take a commit, in one word, or None."""
        ...

    def render(self, commit: Commit, *key: Key) -> Rendered:
        """A commit as pieces; every draw is a hash of ``key``."""
        ...

    def apply(self, pieces: Iterable[Piece], old_files: Mapping[str, str]) -> dict[str, str | None]:
        """The files after: path to text, None if deleted."""
        ...


_ALL: tuple[Format, ...] = (commit_format, nme_bef_msg_dff, contrast, search_replace, pr)
FORMATS = {module.NAME: module for module in _ALL}


def get(name: str) -> Format:
    """A format by name.

    Raises:
        UserError: naming the formats there are.
    """
    if name not in FORMATS:
        raise UserError(
            f"There is no diff format {name!r}{did_you_mean(name, FORMATS)}; use one of: "
            f"{', '.join(FORMATS)}."
        )
    return FORMATS[name]
