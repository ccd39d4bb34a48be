# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The order of the stages, and what makes a conversion impossible."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from data_prep import cleaning, progress, report, store, upload
from data_prep.engines import ROWS, Engine, Shuffle
from data_prep.engines.local import LocalEngine
from data_prep.engines.spark import SparkEngine
from data_prep.ledger import Ledger, Outcome, Task, exclusive
from data_prep.licenses.opt_out import OptOut
from data_prep.provenance import removed
from data_prep.recipe import Recipe, Step
from data_prep.split import SPLITS, TRAIN, VALIDATION
from data_prep.stages import (
    exact_duplicates,
    look_up,
    mark,
    near_duplicates,
    proof,
    publish,
    read,
    shards,
    shuffle,
    survivors,
    vocabulary,
)
from data_prep.tokenizers.proof import COMPILED, LIBRARY
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import remove, write_json

_log = logging.getLogger(__name__)


def run(recipe: Recipe) -> dict[str, Any]:
    """Does what is not done yet, prints progress, returns the report.

    Raises:
        UserError: if the recipe, the files or the machine do not allow it.
    """
    if recipe.upload is not None:
        store.files_below(recipe.upload)
    if recipe.dedup.is_off:
        print(f"Warning: {recipe.dedup.across_splits}", flush=True)
    with conversion(recipe) as (stages, tasks):
        content = stages.run(tasks)
    if recipe.upload is not None:
        content["upload"] = upload.publish(recipe.output, recipe.upload)
    return content


@contextlib.contextmanager
def conversion(recipe: Recipe) -> Iterator[tuple[Conversion, list[Task]]]:
    """The stages of a recipe over its output folder, and the tasks of the first.

    Raises:
        UserError: for all that can be told before the output folder is touched.
    """
    cleaning.benchmarks(recipe)
    vocabulary.check(recipe)
    opted_out = OptOut.read(recipe.opt_out) if recipe.opt_out else None
    # What was removed from this output must not come back.
    removed.require_covered(recipe.output, opted_out)
    tasks = read.plan(recipe)
    if not tasks:
        raise UserError(f"{_sources(recipe)} holds no file; {_choose_source(recipe)}.")
    for path in (Path(path).expanduser() for step in recipe.sources for path in _paths(step)):
        if path.resolve() == recipe.output.resolve():
            raise UserError(
                f"`{recipe.key('output')}` is the source folder itself, {recipe.output}; set it "
                "to another folder."
            )
    with exclusive(recipe.output) as ledger, _engine(recipe) as engine:
        yield Conversion(recipe, ledger, engine), tasks


def _engine(recipe: Recipe) -> LocalEngine | SparkEngine:
    return (
        SparkEngine(recipe.spark) if recipe.engine == "spark" else LocalEngine(recipe.num_workers)
    )


class Conversion:
    """One run over one output folder."""

    def __init__(self, recipe: Recipe, ledger: Ledger, engine: Engine) -> None:
        self.recipe = recipe
        self.ledger = ledger
        self.engine = engine
        self.seconds: dict[str, float] = {}
        self.num_run = 0

    def run(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """All stages in order; ``tasks`` are those of the first."""
        start = time.monotonic()
        read_parts, cleaned, gathered = self._documents(tasks)
        learned = self._vocabulary(gathered)
        packed = self._pack(gathered, learned)
        tasks = look_up.plan(packed, self.ledger.folder(shards.STAGE))
        (looked_up,) = self.stage("index documents", tasks)
        outcomes = (read_parts, cleaned, gathered, learned, packed, looked_up)
        self._publish(publish.plan(self.recipe, self.ledger.work, *outcomes))
        path = self.recipe.output / report.REPORT_FILE
        if self.num_run == 0 and path.is_file():
            print("Nothing was left to do; the figures are those of the run that did it.")
            return json.loads(path.read_text(encoding="utf-8"))
        self.seconds["total"] = time.monotonic() - start
        content = report.build(
            self.recipe,
            read=read_parts,
            cleaned=cleaned,
            gathered=gathered,
            learned=learned,
            packed=packed,
            seconds=self.seconds,
        )
        write_json(path, content)
        return content

    def _documents(
        self, tasks: Sequence[Task]
    ) -> tuple[list[Outcome], list[Outcome], list[Outcome]]:
        """From files to shuffled documents."""
        recipe, folder = self.recipe, self.ledger.folder
        parts = self.stage("read and filter", tasks)
        self._require_readable(parts)
        self._require_documents(parts)
        marks = self._duplicates(parts)
        tasks = survivors.plan(recipe, parts, folder(read.STAGE), marks)
        cleaned = self.stage("drop duplicates", tasks)
        self._require_both_sides(cleaned)
        plan = shuffle.plan(recipe, parts, cleaned, folder(read.STAGE), marks)
        gathered = self.shuffle("shuffle", plan)
        # A part that nothing was drawn for has nothing to pack.
        gathered = [part for part in gathered if part.figures["documents"]]
        self._require_sample(gathered)
        return parts, cleaned, gathered

    def _duplicates(self, parts: Sequence[Outcome]) -> list[list[Path]]:
        """For each part the files that say which of its rows are lost."""
        recipe, folder = self.recipe, self.ledger.folder
        marks: list[list[Path]] = [[] for _ in parts]
        if recipe.dedup.exact or recipe.dedup.normalized:
            plan = exact_duplicates.plan(recipe, parts, folder(read.STAGE))
            losers = self.shuffle("find exact duplicates", plan)
            self._mark(exact_duplicates.STAGE, losers, marks)
        if recipe.dedup.near is not None:
            losers = near_duplicates.run(self, recipe, parts, folder(read.STAGE), marks)
            self._mark(near_duplicates.STAGE, losers, marks)
        return marks

    def _mark(self, search: str, losers: Sequence[Outcome], marks: list[list[Path]]) -> None:
        stage, folder = f"{search}_marks", self.ledger.folder
        plan = mark.plan(stage, len(marks), losers, folder(search))
        for files, outcome in zip(marks, self.shuffle("mark them", plan), strict=True):
            files.append(folder(stage) / outcome.files[0])

    def learn(self, tasks: Sequence[Task]) -> tuple[list[Outcome], Outcome]:
        """All stages up to the tokenizer: the parts of documents, the tokenizer."""
        _, _, gathered = self._documents(tasks)
        return gathered, self._vocabulary(gathered)

    def _vocabulary(self, gathered: Sequence[Outcome]) -> Outcome:
        recipe, documents = self.recipe, self.ledger.folder(shuffle.STAGE)
        (learned,) = self.stage("train tokenizer", vocabulary.plan(recipe, gathered, documents))
        plan = proof.plan(recipe, gathered, documents, learned, COMPILED)
        found = proof.united(self.stage("prove it", plan))
        if found.encoder == LIBRARY:
            _log.warning(
                "Encoding with the tokenizers library, several times slower: %s.", found.reason
            )
            plan = proof.plan(recipe, gathered, documents, learned, LIBRARY)
            again = proof.united(self.stage("prove it by the library", plan))
            found = dataclasses.replace(again, reason=found.reason)
        return proof.proven(learned, found)

    def _pack(self, gathered: Sequence[Outcome], learned: Outcome) -> list[Outcome]:
        """From documents to shards."""
        folder = self.ledger.folder
        documents, tokenizer = folder(shuffle.STAGE), folder(vocabulary.STAGE)
        tasks = shards.plan(self.recipe, gathered, documents, learned, tokenizer)
        return self.stage("tokenize and pack", tasks)

    def _publish(self, tasks: Sequence[Task]) -> None:
        for folder in publish.SET_ASIDE:
            # What an earlier recipe had set aside, and this one does not.
            if folder not in {task.part for task in tasks}:
                remove(self.recipe.output / folder)
        stale = [task for task in tasks if self.ledger.done(task) is None]
        # Unreadable before any is replaced: old and new must not mix.
        for task in stale:
            remove(self.recipe.output / task.part / publish.INDEX_FILE)
        if stale:
            remove(self.recipe.output / report.REPORT_FILE)
        self.stage("publish", tasks)

    def stage(self, label: str, tasks: Sequence[Task]) -> list[Outcome]:
        """Runs the tasks that are not done; outcomes of all, in order."""

        def work(todo: Sequence[Task]) -> list[Outcome]:
            with progress.showing(label, [task.weight for task in todo]) as watch:
                return self.engine.map(self.ledger, todo, watch)

        return self._run(label, tasks, work)

    def shuffle(self, label: str, plan: Shuffle) -> list[Outcome]:
        """Runs the groups of a shuffle that are not done; outcomes of all, in order."""

        def work(todo: Sequence[Task]) -> list[Outcome]:
            return self.engine.group(self.ledger, plan, todo, label, progress.showing)

        outcomes = self._run(label, plan.tasks(), work)
        # The largest files of all, and nothing reads them again.
        self.ledger.tidy(f"{plan.stage}{ROWS}", ())
        return outcomes

    def _run(
        self, label: str, tasks: Sequence[Task], work: Callable[[Sequence[Task]], list[Outcome]]
    ) -> list[Outcome]:
        start = time.monotonic()
        stage = tasks[0].stage
        self.ledger.tidy(stage, [task.part for task in tasks])
        outcomes = {task.part: self.ledger.done(task) for task in tasks}
        todo = [task for task in tasks if outcomes[task.part] is None]
        if todo:
            results = work(todo)
            outcomes.update(zip((task.part for task in todo), results, strict=True))
        self.num_run += len(todo)
        self.seconds[stage] = time.monotonic() - start
        line = progress.done_line(
            label,
            parts=len(tasks),
            ran=len(todo),
            num_bytes=sum(task.weight for task in todo),
            seconds=self.seconds[stage],
        )
        print(line, flush=True)
        return [outcome for outcome in outcomes.values() if outcome is not None]

    def _require_readable(self, parts: Sequence[Outcome]) -> None:
        limit = self.recipe.limits.bad_share
        rows = sum(part.figures["files"] for part in parts)
        bad = report.bad_rows(parts)
        if limit is None or bad.total() <= limit * rows:
            return
        raise UserError(
            f"{bad.total()} of {rows} rows cannot be read ({report.by_reason(bad)}), more than "
            f"`{self.recipe.key('limits.bad_share')}` = {limit} allows; they are listed in "
            f"{self.ledger.folder(read.STAGE)}/*.bad.jsonl."
        )

    def _require_documents(self, parts: Sequence[Outcome]) -> None:
        if any(part.figures["documents"] for part in parts):
            return
        files = sum(part.figures["files"] for part in parts)
        raise UserError(
            f"None of the {files} files in {_sources(self.recipe)[4:]} is left after filtering "
            f"({report.by_reason(report.dropped(parts) + report.bad_rows(parts))}); loosen "
            f"`filters` or {_choose_source(self.recipe)}."
        )

    def _require_both_sides(self, cleaned: Sequence[Outcome]) -> None:
        counts = {side: sum(o.figures["sides"][side] for o in cleaned) for side in SPLITS}
        total = sum(counts.values())
        key = self.recipe.key("split.validation")
        share = self.recipe.split.validation
        if total <= 1:
            raise UserError(
                f"Only {'one document is' if total else 'no document is'} left, and training and "
                f"validation need one each; add files or {_choose_source(self.recipe)}."
            )
        if not counts[VALIDATION]:
            # The smallest share, in thousandths, that holds out at least one document.
            smallest = min(outcome.figures["smallest_draw"] for outcome in cleaned)
            enough = math.floor(smallest * 1000 + 1) / 1000
            raise UserError(
                f"None of the {total} documents was drawn for validation at a share of {share}; "
                f"set `{key}={enough}` or more, or add files."
            )
        if not counts[TRAIN]:
            raise UserError(
                f"All {total} documents were drawn for validation at a share of {share}; "
                f"set `{key}` lower or add files."
            )

    def _require_sample(self, gathered: Sequence[Outcome]) -> None:
        for side in SPLITS:
            if not any(outcome.files[0].startswith(side) for outcome in gathered):
                raise UserError(
                    f"No {side} document is left by `sample` and the weights of `sources`; raise "
                    "the limits or add files."
                )


def _paths(source: Step) -> Sequence[str]:
    """Where a source is, as its recipe says it."""
    return source.settings.get("paths") or [source.settings["path"]]


def _sources(recipe: Recipe) -> str:
    paths = [path for step in recipe.sources for path in _paths(step)]
    return f"The source {' and '.join(paths)}"


def _choose_source(recipe: Recipe) -> str:
    first = recipe.sources[0]
    name = "paths" if "paths" in first.settings else "path"
    key = recipe.key(f"sources.{first.name}.{name}")
    return f"set `{key}` to a folder of source code"
