# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2, a reduce by text: exact duplicates.

Groups are ranges of the digest. Of documents with equal digests the one of the smallest rank stays
(`data_prep.dedup.keep_rules`), the first read among equals. Leaves ``<group>.losers``, an array
of `LOSER`; so does the search for near-duplicates, and `data_prep.stages.mark` sorts both back
into the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_prep.dedup import exact, keep_rules, keys
from data_prep.engines import GROUP, Emit, Shuffle
from data_prep.ledger import Outcome, code_of, digest
from data_prep.recipe import Recipe
from data_prep.stages import arrays

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "exact_duplicates"
EXACT, NORMALIZED, NEAR = 1, 2, 3
REASONS = {EXACT: "exact_duplicate", NORMALIZED: "normalized_duplicate", NEAR: "near_duplicate"}

LOSER = np.dtype(
    [
        ("id", "<i8"),  # data_prep.dedup.keys.document_id
        ("kept", "<i8"),  # the document that stays in its place
        ("reason", "<i8"),  # a key of REASONS
    ]
)
_WORD = np.dtype("<u8")
_COLUMNS = {
    "normalized": "binary",
    "digest": "binary",
    "rank0": "double",
    "rank1": "double",
    "rank2": "double",
    "id": "int64",
}


def plan(recipe: Recipe, parts: Sequence[Outcome], folder: Path) -> Shuffle:
    """A shuffle of all keys."""
    normalized = recipe.dedup.normalized
    total = sum(part.figures["documents"] for part in parts) * keys.KEY.itemsize
    num_groups = arrays.num_groups(total)
    emits = [
        Emit(
            inputs=part.digest,
            weight=part.figures["documents"] * keys.KEY.itemsize,
            arguments={
                "file": folder / f"{number:05}.keys",
                "part": number,
                "num_groups": num_groups,
                "normalized": normalized,
            },
        )
        for number, part in enumerate(parts)
    ]
    return Shuffle(
        stage=STAGE,
        emits=emits,
        emit=emit,
        columns=_COLUMNS,
        order=("normalized", "rank0", "rank1", "rank2", "id"),
        parts=arrays.group_names(num_groups),
        reduce=reduce,
        arguments={"width": _num_words("normalized" if normalized else "digest")},
        inputs=digest(code_of(__name__, arrays, exact, keys, keep_rules), recipe.section("dedup")),
    )


def emit(*, file: Path, part: int, num_groups: int, normalized: bool) -> Iterator[pa.Table]:
    """One part's keys. ``normalized`` holds what is compared."""
    import pyarrow as pa

    table = np.fromfile(file, dtype=keys.KEY)
    compared = _words(table["normalized" if normalized else "digest"])
    yield pa.table(
        {
            GROUP: arrays.ranges(compared[:, 0], num_groups),
            "normalized": arrays.binary_column(compared),
            "digest": arrays.binary_column(_words(table["digest"])),
            **{f"rank{n}": np.ascontiguousarray(table["rank"][:, n]) for n in range(3)},
            "id": keys.document_id(part, 0) + np.arange(len(table), dtype=np.int64),
        }
    )


def reduce(folder: Path, part: str, table: pa.Table, *, width: int) -> Outcome:
    """Marks all but the first of every run of equal keys of ``width`` words."""
    compared = arrays.binary_rows(table["normalized"], _WORD, width)
    texts = arrays.binary_rows(table["digest"], _WORD, _num_words("digest"))
    ids = table["id"].to_numpy()
    starts = np.ones(len(ids), dtype=bool)
    starts[1:] = (compared[1:] != compared[:-1]).any(axis=1)
    kept = np.flatnonzero(starts)[np.cumsum(starts) - 1] if len(ids) else np.zeros(0, np.int64)
    lost = ~starts
    losers = np.zeros(int(lost.sum()), dtype=LOSER)
    losers["id"] = ids[lost]
    losers["kept"] = ids[kept][lost]
    same = (texts == texts[kept]).all(axis=1)[lost] if len(ids) else np.zeros(0, bool)
    losers["reason"] = np.where(same, EXACT, NORMALIZED)
    return write_losers(folder, part, losers)


def write_losers(folder: Path, part: str, losers: np.ndarray) -> Outcome:
    """Saves an array of `LOSER` by ascending id."""
    losers = losers[np.argsort(losers["id"], kind="stable")]
    return arrays.write(folder, f"{part}.losers", losers, {"losers": len(losers)})


def _num_words(field: str) -> int:
    return keys.KEY[field].itemsize // _WORD.itemsize


def _words(digests: np.ndarray) -> np.ndarray:
    """Digests as rows of words."""
    return np.frombuffer(digests.tobytes(), _WORD).reshape(-1, digests.itemsize // _WORD.itemsize)
