# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The order of the stages, and what makes a conversion impossible."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep import progress, report
from data_prep.engines.local import LocalEngine
from data_prep.ledger import Ledger, Outcome, Task, exclusive
from data_prep.recipe import Recipe
from data_prep.split import TRAIN, VALIDATION
from data_prep.stages import deduplicate, gather, publish, read, scatter, shards, vocabulary
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import remove, write_json


def run(recipe: Recipe) -> dict[str, Any]:
    """Does what is not done yet, prints progress, returns the report.

    Raises:
        UserError: if the recipe, the files or the machine do not allow it.
    """
    # Listed before the output folder is touched: a wrong path leaves nothing behind.
    tasks = read.plan(recipe)
    if not tasks:
        raise UserError(f"{_sources(recipe)} holds no file; {_choose_source(recipe)}.")
    for step in recipe.sources:
        if Path(step.settings.get("path", "")).expanduser().resolve() == recipe.output.resolve():
            raise UserError(
                f"`{recipe.key('output')}` is the source folder itself, {recipe.output}; set it "
                "to another folder."
            )
    with exclusive(recipe.output) as ledger, LocalEngine(recipe.num_workers) as engine:
        return Conversion(recipe, ledger, engine).run(tasks)


class Conversion:
    """One run over one output folder."""

    def __init__(self, recipe: Recipe, ledger: Ledger, engine: LocalEngine) -> None:
        self.recipe = recipe
        self.ledger = ledger
        self.engine = engine
        self.seconds: dict[str, float] = {}
        self.num_run = 0

    def run(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """All stages in order; ``tasks`` are those of the first."""
        start = time.monotonic()
        read_parts, kept, gathered = self._documents(tasks)
        learned, packed = self._dataset(gathered)
        self._publish(gathered, learned, packed)
        path = self.recipe.output / report.REPORT_FILE
        if self.num_run == 0 and path.is_file():
            print("Nothing was left to do; the figures are those of the run that did it.")
            return json.loads(path.read_text(encoding="utf-8"))
        self.seconds["total"] = time.monotonic() - start
        content = report.build(
            self.recipe,
            read=read_parts,
            kept=kept,
            gathered=gathered,
            learned=learned,
            packed=packed,
            seconds=self.seconds,
        )
        write_json(path, content)
        return content

    def _documents(self, tasks: Sequence[Task]) -> tuple[list[Outcome], Outcome, list[Outcome]]:
        """From files to shuffled documents."""
        recipe, folder = self.recipe, self.ledger.folder
        parts = self.stage("read and filter", tasks)
        self._require_documents(parts)
        tasks = deduplicate.plan(recipe, parts, folder(read.STAGE))
        (kept,) = self.stage("remove duplicates", tasks)
        self._require_both_sides(kept)
        tasks = scatter.plan(recipe, parts, folder(read.STAGE), kept, folder(deduplicate.STAGE))
        scattered = self.stage("shuffle", tasks)
        tasks = gather.plan(recipe.seed, scattered, folder(scatter.STAGE))
        return parts, kept, self.stage("collect parts", tasks)

    def _dataset(self, gathered: Sequence[Outcome]) -> tuple[Outcome, list[Outcome]]:
        """From documents to shards."""
        recipe, folder = self.recipe, self.ledger.folder
        documents = folder(gather.STAGE)
        (learned,) = self.stage("train tokenizer", vocabulary.plan(recipe, gathered, documents))
        tasks = shards.plan(recipe, gathered, documents, learned, folder(vocabulary.STAGE))
        return learned, self.stage("tokenize and pack", tasks)

    def _publish(
        self, gathered: Sequence[Outcome], learned: Outcome, packed: Sequence[Outcome]
    ) -> None:
        tasks = publish.plan(self.recipe, self.ledger.work, gathered, learned, packed)
        stale = [task for task in tasks if self.ledger.done(task) is None]
        # Unreadable before any is replaced: old and new must not mix.
        for task in stale:
            remove(self.recipe.output / task.part / publish.INDEX_FILE)
        if stale:
            remove(self.recipe.output / report.REPORT_FILE)
        self.stage("publish", tasks)

    def stage(self, label: str, tasks: Sequence[Task]) -> list[Outcome]:
        """Runs the tasks that are not done; outcomes of all, in order."""
        start = time.monotonic()
        self.ledger.tidy(tasks[0].stage, [task.part for task in tasks])
        outcomes = {task.part: self.ledger.done(task) for task in tasks}
        todo = [task for task in tasks if outcomes[task.part] is None]
        if todo:
            with progress.showing(label, [task.weight for task in todo]) as watch:
                results = self.engine.map(self.ledger.execute, todo, watch)
            outcomes.update(zip((task.part for task in todo), results, strict=True))
        self.num_run += len(todo)
        self.seconds[tasks[0].stage] = time.monotonic() - start
        line = progress.done_line(
            label,
            parts=len(tasks),
            ran=len(todo),
            num_bytes=sum(task.weight for task in todo),
            seconds=self.seconds[tasks[0].stage],
        )
        print(line, flush=True)
        return [outcome for outcome in outcomes.values() if outcome is not None]

    def _require_documents(self, parts: Sequence[Outcome]) -> None:
        if any(part.figures["documents"] for part in parts):
            return
        files = sum(part.figures["files"] for part in parts)
        raise UserError(
            f"None of the {files} files in {_sources(self.recipe)[4:]} is left after filtering "
            f"({report.by_reason(report.dropped(parts))}); loosen `filters` or "
            f"{_choose_source(self.recipe)}."
        )

    def _require_both_sides(self, kept: Outcome) -> None:
        counts = kept.figures["documents"]
        total = counts[TRAIN] + counts[VALIDATION]
        key = self.recipe.key("split.validation")
        share = self.recipe.split.validation
        if total == 1:
            raise UserError(
                "Only one document is left, and training and validation need one each; "
                f"add files or {_choose_source(self.recipe)}."
            )
        if not counts[VALIDATION]:
            # The smallest share, in thousandths, that holds out at least one document.
            enough = math.floor(kept.figures["smallest_draw"] * 1000 + 1) / 1000
            raise UserError(
                f"None of the {total} documents was drawn for validation at a share of {share}; "
                f"set `{key}={enough}` or more, or add files."
            )
        if not counts[TRAIN]:
            raise UserError(
                f"All {total} documents were drawn for validation at a share of {share}; "
                f"set `{key}` lower or add files."
            )


def _sources(recipe: Recipe) -> str:
    paths = [str(step.settings.get("path", step.name)) for step in recipe.sources]
    return f"The source {' and '.join(paths)}"


def _choose_source(recipe: Recipe) -> str:
    key = recipe.key(f"sources.{recipe.sources[0].name}.path")
    return f"set `{key}` to a folder of source code"
