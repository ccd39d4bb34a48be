# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1, a map: units of the sources to documents that passed every filter.

Leaves ``<part>.jsonl.zst`` (the documents, in reading order) and ``<part>.keys`` (one
`data_prep.dedup.exact.KEY` a document, same order).
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from data_prep import document as document_module
from data_prep import languages
from data_prep.document import Document, Dropped
from data_prep.document_file import compress_lines, dump_line
from data_prep.ledger import Outcome, Task, code_of, digest
from data_prep.recipe import Recipe, Step
from data_prep.settings import find_module
from data_prep.sources import Unit
from data_prep.split import split_draw
from foundry_plugins.contract.files import atomic_path

STAGE = "read"


def plan(recipe: Recipe) -> list[Task]:
    """One task for every ``shards.part_bytes`` of neighbouring units of a source."""
    filters = [(step.kind, step.settings) for step in recipe.filters]
    shared = code_of(__name__, document_module, languages, *map(_filter, recipe.filters))
    tasks: list[Task] = []
    for source in recipe.sources:
        code = shared + code_of(_source(source))
        for units in _parts(_source(source).units(**source.settings), recipe.shards.part_bytes):
            stamps = [(unit.path, unit.size, unit.stamp) for unit in units]
            inputs = digest(
                code, recipe.seed, source.name, source.kind, source.settings, filters, stamps
            )
            tasks.append(
                Task(
                    stage=STAGE,
                    part=f"{len(tasks):05}",
                    inputs=inputs,
                    weight=sum(unit.size for unit in units),
                    function=read_part,
                    arguments={
                        "units": units,
                        "source": source,
                        "filters": recipe.filters,
                        "seed": recipe.seed,
                    },
                )
            )
    return tasks


def read_part(
    folder: Path, part: str, *, units: list[Unit], source: Step, filters: list[Step], seed: int
) -> Outcome:
    """Reads and filters one part."""
    import numpy as np

    from data_prep.dedup.exact import KEY
    from data_prep.dedup.exact import digest as text_digest

    checks = [(_filter(step).keep, step.settings) for step in filters]
    files = 0
    dropped: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    lines: list[bytes] = []
    keys: list[tuple[bytes, int, float]] = []
    for found in _read(units, source):
        files += 1
        kept = _first_reason(found, checks) if isinstance(found, Document) else found
        if isinstance(kept, Dropped):
            dropped[kept.reason][kept.language or "other"] += 1
            continue
        text = kept.text.encode()
        lines.append(dump_line(kept.to_dict()))
        keys.append((text_digest(text), len(text), split_draw(seed, kept.path)))
    frame, content = compress_lines(lines)
    table = np.array(keys, dtype=KEY).tobytes()
    names = (f"{part}.jsonl.zst", f"{part}.keys")
    for name, data in zip(names, (frame, table), strict=True):
        with atomic_path(folder / name) as partial:
            partial.write_bytes(data)
    figures = {
        "files": files,
        "dropped": {reason: dict(by_language) for reason, by_language in dropped.items()},
        "documents": len(lines),
        "bytes": sum(num_bytes for _, num_bytes, _ in keys),
    }
    return Outcome(names, digest(content, seed), figures)


def _read(units: list[Unit], source: Step) -> Iterator[Document | Dropped]:
    module = _source(source)
    for unit in units:
        yield from module.read(unit, name=source.name, **source.settings)


def _first_reason(
    document: Document, checks: list[tuple[Callable[..., str | None], dict[str, Any]]]
) -> Document | Dropped:
    for keep, settings in checks:
        if reason := keep(document, **settings):
            return Dropped(document.path, reason, document.language)
    return document


def _parts(units: Iterator[Unit], part_bytes: int) -> Iterator[list[Unit]]:
    part: list[Unit] = []
    size = 0
    for unit in units:
        part.append(unit)
        size += unit.size
        if size >= part_bytes:
            yield part
            part, size = [], 0
    if part:
        yield part


def _source(step: Step) -> ModuleType:
    return find_module(f"sources.{step.name}.kind", "data_prep.sources", step.kind)


def _filter(step: Step) -> ModuleType:
    return find_module("filters", "data_prep.filters", step.kind)
