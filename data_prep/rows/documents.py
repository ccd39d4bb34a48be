# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents made of rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from data_prep.document import BadRow, Document, Dropped, blob_id
from data_prep.rows import BadField, Row

Found = Document | Dropped | BadRow


def documents(
    rows: Iterable[Row | BadRow], make: Callable[[Row], Document | Dropped | None]
) -> Iterator[Found]:
    """What each row becomes: ``make``'s answer (None says nothing), or a bad row.

    Args:
        rows: The rows.
        make: May raise `BadField`.
    """
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            found = make(row)
        except BadField as error:
            yield BadRow(row.file, row.number, error.reason, error.detail)
        else:
            if found is not None:
                yield found


def document(
    text: str, *, path: str, language: str, source: str, **fields: Any
) -> Document | Dropped:
    """A document, its origin being git's id of the text; or ``empty`` if there is no text."""
    if not text:
        return Dropped(path, "empty", language)
    origin = blob_id(text.encode())
    return Document(text=text, path=path, language=language, source=source, origin=origin, **fields)


@functools.lru_cache(maxsize=4096)
def canonical_licenses(names: tuple[str, ...]) -> tuple[str, ...]:
    """Licences in SPDX's spelling where they are known by it, each once, in the order given.

    >>> canonical_licenses(("mit", "Own Licence", "MIT", "NOASSERTION"))
    ('MIT', 'Own Licence')
    """
    from data_prep.licenses.spdx import canonical, says_something

    return tuple(dict.fromkeys(canonical(name) or name for name in names if says_something(name)))
