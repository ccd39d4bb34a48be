# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2, a reduce by text: which documents stay.

Reads only the `KEY` records of the parts, 48 bytes a document. Leaves ``all.kept``: one byte a
document, 1 if it stays, in the order of the parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data_prep.dedup import exact
from data_prep.ledger import Outcome, Task, code_of, digest
from data_prep.recipe import Recipe
from data_prep.split import SPLITS, TRAIN, VALIDATION
from foundry_plugins.contract.files import atomic_path

STAGE = "deduplicate"


def plan(recipe: Recipe, parts: Sequence[Outcome], keys: Path) -> list[Task]:
    """A single task.

    Args:
        recipe: The recipe.
        parts: Outcomes of the ``read`` stage.
        keys: That stage's folder.
    """
    share = recipe.split.validation
    arguments = {
        "files": [keys / name for part in parts for name in part.files if name.endswith(".keys")],
        "exact_text": recipe.dedup.exact,
        "validation_share": share,
    }
    inputs = digest(
        code_of(__name__, exact), recipe.dedup.exact, share, [part.digest for part in parts]
    )
    weight = sum(part.figures["documents"] for part in parts) * exact.KEY.itemsize
    return [Task(STAGE, "all", inputs, weight, deduplicate, arguments)]


def deduplicate(
    folder: Path, part: str, *, files: list[Path], exact_text: bool, validation_share: float
) -> Outcome:
    """Marks the first document of every group of equal ones, and counts both sides of the split."""
    import numpy as np

    tables = [np.fromfile(file, dtype=exact.KEY) for file in files]
    keys = np.concatenate(tables)
    kept = exact.first_of_each(keys["digest"]) if exact_text else np.ones(len(keys), dtype=bool)
    held_out = keys["draw"] < validation_share
    sides = {TRAIN: kept & ~held_out, VALIDATION: kept & held_out}
    name = f"{part}.kept"
    with atomic_path(folder / name) as partial:
        partial.write_bytes(kept.astype("u1").tobytes())
    figures = {
        "duplicates": int((~kept).sum()),
        "documents": {side: int(sides[side].sum()) for side in SPLITS},
        "bytes": {side: int(keys["num_bytes"][sides[side]].sum()) for side in SPLITS},
        "smallest_draw": float(keys["draw"][kept].min()) if kept.any() else None,
    }
    content = digest(kept.astype("u1").tobytes().hex(), validation_share)
    return Outcome((name,), content, figures)
