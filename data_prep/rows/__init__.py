# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets whose documents are rows: lines of JSON under any compression, and parquet files.

`files` lists them, `lines`, `json_lines` and `parquet` read them in bounded memory, `fields` takes
typed values out of a row, `documents` makes documents of them. Whatever is wrong with the data
becomes a `data_prep.document.BadRow`; only a wrong recipe raises.
"""

from __future__ import annotations

import dataclasses
from typing import Any

# A text of this size is data. Reading it would only cost memory, whatever the filters say.
LIMIT_BYTES = 100_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        file: The file it is in, as errors name it.
        number: Its row or line in there, counted from 0.
        values: Column to value. Columns that the file lacks are not there.
    """

    file: str
    number: int
    values: dict[str, Any]


class BadField(Exception):
    """A row that cannot be used; becomes a `data_prep.document.BadRow` before anyone sees it.

    Attributes:
        reason: One word, as in `data_prep.document.BadRow`.
        detail: What is wrong with which field.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
