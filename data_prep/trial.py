# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A small run of a recipe, to say what a whole one would do and to look at what it keeps.

A few units of every source, drawn by hash, are read up to a limit and go through all stages into a
folder that is removed afterwards. What was measured is scaled by bytes, source by source. A unit
that was read in part counts by its text; where it is compressed, its ratio is taken from the text
that was read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_prep import cleaning, pipeline
from data_prep.engines.local import LocalEngine
from data_prep.ledger import Ledger, Outcome, Task, exclusive, size_of
from data_prep.recipe import Recipe, Step
from data_prep.recipe_sections import Split
from data_prep.sources import Unit
from data_prep.stages import read, vocabulary
from foundry_plugins.contract.errors import require
from foundry_plugins.contract.stateless_hash import hash64

_COMPRESSED = (".gz", ".zst", ".xz", ".bz2", ".parquet")
# Text to what column stores and compressors make of it, if nothing was read to measure it.
_USUAL_RATIO = 4.0
_VALIDATION = 0.05


@dataclasses.dataclass(frozen=True)
class Source:
    """What there is of a source.

    Attributes:
        units: Files or row groups.
        num_bytes: Their bytes as stored.
        text_bytes: Text that the trial read.
        scale: All of it over what the trial read.
    """

    units: int
    num_bytes: int
    text_bytes: int
    scale: float


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a trial found.

    Attributes:
        folder: Its output folder, as that of a run.
        report: Its `data_prep.report`.
        sources: What there is in all.
        work_bytes: Bytes it left in its work folder.
    """

    folder: Path
    report: dict[str, Any]
    sources: dict[str, Source]
    work_bytes: int

    @property
    def scale(self) -> float:
        """All bytes of text over those of the trial."""
        total = sum(source.text_bytes * source.scale for source in self.sources.values())
        return total / max(sum(source.text_bytes for source in self.sources.values()), 1)


@contextlib.contextmanager
def trial(recipe: Recipe, sample_bytes: int) -> Iterator[Trial]:
    """Runs a recipe on a sample.

    Args:
        recipe: The recipe.
        sample_bytes: About how much text to read.
    """
    cleaning.benchmarks(recipe)
    vocabulary.check(recipe)
    units = {step.name: list(read.units_of(step)) for step in recipe.sources}
    for name, found in units.items():
        require(bool(found), f"`sources.{name}` holds no file.")
    with tempfile.TemporaryDirectory(prefix="convert_dataset-") as folder:
        # A sample has few repeated pairs, so it cannot fill a large vocabulary.
        vocab_size = recipe.tokenizer.vocab_size
        if vocab_size is not None:
            vocab_size = min(vocab_size, 400 + sample_bytes // 400)
        small = dataclasses.replace(
            recipe,
            output=Path(folder),
            keep_dropped=True,
            # Of a few hundred documents one in a thousand is none.
            split=Split(validation=max(recipe.split.validation, _VALIDATION)),
            tokenizer=dataclasses.replace(recipe.tokenizer, vocab_size=vocab_size),
        )
        tasks: list[Task] = []
        for step in recipe.sources:
            chosen = _chosen(recipe, step, units[step.name], sample_bytes // len(units))
            decided_by = read.inputs_of(small, step)
            for units_read, limit in chosen:
                number = len(tasks)
                tasks.append(read.task(small, step, decided_by, units_read, number, limit))
        with exclusive(small.output) as ledger, LocalEngine(recipe.num_workers) as engine:
            content = pipeline.Conversion(small, ledger, engine).run(tasks)
            outcomes = [ledger.done(task) for task in tasks]
            yield Trial(
                folder=Path(folder),
                report=content,
                sources={
                    step.name: _source(ledger, step, tasks, outcomes, units[step.name])
                    for step in recipe.sources
                },
                work_bytes=size_of(ledger.work) or 0,
            )


def _chosen(
    recipe: Recipe, step: Step, units: list[Unit], budget: int
) -> list[tuple[list[Unit], int]]:
    """Units drawn by hash, divided among the workers, with a limit of text for each."""

    def draw(unit: Unit) -> tuple[int, str, int]:
        return hash64(recipe.seed, step.name, unit.path, unit.part, "trial"), unit.path, unit.part

    drawn = sorted((unit for unit in units if unit.size), key=draw) or units
    size, count = 0, 0
    while count < len(drawn) and (size < budget or count < recipe.num_workers):
        size += drawn[count].size
        count += 1
    num_groups = min(recipe.num_workers, count)
    groups = [drawn[:count][n::num_groups] for n in range(num_groups)]
    return [(group, max(budget // num_groups, 1)) for group in groups]


def _source(
    ledger: Ledger,
    step: Step,
    tasks: list[Task],
    outcomes: list[Outcome | None],
    units: list[Unit],
) -> Source:
    """How much of a source the trial read."""
    stored = text = 0.0
    for task, outcome in zip(tasks, outcomes, strict=True):
        if outcome is None or task.arguments["source"] != step:
            continue
        found = outcome.figures["text_bytes"]
        text += found
        if outcome.figures["is_whole"]:
            stored += task.weight
        else:
            documents = size_of(ledger.folder(read.STAGE) / outcome.files[0]) or 0
            measured = outcome.figures["bytes"] / documents if documents > 1000 else _USUAL_RATIO
            ratio = measured if units[0].path.endswith(_COMPRESSED) else 1.0
            stored += min(task.weight, found / ratio)
    num_bytes = sum(unit.size for unit in units)
    return Source(
        units=len(units),
        num_bytes=num_bytes,
        text_bytes=int(text),
        scale=num_bytes / max(stored, 1),
    )
