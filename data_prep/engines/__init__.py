# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What runs the stages: a map over tasks, or a group by key and a reduce.

An engine knows no stage. It is handed functions that are importable by name, plain arguments, and
the ledger in which every finished task is marked. `data_prep.engines.local` is a pool of
processes, `data_prep.engines.spark` a Spark application; both leave the same files.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from data_prep.ledger import Ledger, Outcome, Task, digest

if TYPE_CHECKING:
    import pyarrow as pa

Watch = Callable[[int | None], None]
Show = Callable[[str, Sequence[int]], AbstractContextManager[Watch]]

GROUP = "group"
# Where an engine keeps rows on their way: a folder beside the stage's own.
ROWS = "-rows"


@dataclasses.dataclass(frozen=True)
class Emit:
    """One input of a `Shuffle`.

    Attributes:
        inputs: Digest of all that decides its rows.
        weight: Bytes to be worked on, for the display of progress.
        arguments: What ``Shuffle.emit`` gets.
    """

    inputs: str
    weight: int
    arguments: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Shuffle:
    """A key and a reduce: rows from many inputs, brought together by group.

    Attributes:
        stage: Names the folder that the outcomes are written to.
        emits: The inputs.
        emit: ``emit(**arguments) -> Iterator[pa.Table]`` with the columns of ``columns``.
        columns: Name and Arrow type (``int64``, ``double``, ``binary``, ``string``) of the columns
            beside `GROUP`, an int64 from 0 to ``len(parts) - 1``. There are no unsigned types,
            because Spark has none.
        order: Columns that sort the rows of a group, smallest first; the order must be total.
        parts: Every group's name.
        reduce: ``reduce(folder, part, table, **arguments) -> Outcome``, called for every group,
            an empty one too, with its whole table in memory.
        arguments: What ``reduce`` gets.
        inputs: Digest of ``arguments`` and of the code.
        rows_per_batch: How many rows an engine may hand on at once: few where rows are documents.
    """

    stage: str
    emits: Sequence[Emit]
    emit: Callable[..., Iterator[pa.Table]]
    columns: dict[str, str]
    order: tuple[str, ...]
    parts: Sequence[str]
    reduce: Callable[..., Outcome]
    arguments: dict[str, Any]
    inputs: str
    rows_per_batch: int = 100_000

    def tasks(self) -> list[Task]:
        """One a group; their functions are called by the engine, which adds the table."""
        inputs = digest(self.inputs, len(self.parts), [emit.inputs for emit in self.emits])
        weight = sum(emit.weight for emit in self.emits) // len(self.parts)
        return [
            Task(self.stage, part, digest(inputs, group), weight, self.reduce, self.arguments)
            for group, part in enumerate(self.parts)
        ]


def schema_of(columns: dict[str, str]) -> pa.Schema:
    """`Shuffle.columns` and the group, as Arrow has them."""
    import pyarrow as pa

    fields = [(name, pa.type_for_alias(kind)) for name, kind in columns.items()]
    return pa.schema([(GROUP, pa.int64()), *fields])


class Engine(Protocol):
    """What `data_prep.pipeline` asks of an engine."""

    def map(self, ledger: Ledger, tasks: Sequence[Task], watch: Watch) -> list[Outcome]:
        """Runs the tasks and marks each in the ledger; outcomes in their order."""
        ...

    def group(
        self, ledger: Ledger, shuffle: Shuffle, tasks: Sequence[Task], label: str, show: Show
    ) -> list[Outcome]:
        """Runs a shuffle for those of its `Shuffle.tasks` that are left to do."""
        ...
