# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 3, the first half of the shuffle: every document to the part that it is packed in.

Leaves one file for each part read, ``<part>.frames``: for every destination one zstd frame of
documents, all in one file (as Spark's sort-based shuffle does), so that the number of files does
not grow with the product of both counts.
"""

from __future__ import annotations

import collections
import io
import itertools
from collections.abc import Sequence
from pathlib import Path

from data_prep import split
from data_prep.document_file import compress_lines, dump_line, read_file
from data_prep.ledger import Outcome, Task, code_of, digest
from data_prep.recipe import Recipe
from data_prep.split import SPLITS, part_name, part_of, split_draw, split_of
from foundry_plugins.contract.files import atomic_path

STAGE = "scatter"


def num_parts(recipe: Recipe, kept: Outcome) -> dict[str, int]:
    """How many parts each side is packed in: decided by its bytes, never by the workers."""
    return {
        side: max(1, -(-kept.figures["bytes"][side] // recipe.shards.part_bytes)) for side in SPLITS
    }


def plan(
    recipe: Recipe, parts: Sequence[Outcome], read_folder: Path, kept: Outcome, kept_folder: Path
) -> list[Task]:
    """One task for each part read."""
    counts = num_parts(recipe, kept)
    all_kept = io.BytesIO((kept_folder / kept.files[0]).read_bytes())
    tasks = []
    for number, part in enumerate(parts):
        # Which rows stay is known for all parts at once; only this part's rows are its input.
        mask = all_kept.read(part.figures["documents"])
        arguments = {
            "documents": read_folder / part.files[0],
            "mask": mask,
            "seed": recipe.seed,
            "validation_share": recipe.split.validation,
            "num_parts": counts,
        }
        inputs = digest(
            code_of(__name__, split),
            part.digest,
            mask.hex(),
            recipe.seed,
            recipe.split.validation,
            counts,
        )
        weight = part.figures["bytes"]
        tasks.append(Task(STAGE, f"{number:05}", inputs, weight, scatter, arguments))
    return tasks


def scatter(
    folder: Path,
    part: str,
    *,
    documents: Path,
    mask: bytes,
    seed: int,
    validation_share: float,
    num_parts: dict[str, int],
) -> Outcome:
    """Sorts one part's documents by destination.

    Figures: for every destination ``[offset, length, SHA-256 of the content, bytes of text]``.
    """
    lines: dict[str, list[bytes]] = collections.defaultdict(list)
    text_bytes: collections.Counter[str] = collections.Counter()
    for record in itertools.compress(read_file(documents), mask):
        path = record["path"]
        side = split_of(split_draw(seed, path), validation_share)
        destination = part_name(side, part_of(seed, path, num_parts[side]))
        lines[destination].append(dump_line({**record, "split": side}))
        text_bytes[destination] += len(record["text"].encode())
    index = {}
    name = f"{part}.frames"
    with atomic_path(folder / name) as partial, partial.open("wb") as handle:
        for destination in sorted(lines):
            frame, content = compress_lines(lines[destination])
            index[destination] = [handle.tell(), len(frame), content, text_bytes[destination]]
            handle.write(frame)
    return Outcome((name,), digest(index), index)
