# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The setting ``languages`` of data sets that say of every row which language it is in.

What is not chosen is not read: a folder ``data/<language>`` is not opened, a row group whose
statistics name one other language is left out, and of the others the language column is read first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from data_prep.document import BadRow
from data_prep.languages import LANGUAGES, canonical
from data_prep.rows import Row, files
from data_prep.rows.parquet import Only
from data_prep.sources import Unit


class Choice:
    """Some languages, or all of them.

    Args:
        names: Any spelling that `data_prep.languages.canonical` knows; none chooses all.
        column: The one that says the language.
    """

    def __init__(self, names: Sequence[str], column: str = "lang") -> None:
        self.names = frozenset(map(canonical, names))
        self.column = column

    def __contains__(self, language: object) -> bool:
        return not self.names or (isinstance(language, str) and canonical(language) in self.names)

    def units(
        self,
        paths: Sequence[str],
        *,
        needed: Sequence[str | tuple[str, ...]],
        endings: Sequence[str] = files.ROWS,
    ) -> Iterator[Unit]:
        """`data_prep.rows.files.units` of those that may hold a chosen language.

        Raises:
            UserError: also if a name is no language's.
        """
        files.known("languages", sorted(self.names), sorted(LANGUAGES))
        # All values of a row group are one if its smallest and its largest are.
        between = (self.column, lambda low, high: low != high or low in self)
        yield from files.units(
            paths,
            needed=needed,
            endings=endings,
            keep=self._holds_folder,
            between=between if self.names else None,
        )

    def read(
        self, unit: Unit, *, columns: Sequence[str], limit_bytes: int
    ) -> Iterator[Row | BadRow]:
        """`data_prep.rows.files.read` of the rows of a chosen language."""
        only = Only(self.column, self.__contains__) if self.names else None
        yield from files.read(unit, columns=columns, limit_bytes=limit_bytes, only=only)

    def _holds_folder(self, url: str) -> bool:
        """Whether a file may have rows of a chosen language, by the folder that it is in."""
        *_, above, folder, _ = ["", "", *url.split("/")]
        return above != "data" or canonical(folder) not in LANGUAGES or folder in self


def language(stated: str, path: str, text: str = "") -> str | None:
    """The language that a row states, else that of its path and text; None if there is neither."""
    if stated:
        return canonical(stated)
    from data_prep.languages import language_of

    return language_of(path, text.encode()) if path else None
