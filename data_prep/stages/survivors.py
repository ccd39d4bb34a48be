# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 3, a map: how much is left of each part when its duplicates are gone.

Its figures say how many bytes every source, language and side of the split has, from which the
shares that are taken of each are computed (`data_prep.sample`). Copies nothing: the next stage
passes over the same rows. Leaves ``<part>.dropped.jsonl.zst`` if the recipe asks for it.
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep import document_parts, split
from data_prep.document import Document
from data_prep.document_file import dump_line, writing
from data_prep.document_parts import NUM_BYTES
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
        code_of(__name__, document_parts, exact_duplicates, mark, split),
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
                "texts": folder / part.files[0],
                "fields": folder / part.files[1],
                "content": part.digest,
                "marks": marks[number],
                "recipe": recipe,
            },
        )
        for number, part in enumerate(parts)
    ]


def keep(
    folder: Path,
    part: str,
    *,
    texts: Path,
    fields: Path,
    content: str,
    marks: Sequence[Path],
    recipe: Recipe,
) -> Outcome:
    """Counts what is not lost to a duplicate, and sets aside what is.

    Args:
        folder: Where its file goes.
        part: Its name.
        texts: The part's texts.
        fields: Their fields.
        content: Digest of both.
        marks: Files that say which rows are lost.
        recipe: The recipe.
    """
    lost = mark.lost_rows(marks)
    count = _Counts(recipe)
    for row, (_, record) in enumerate(document_parts.read_fields(fields)):
        if row in lost:
            count.dropped[REASONS[lost[row]]][record["language"]] += 1
        else:
            count.keep(record)
    names = [f"{part}.{DROPPED}"] if recipe.keep_dropped else []
    set_aside = {name: _write_dropped(folder / name, texts, fields, lost) for name in names}
    figures = {"set_aside": set_aside, **count.figures()}
    return Outcome(tuple(names), digest(content, sorted(lost)), figures)


def _write_dropped(path: Path, texts: Path, fields: Path, lost: dict[int, int]) -> str:
    """Writes the lost documents; the digest of their lines."""
    with writing(path) as dropped:
        for row, (_, record, frame) in enumerate(document_parts.read(texts, fields)):
            if row in lost:
                found = document_parts.record_of(record, frame)
                dropped.write(dump_line({**found, "reason": REASONS[lost[row]]}))
    return dropped.digest


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

    def keep(self, record: dict[str, Any]) -> None:
        document = Document.from_dict({**record, "text": ""})
        draw = split.split_draw(self._seed, split.unit_of(document, self._split.by))
        side = split.split_of(draw, self._split.validation)
        sizes = self._bytes[side].setdefault(document.source, {})
        sizes[document.language] = sizes.get(document.language, 0) + record[NUM_BYTES]
        self._documents[side] += 1
        self._smallest_draw = min(self._smallest_draw, draw)

    def figures(self) -> dict[str, Any]:
        return {
            "documents": self._documents.total(),
            "dropped": {reason: dict(counts) for reason, counts in self.dropped.items()},
            "bytes": self._bytes,
            "sides": {side: self._documents[side] for side in split.SPLITS},
            "smallest_draw": self._smallest_draw,
        }
