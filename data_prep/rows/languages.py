# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The setting ``languages`` of data sets that say of every row which language it is in.

What is not chosen is not read: a folder ``data/<language>`` is not opened, a row group whose
statistics name one other language is left out, and of the others the language column is read first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from data_prep.languages import LANGUAGES, canonical
from data_prep.rows.files import known
from data_prep.rows.parquet import Only


class Choice:
    """Some languages, or all of them.

    Args:
        names: Any spelling that `data_prep.languages.canonical` knows; none chooses all.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = frozenset(map(canonical, names))

    def check(self) -> None:
        """Raises `UserError` if a name is no language's."""
        known("languages", sorted(self.names), sorted(LANGUAGES))

    def __contains__(self, language: object) -> bool:
        return not self.names or (isinstance(language, str) and canonical(language) in self.names)

    def holds_folder(self, url: str) -> bool:
        """Whether a file may have rows of a chosen language, by the folder that it is in."""
        *_, above, folder, _ = ["", "", *url.split("/")]
        return above != "data" or canonical(folder) not in LANGUAGES or folder in self

    def between(self, column: str) -> tuple[str, Callable[[Any, Any], bool]] | None:
        """As `data_prep.rows.parquet.units` takes it."""
        if not self.names:
            return None
        return column, lambda smallest, largest: smallest != largest or smallest in self

    def only(self, column: str) -> Only | None:
        """As `data_prep.rows.files.read` takes it."""
        return Only(column, self.__contains__) if self.names else None


def language(stated: str, path: str, text: str = "") -> str | None:
    """The language that a row states, else that of its path and text; None if there is neither."""
    if stated:
        return canonical(stated)
    from data_prep.languages import language_of

    return language_of(path, text.encode()) if path else None
