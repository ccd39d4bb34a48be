# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""After every search for duplicates, a reduce by part: which rows of each part are lost.

Leaves ``<part>.marks``, an array of `data_prep.stages.exact_duplicates.LOSER` by ascending id, for
every part read. The marks of one search are handed to the next, which passes these rows over:
else a document lost to one twin could be kept in place of another, and both would be gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_prep.dedup import keys
from data_prep.engines import GROUP, Emit, Shuffle
from data_prep.ledger import Outcome, code_of, digest
from data_prep.stages.exact_duplicates import LOSER
from foundry_plugins.contract.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS = {"id": "int64", "kept": "int64", "reason": "int64"}


def plan(stage: str, num_parts: int, losers: Sequence[Outcome], folder: Path) -> Shuffle:
    """A shuffle of all losers.

    Args:
        stage: What to call this one; ``<the search>_marks``.
        num_parts: Parts read.
        losers: Outcomes of the search.
        folder: Where it left them.
    """
    emits = [
        Emit(
            inputs=outcome.digest,
            weight=outcome.figures["losers"] * LOSER.itemsize,
            arguments={"file": folder / outcome.files[0]},
        )
        for outcome in losers
    ]
    return Shuffle(
        stage=stage,
        emits=emits,
        emit=emit,
        columns=_COLUMNS,
        order=("id",),
        parts=[f"{part:05}" for part in range(num_parts)],
        reduce=reduce,
        arguments={},
        inputs=digest(code_of(__name__, keys)),
    )


def emit(*, file: Path) -> Iterator[pa.Table]:
    """The losers of one file."""
    import pyarrow as pa

    losers = np.fromfile(file, dtype=LOSER)
    columns = {name: np.ascontiguousarray(losers[name]) for name in _COLUMNS}
    yield pa.table({GROUP: losers["id"] >> 32, **columns})


def reduce(folder: Path, part: str, table: pa.Table) -> Outcome:
    """Saves one part's losers."""
    losers = np.zeros(table.num_rows, dtype=LOSER)
    for name in _COLUMNS:
        losers[name] = table[name].to_numpy()
    name = f"{part}.marks"
    with atomic_path(folder / name) as partial:
        losers.tofile(partial)
    return Outcome((name,), digest(losers.tobytes().hex()), {"losers": len(losers)})


def lost_rows(files: Sequence[Path]) -> dict[int, int]:
    """Row -> reason, from the marks of one part."""
    lost: dict[int, int] = {}
    for file in files:
        losers = np.fromfile(file, dtype=LOSER)
        rows = losers["id"] & 0xFFFFFFFF
        lost.update(zip(rows.tolist(), losers["reason"].tolist(), strict=True))
    return lost
