# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 3, a map: the documents that no other replaces.

Leaves ``<part>.jsonl.zst``, the documents that stay, and, if the recipe asks for it,
``<part>.dropped.jsonl.zst``. Its figures say how many bytes every source, language and side of the
split has, from which the shares that are taken of each are computed (`data_prep.sample`).
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep import split
from data_prep.document import Document
from data_prep.document_file import dump_line, read_file, writing
from data_prep.ledger import Outcome, Task, code_of, digest
from data_prep.recipe import Recipe
from data_prep.stages import exact_duplicates, mark
from data_prep.stages.exact_duplicates import REASONS
from data_prep.stages.read import DROPPED

STAGE = "survivors"


def plan(
    recipe: Recipe, parts: Sequence[Outcome], folder: Path, marks: Sequence[Sequence[Path]]
) -> list[Task]:
    """One task for each part read.

    Args:
        recipe: The recipe.
        parts: Outcomes of the ``read`` stage.
        folder: Its folder.
        marks: For each part the files that say which rows are lost to duplicates.
    """
    shared = digest(
        code_of(__name__, exact_duplicates, mark, split),
        recipe.section("split"),
        recipe.seed,
        recipe.keep_dropped,
    )
    return [
        Task(
            stage=STAGE,
            part=f"{number:05}",
            inputs=digest(shared, part.digest, [file.read_bytes().hex() for file in marks[number]]),
            weight=part.figures["bytes"],
            function=keep,
            arguments={
                "documents": folder / part.files[0],
                "marks": marks[number],
                "recipe": recipe,
            },
        )
        for number, part in enumerate(parts)
    ]


def keep(
    folder: Path, part: str, *, documents: Path, marks: Sequence[Path], recipe: Recipe
) -> Outcome:
    """Passes on what is not lost to a duplicate."""
    lost = mark.lost_rows(marks)
    count = _Counts(recipe)
    names = [f"{part}.jsonl.zst"]
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(writing(folder / names[0]))
        dropped = None
        if recipe.keep_dropped:
            names.append(f"{part}.{DROPPED}")
            dropped = stack.enter_context(writing(folder / names[1]))
        for row, record in enumerate(read_file(documents)):
            found = REASONS[lost[row]] if row in lost else Document.from_dict(record)
            if isinstance(found, Document):
                count.keep(found)
                kept.write(dump_line(found.to_dict()))
            else:
                count.dropped[found][record["language"]] += 1
                if dropped is not None:
                    dropped.write(dump_line({**record, "reason": found}))
        set_aside = {names[1]: dropped.digest} if dropped is not None else {}
        figures = {"documents": kept.num_lines, "set_aside": set_aside, **count.figures()}
        return Outcome(tuple(names), kept.digest, figures)


class _Counts:
    """The figures of a part."""

    def __init__(self, recipe: Recipe) -> None:
        self._seed = recipe.seed
        self._split = recipe.split
        self.dropped: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        # side -> source -> language -> bytes, and the number of documents of each side
        self._bytes: dict[str, dict[str, dict[str, int]]] = {side: {} for side in split.SPLITS}
        self._documents: collections.Counter[str] = collections.Counter()
        self._smallest_draw = 1.0

    def keep(self, document: Document) -> None:
        draw = split.split_draw(self._seed, split.unit_of(document, self._split.by))
        side = split.split_of(draw, self._split.validation)
        sizes = self._bytes[side].setdefault(document.source, {})
        sizes[document.language] = sizes.get(document.language, 0) + len(document.data)
        self._documents[side] += 1
        self._smallest_draw = min(self._smallest_draw, draw)

    def figures(self) -> dict[str, Any]:
        return {
            "dropped": {reason: dict(counts) for reason, counts in self.dropped.items()},
            "bytes": self._bytes,
            "sides": {side: self._documents[side] for side in split.SPLITS},
            "smallest_draw": self._smallest_draw,
        }
