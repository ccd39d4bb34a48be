# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1, a map: units of the sources to documents that passed every filter, as they will be.

Leaves, for each part:

``<part>.texts``             the documents' texts, in reading order; see
``<part>.fields.jsonl.zst``  `data_prep.document_parts` for both
``<part>.keys``              one `data_prep.dedup.keys.KEY` a document, same order
``<part>.near``              one near-duplicate record a document, if those are looked for
``<part>.bad.jsonl``         rows that could not be read: file, row, reason; if there are any
``<part>.dropped.jsonl.zst`` what was dropped and why, if the recipe asks for it
"""

from __future__ import annotations

import collections
import contextlib
import functools
import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from data_prep import cleaning, document_parts
from data_prep.cleaning import Cleaner
from data_prep.dedup import keys, minhash
from data_prep.document import BadRow, Document, Dropped
from data_prep.document_file import LineWriter, dump_line, writing
from data_prep.ledger import Outcome, Task, code_at, code_of, digest
from data_prep.licenses import policy
from data_prep.licenses.opt_out import OptOut
from data_prep.licenses.policy import Licenses
from data_prep.recipe import Recipe, Step
from data_prep.settings import find_module
from data_prep.sources import Unit
from foundry_plugins.contract import diffs
from foundry_plugins.contract.files import atomic_path
from foundry_plugins.contract.sample import TEXT

STAGE = "read"
BAD_ROWS = "bad.jsonl"
DROPPED = "dropped.jsonl.zst"
_TABLE_ROWS = 10_000
# Files and folders of this package that decide what becomes of a row, beside its source and the
# filters of the recipe.
_CODE = (
    *("commits", "conversations", "dedup", "licenses", "rows"),
    *("comment_syntax.py", "comments.py", "document.py", "document_parts.py", "encoding.py"),
    "language_rules.py",
    *("languages.py", "languages.tsv", "marked_text.py", "notebooks.py", "swh.py"),
    *("text_statistics.py", "token_count.py"),
)
Check = Callable[[Document], Document | str]


def plan(recipe: Recipe) -> list[Task]:
    """One task for every ``shards.part_bytes`` of neighbouring units of a source."""
    tasks: list[Task] = []
    for source in recipe.sources:
        decided_by = inputs_of(recipe, source)
        for units in _parts(units_of(source), recipe.shards.part_bytes):
            tasks.append(task(recipe, source, decided_by, units, len(tasks)))
    return tasks


def units_of(source: Step) -> Iterator[Unit]:
    """What there is of a source."""
    return _source(source).units(**source.settings)


def task(
    recipe: Recipe,
    source: Step,
    decided_by: str,
    units: list[Unit],
    number: int,
    limit_bytes: int | None = None,
) -> Task:
    """The task that reads some units of a source.

    Args:
        recipe: The recipe.
        source: One of its sources.
        decided_by: The source's `inputs_of`.
        units: What is read.
        number: The part's number.
        limit_bytes: As in `read_part`.
    """
    stamps = [(unit.path, unit.size, unit.stamp, unit.part) for unit in units]
    return Task(
        stage=STAGE,
        part=f"{number:05}",
        inputs=digest(decided_by, stamps, limit_bytes),
        weight=sum(unit.size for unit in units),
        function=read_part,
        arguments={
            "units": units,
            "source": source,
            "recipe": recipe,
            "limit_bytes": limit_bytes,
        },
    )


def read_part(
    folder: Path,
    part: str,
    *,
    units: list[Unit],
    source: Step,
    recipe: Recipe,
    limit_bytes: int | None = None,
) -> Outcome:
    """Reads and filters one part.

    Args:
        folder: Where its files go.
        part: Its name.
        units: What is read.
        source: The source they are of.
        recipe: The recipe.
        limit_bytes: Stops after this much text, for a trial.
    """
    cleaner = Cleaner(recipe)
    checks = [*_checks(recipe), cleaner]
    count = _Counts()
    with contextlib.ExitStack() as stack:
        files = _Files(folder, part, recipe, stack)
        for found in _read(units, source):
            if limit_bytes is not None and count.text_bytes >= limit_bytes:
                count.is_whole = False
                break
            count.rows += 1
            if isinstance(found, BadRow):
                count.bad[found.reason] += 1
                files.bad.append(found)
                continue
            count.text_bytes += len(found.data) if isinstance(found, Document) else 0
            kept = _checked(found, checks) if isinstance(found, Document) else found
            if isinstance(kept, Document):
                count.bytes += len(kept.data)
                files.add(kept)
            else:
                count.dropped[kept.reason][kept.language or "other"] += 1
                files.drop(found, kept)
        set_aside = files.set_aside()
    figures = {
        "files": count.rows,
        "bad": dict(count.bad),
        "dropped": {reason: dict(by_language) for reason, by_language in count.dropped.items()},
        "finds": {name: dict(kinds) for name, kinds in cleaner.finds.items()},
        "redacted": {kind: dict(spans) for kind, spans in cleaner.redacted.items()},
        "documents": files.fields.num_lines,
        "bytes": count.bytes,
        "text_bytes": count.text_bytes,
        "is_whole": count.is_whole,
        "set_aside": set_aside,
    }
    return Outcome(files.names, files.digest, figures)


class _Counts:
    def __init__(self) -> None:
        self.rows = 0
        # Of the documents that stay, and of all.
        self.bytes = 0
        self.text_bytes = 0
        self.is_whole = True
        self.bad: collections.Counter[str] = collections.Counter()
        self.dropped: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )


class _Table:
    """Records on their way to a file; memory does not grow with their number."""

    def __init__(self, path: Path, dtype: np.dtype[Any], stack: contextlib.ExitStack) -> None:
        partial = stack.enter_context(atomic_path(path))
        self._handle = stack.enter_context(partial.open("wb"))
        self._dtype = dtype
        self._rows: list[Any] = []
        self.content = hashlib.sha256()
        # Before the file is closed.
        stack.callback(self._flush)

    def add(self, row: Any) -> None:
        self._rows.append(row)
        if len(self._rows) == _TABLE_ROWS:
            self._flush()

    def _flush(self) -> None:
        data = np.array(self._rows, dtype=self._dtype).tobytes()
        self._handle.write(data)
        self.content.update(data)
        self._rows = []


class _Files:
    """A part's files while it is read; they are there when ``stack`` is left without an error."""

    def __init__(
        self, folder: Path, part: str, recipe: Recipe, stack: contextlib.ExitStack
    ) -> None:
        self._stack = stack
        self._path = folder / part
        # First those that every part has, in the order in which later stages expect them.
        self.names: tuple[str, ...] = ()
        texts = self._file(document_parts.TEXTS)
        self.fields = self._lines(document_parts.FIELDS)
        self._documents = document_parts.Writer(texts, self.fields)
        self._keep = recipe.dedup.keep
        self._keys = _Table(self._name("keys"), keys.KEY, stack)
        self._dropped = self._lines(DROPPED) if recipe.keep_dropped else None
        self._near = recipe.dedup.near
        if self._near is not None:
            dtype = minhash.record_dtype(self._near)
            self._records = _Table(self._name("near"), dtype, stack)
        self.bad: list[BadRow] = []

    def add(self, document: Document) -> None:
        self._documents.add(document)
        self._keys.add(keys.key(document, self._keep))
        if self._near is not None:
            self._records.add(minhash.record(document.data, self._near))

    def drop(self, found: Document | Dropped, kept: Dropped) -> None:
        if self._dropped is None:
            return
        record = found.to_dict() if isinstance(found, Document) else {"path": found.path}
        self._dropped.write(dump_line({**record, "reason": kept.reason}))

    def set_aside(self) -> dict[str, str]:
        """File -> digest of what is for people to look at; writes the bad rows."""
        files = {}
        if self.bad:
            path = self._name(BAD_ROWS)
            lines = b"".join(map(_bad_line, self.bad))
            with atomic_path(path) as partial:
                partial.write_bytes(lines)
            files[path.name] = hashlib.sha256(lines).hexdigest()
        if self._dropped is not None:
            files[f"{self._path.name}.{DROPPED}"] = self._dropped.digest
        return files

    @property
    def digest(self) -> str:
        """Stands for all that later stages read: a text's key holds its SHA-256."""
        tables = [self._keys, self._records] if self._near is not None else [self._keys]
        return digest(self.fields.digest, [t.content.hexdigest() for t in tables])

    def _file(self, ending: str) -> BinaryIO:
        partial = self._stack.enter_context(atomic_path(self._name(ending)))
        return self._stack.enter_context(partial.open("wb"))

    def _lines(self, ending: str) -> LineWriter:
        return self._stack.enter_context(writing(self._name(ending)))

    def _name(self, ending: str) -> Path:
        path = self._path.with_name(f"{self._path.name}.{ending}")
        self.names += (path.name,)
        return path


def _bad_line(row: BadRow) -> bytes:
    return dump_line({"path": row.path, "row": row.row, "reason": row.reason, "detail": row.detail})


def _read(units: list[Unit], source: Step) -> Iterator[Document | Dropped | BadRow]:
    module = _source(source)
    for unit in units:
        yield from module.read(unit, name=source.name, **source.settings)


def _checked(document: Document, checks: list[Check]) -> Document | Dropped:
    for check in checks:
        found = check(document)
        if isinstance(found, str):
            return Dropped(document.path, found, document.language)
        document = found
    return document


def _checks(recipe: Recipe) -> list[Check]:
    """Opt-out, licences and filters, in this order."""
    checks = [_filter_check(step) for step in recipe.filters]
    if recipe.licenses != Licenses(detect=False):
        checks.insert(0, lambda document: policy.apply(document, recipe.licenses))
    if recipe.opt_out:
        opted_out = _opt_out(recipe.opt_out)
        checks.insert(0, lambda document: opted_out.reason(document) or document)
    return checks


@functools.lru_cache(maxsize=1)
def _opt_out(paths: tuple[str, ...]) -> OptOut:
    """Read once in a process, which serves one recipe."""
    return OptOut.read(paths)


def _filter_check(step: Step) -> Check:
    module = _filter(step)
    if hasattr(module, "edit"):
        # An edited diff would no longer lead from the old file to the new one.
        return lambda document: (
            module.edit(document, **step.settings) if document.format == TEXT else document
        )
    return lambda document: module.keep(document, **step.settings) or document


def inputs_of(recipe: Recipe, source: Step) -> str:
    """Digest of all that decides what a unit of a source becomes."""
    return digest(
        code_of(__name__, _source(source), *map(_filter, recipe.filters)),
        code_at(*_CODE),
        code_of(*_diff_modules()),
        [_file_digest(step.settings["tokenizer"]) for step in recipe.filters if _counts(step)],
        [source.name, source.kind, source.settings],
        [(step.kind, step.settings) for step in recipe.filters],
        recipe.keep_dropped,
        recipe.section("dedup"),
        recipe.section("licenses"),
        cleaning.decided_by(recipe),
        code_of(cleaning),
        _opt_out(recipe.opt_out).digest if recipe.opt_out else "",
    )


def _diff_modules() -> list[ModuleType]:
    """All that decides how commits are rendered."""
    names = sorted(module.name for module in pkgutil.iter_modules(diffs.__path__))
    return [diffs, *(importlib.import_module(f"{diffs.__name__}.{name}") for name in names)]


def _counts(step: Step) -> bool:
    """Whether a filter counts tokens by a tokenizer of the user's."""
    return bool(step.settings.get("tokenizer"))


def _file_digest(path: str) -> str:
    """SHA-256 (hex) of a tokenizer: a file, or a folder that holds one."""
    file = Path(path).expanduser()
    file = file / "tokenizer.json" if file.is_dir() else file
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


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
