# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Lines of JSON with columns named in the recipe.

``.jsonl`` (``.json``, ``.ndjson``), plain or ``.gz``, ``.zst``, ``.bz2``, ``.lz4``, ``.xz``; see
`data_prep.rows.named` for ``columns``.
"""

from __future__ import annotations

from collections.abc import Iterator

from data_prep.rows import LIMIT_BYTES, files, named
from data_prep.sources import Unit


def units(
    *,
    paths: tuple[str, ...],
    columns: dict[str, str] = named.NO_COLUMNS,
    language: str | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Iterator[Unit]:
    """Lists the files; plain ones in ranges.

    Args:
        paths: Files, folders or globs.
        columns: Where things stand, e.g. ``{text: content, path: meta.file, license: license}``.
        language: Of all rows that do not say it themselves.
        limit_bytes: Largest row.

    Raises:
        UserError: if there are no such files or columns.
    """
    named.check(columns, language)
    yield from files.units(paths, needed=named.needed(columns), endings=files.JSON_LINES)


read = named.read
