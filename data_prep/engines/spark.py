# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A cluster: the same stages as tasks of a Spark application.

Needs the extra ``spark`` and Java 17. The output folder must be a path that the driver and all
executors share (NFS, Lustre, FSx, ...): parts are written there by the executors and marked in the
same ledger, so nothing is collected on the driver and an interrupted run continues, under either
engine. Every attempt at a task writes to files of its own until it puts them in place, so attempts
that overlap (retries, speculation, executors that outlive a killed driver) do not mix.

Rows of a shuffle never touch that folder: they go through Spark's own shuffle as Arrow batches of a
DataFrame, ``mapInArrow -> repartitionById -> sortWithinPartitions -> mapInArrow``, one group a
partition.
"""

from __future__ import annotations

import dataclasses
import itertools
import pickle
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from data_prep.engines import GROUP, Show, Shuffle, Watch, schema_of
from data_prep.engines.spark_session import BATCH_BYTES, Spark, session
from data_prep.ledger import Ledger, Outcome, Task
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import attempt

if TYPE_CHECKING:
    import pyarrow as pa

_TICK_SECONDS = 1.0
# Spark shuffles to a file of every such partition; more would only make them smaller.
_MOST_PARTITIONS = 20_000
_DDL = {"int64": "long", "double": "double", "binary": "binary", "string": "string"}
_BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


class SparkEngine:
    """Runs stages on Spark; a context manager."""

    def __init__(self, settings: Spark) -> None:
        self._settings = settings
        self._session: Any = None

    def __enter__(self) -> SparkEngine:
        self._session = session(self._settings)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.stop()

    def map(self, ledger: Ledger, tasks: Sequence[Task], watch: Watch) -> list[Outcome]:
        """Runs tasks, one a Spark task; see `data_prep.engines.Engine`."""
        if not tasks:
            return []
        numbered = list(enumerate(tasks))
        rows = self._session.sparkContext.parallelize(numbered, len(tasks))
        found = self._watched(lambda: rows.map(_Execute(ledger)).collect(), len(tasks), watch)
        outcomes = _outcomes(found)
        return [outcomes[number] for number in range(len(tasks))]

    def group(
        self, ledger: Ledger, shuffle: Shuffle, tasks: Sequence[Task], label: str, show: Show
    ) -> list[Outcome]:
        """Runs a shuffle as one DataFrame; see `data_prep.engines.Engine`."""
        groups = {part: group for group, part in enumerate(shuffle.parts)}
        wanted = {groups[task.part]: task for task in tasks}
        partitions = min(len(tasks), _MOST_PARTITIONS)
        self._session.conf.set(_BATCH_ROWS, str(shuffle.rows_per_batch))
        emit = _Emit(shuffle.columns, sorted(wanted))
        emitted = self._inputs(shuffle).mapInArrow(emit, _ddl(shuffle.columns))
        reduced = (
            _partitioned(emitted, partitions)
            .sortWithinPartitions(GROUP, *shuffle.order)
            .mapInArrow(_Reduce(ledger, shuffle.columns, wanted), _ddl({"answer": "binary"}))
        )
        steps = len(shuffle.emits) + partitions
        with show(label, [sum(emit.weight for emit in shuffle.emits) // steps] * steps) as watch:
            rows = self._watched(reduced.collect, steps, watch)
        outcomes = _outcomes((row[GROUP], pickle.loads(row["answer"])) for row in rows)
        empty = [group for group in wanted if group not in outcomes]
        without_rows = [_with_table(wanted[group], shuffle.columns) for group in empty]
        outcomes.update(zip(empty, self.map(ledger, without_rows, lambda _: None), strict=True))
        return [outcomes[groups[task.part]] for task in tasks]

    def _inputs(self, shuffle: Shuffle) -> Any:
        """A DataFrame with one row and one partition for each input of a shuffle."""
        calls = [(pickle.dumps((shuffle.emit, emit.arguments)),) for emit in shuffle.emits]
        rows = self._session.sparkContext.parallelize(calls, len(calls))
        return self._session.createDataFrame(rows, "call binary")

    def _watched(self, action: Callable[[], Any], num_tasks: int, watch: Watch) -> Any:
        """The result of an action, which runs in a thread while its finished tasks are counted."""
        context = self._session.sparkContext
        name = f"convert_dataset-{id(action)}"
        result: dict[str, Any] = {}

        def act() -> None:
            context.setJobGroup(name, name)
            try:
                result["value"] = action()
            except BaseException as error:
                result["error"] = error

        from pyspark import InheritableThread

        thread = InheritableThread(target=act)
        thread.start()
        seen = 0
        while thread.is_alive():
            thread.join(_TICK_SECONDS)
            finished = min(_finished_tasks(context.statusTracker(), name), num_tasks)
            for position in range(seen, finished):
                watch(position)
            seen = max(seen, finished)
            watch(None)
        if "error" in result:
            raise result["error"]
        for position in range(seen, num_tasks):
            watch(position)
        return result["value"]


def _partitioned(rows: Any, partitions: int) -> Any:
    """A DataFrame with the groups, numbers from 0, dealt out to partitions one after the other."""
    if not hasattr(rows, "repartitionById"):
        # Spark before 4.1 places by hash only: some partitions get several groups, some none.
        return rows.repartition(partitions, GROUP)
    return rows.repartitionById(partitions, (rows[GROUP] % partitions).cast("int"))


class _Execute:
    """Runs one task on an executor; a user's mistake comes back as a value, not as a retry."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __call__(self, numbered: tuple[int, Task]) -> tuple[int, tuple[str, Any]]:
        number, task = numbered
        try:
            # The driver asked for what was not done: if it is now, another attempt was faster.
            if outcome := self._ledger.done(task):
                return number, ("done", outcome)
            with attempt(uuid.uuid4().hex):
                return number, ("done", self._ledger.execute(task))
        except UserError as error:
            return number, ("user_error", str(error))
        except OSError as error:
            return number, ("os_error", (error.errno, error.strerror or str(error), error.filename))


class _Emit:
    """The first half of a shuffle on an executor: inputs to rows of the wanted groups.

    A group is called by its position among the wanted ones from here on.
    """

    def __init__(self, columns: dict[str, str], wanted: list[int]) -> None:
        self._columns = columns
        self._wanted = wanted

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import numpy as np
        import pyarrow as pa

        schema = schema_of(self._columns)
        wanted = np.array(self._wanted)
        for batch in batches:
            for call in batch.column("call").to_pylist():
                emit, arguments = pickle.loads(call)
                for table in emit(**arguments):
                    table = table.select(schema.names).cast(schema)
                    groups = table[GROUP].to_numpy()
                    places = np.searchsorted(wanted, groups)
                    places[places == len(wanted)] = 0
                    numbered = table.set_column(0, GROUP, pa.array(places, pa.int64()))
                    yield from _batches(numbered.filter(wanted[places] == groups))


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """A table in batches of about `BATCH_BYTES`."""
    rows = max(1, table.num_rows * BATCH_BYTES // max(table.nbytes, 1))
    yield from table.to_batches(max_chunksize=rows)


class _Reduce:
    """The second half: sorted rows to one call a group."""

    def __init__(self, ledger: Ledger, columns: dict[str, str], tasks: dict[int, Task]) -> None:
        self._execute = _Execute(ledger)
        self._columns = columns
        self._tasks = dict(sorted(tasks.items()))

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        groups = list(self._tasks)
        for place, table in _by_group(batches, schema_of(self._columns)):
            group = groups[place]
            task = _with_table(self._tasks[group], self._columns, table)
            _, answer = self._execute((group, task))
            columns = [pa.array([group], pa.int64()), pa.array([pickle.dumps(answer)], pa.binary())]
            yield pa.RecordBatch.from_arrays(columns, [GROUP, "answer"])


def _by_group(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema
) -> Iterator[tuple[int, pa.Table]]:
    """Cuts a stream of sorted rows where the group changes."""
    import numpy as np
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    current: int | None = None
    for batch in batches:
        groups = batch.column(GROUP).to_numpy()
        cuts = [0, *(np.flatnonzero(groups[1:] != groups[:-1]) + 1).tolist(), len(groups)]
        for start, stop in itertools.pairwise(cuts):
            if start == stop:
                continue
            if current is not None and int(groups[start]) != current:
                yield current, pa.Table.from_batches(waiting).cast(schema)
                waiting = []
            current = int(groups[start])
            waiting.append(batch.slice(start, stop - start))
    if current is not None:
        yield current, pa.Table.from_batches(waiting).cast(schema)


def _with_table(task: Task, columns: dict[str, str], table: pa.Table | None = None) -> Task:
    """A reduce task with its rows; with none, an empty table is made where it runs."""
    arguments = {"reduce": task.function, "arguments": task.arguments}
    arguments |= {"columns": columns, "table": table}
    return dataclasses.replace(task, function=reduce_table, arguments=arguments)


def reduce_table(
    folder: Path,
    part: str,
    *,
    reduce: Callable[..., Outcome],
    arguments: dict[str, Any],
    columns: dict[str, str],
    table: pa.Table | None,
) -> Outcome:
    """Calls a shuffle's reduce."""
    rows = schema_of(columns).empty_table() if table is None else table
    return reduce(folder, part, rows, **arguments)


def _outcomes(answers: Iterable[tuple[int, tuple[str, Any]]]) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    for number, (kind, value) in answers:
        if kind == "user_error":
            raise UserError(value)
        if kind == "os_error":
            raise OSError(*value)
        outcomes[number] = value
    return outcomes


def _ddl(columns: dict[str, str]) -> str:
    return ", ".join(f"`{name}` {_DDL[kind]}" for name, kind in {GROUP: "int64", **columns}.items())


def _finished_tasks(tracker: Any, name: str) -> int:
    finished = 0
    for job in tracker.getJobIdsForGroup(name):
        info = tracker.getJobInfo(job)
        for stage in info.stageIds if info else ():
            found = tracker.getStageInfo(stage)
            finished += found.numCompletedTasks if found else 0
    return finished
