# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which files a source of rows reads, what units they are divided in, and how one is read.

What a file is, is told by its name: ``.parquet``, or ``.jsonl`` (``.json``, ``.ndjson``) with or
without the ending of a compression. Other files of a folder or glob (cards, licences, checksums)
are passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from data_prep import store
from data_prep.document import BadRow
from data_prep.rows import Row, json_lines, parquet
from data_prep.rows.lines import COMPRESSIONS
from data_prep.rows.parquet import Only
from data_prep.sources import Unit
from data_prep.stores import Found
from foundry_plugins.contract.errors import UserError, did_you_mean, require

JSON_LINES = tuple(
    f".{ending}{compression}"
    for ending in ("jsonl", "json", "ndjson")
    for compression in ("", *COMPRESSIONS)
)
PARQUET = (".parquet",)
ROWS = (*PARQUET, *JSON_LINES)
_WILDCARD = re.compile(r"[*?\[]")
# How many rows of JSON are looked at to learn which columns there are.
_LOOKED_AT = 1000


def listed(paths: Sequence[str], endings: Sequence[str]) -> list[Found]:
    """The files of all paths with one of the endings, each once, path by path.

    Args:
        paths: Files, folders or globs, here or in a store.
        endings: In lower case, with dots.

    Raises:
        UserError: if a path names nothing, or nothing with such an ending.
    """
    require(bool(paths), "`paths` is empty; name a file, a folder or a glob.")
    found: dict[str, Found] = {}
    for path in paths:
        here = [file for file in store.find(path) if file.url.lower().endswith(tuple(endings))]
        if not here:
            raise UserError(
                f"{path} holds no file that ends with {' or '.join(_shortest(endings))}; "
                "give another path, or another `kind` of source."
            )
        found.update((file.url, file) for file in here)
    return list(found.values())


def units(
    paths: Sequence[str],
    *,
    needed: Sequence[str | tuple[str, ...]] = (),
    endings: Sequence[str] = ROWS,
    keep: Callable[[str], bool] | None = None,
    between: tuple[str, Callable[[Any, Any], bool]] | None = None,
) -> Iterator[Unit]:
    """Lists the units of a source of rows: row groups, files, ranges of large plain files.

    Args:
        paths: Files, folders or globs.
        needed: Columns without which no row can be used; of a tuple one is enough.
        endings: Which files are read.
        keep: Whether a file may hold wanted rows, by its url.
        between: As in `data_prep.rows.parquet.units`.

    Raises:
        UserError: if there are no files, or none that could be opened has the needed columns.
    """
    missing: UserError | None = None
    is_right = False
    for file in listed(paths, endings):
        if keep is not None and not keep(file.url):
            continue
        if file.url.lower().endswith(PARQUET):
            here, columns = parquet.units(file.url, file.size, file.stamp, between)
        elif file.url.lower().endswith(JSON_LINES):
            here = list(json_lines.units(file.url, file.size, file.stamp))
            # Looking into one file is enough to find a wrong name.
            columns = None if is_right or missing else _columns(here[0])
        else:
            here, columns = [Unit(file.url, file.size, file.stamp)], None
        yield from here
        if columns is not None:
            problem = _lacks(file.url, needed, columns)
            missing = missing or problem
            is_right = is_right or problem is None
    if missing is not None and not is_right:
        raise missing


def read(
    unit: Unit, *, columns: Sequence[str], limit_bytes: int, only: Only | None = None
) -> Iterator[Row | BadRow]:
    """The rows of a unit.

    Args:
        unit: What to read.
        columns: Those that are used; others may or may not be there.
        limit_bytes: Largest row.
        only: Which rows to read.
    """
    if unit.path.lower().endswith(PARQUET):
        yield from parquet.read(unit, columns=columns, limit_bytes=limit_bytes, only=only)
        return
    for row in json_lines.read(unit, limit_bytes=limit_bytes):
        passed_over = (
            only is not None
            and isinstance(row, Row)
            and only.column in row.values
            and not only.accepts(row.values[only.column])
        )
        if not passed_over:
            yield row


def name_of(url: str, paths: Sequence[str]) -> str:
    """A file's name within its source: below the folder, or below what has no wildcard.

    >>> name_of("data/go/1.jsonl", ["data"]), name_of("data/go/1.jsonl", ["data/*/*.jsonl"])
    ('go/1.jsonl', 'go/1.jsonl')
    """
    for path in paths:
        path = path if store.is_remote(path) else os.path.expanduser(path.removeprefix("file://"))
        wildcard = _WILDCARD.search(path)
        literal = path[: wildcard.start()] if wildcard else path
        folder = literal if not wildcard and url != path else literal[: literal.rfind("/") + 1]
        folder = folder and folder.rstrip("/") + "/"
        if url.startswith(folder):
            return url[len(folder) :]
    return url.rpartition("/")[2]


def row_name(row: Row, paths: Sequence[str]) -> str:
    """The name of a document that has none of its own: its file's and its row's number."""
    return f"{name_of(row.file, paths)}#{row.number}"


def known(key: str, names: Sequence[str], allowed: Sequence[str]) -> None:
    """Raises `UserError` if a setting names something that does not exist."""
    for name in names:
        require(
            name in allowed,
            f"`{key}`: there is no {name!r}{did_you_mean(name, allowed)}; there is: "
            f"{', '.join(allowed)}.",
        )


def _columns(unit: Unit) -> list[str] | None:
    """The keys of the first rows; None if none of them can be read."""
    names: dict[str, None] = {}
    rows = json_lines.read(unit, limit_bytes=10_000_000)
    for _, row in zip(range(_LOOKED_AT), rows, strict=False):
        if isinstance(row, Row):
            names.update(dict.fromkeys(row.values))
    return list(names) or None


def _lacks(
    url: str, needed: Sequence[str | tuple[str, ...]], columns: Sequence[str]
) -> UserError | None:
    for choices in needed:
        choices = (choices,) if isinstance(choices, str) else choices
        if not any(name in columns or name.partition(".")[0] in columns for name in choices):
            names = " or ".join(map(repr, choices))
            return UserError(
                f"{url} has no column {names}{did_you_mean(choices[0], columns)}; it has: "
                f"{', '.join(columns)}. Name another column or file, or another `kind` of source."
            )
    return None


def _shortest(endings: Sequence[str]) -> list[str]:
    return [e for e in endings if not e.endswith(tuple(COMPRESSIONS))]
