# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One machine: a pool of forked processes.

Own code rather than ``concurrent.futures``, for three things that it does not do: workers die with
a parent that is killed, so that none writes on while the next run starts; memory holds one result
a worker and not a queue; a worker that the kernel kills is one sentence.

Workers are forked before anything heavy is imported, so each carries only what its tasks load.
"""

from __future__ import annotations

import ctypes
import dataclasses
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from data_prep.engines import ROWS, Show, Shuffle, Watch, schema_of
from data_prep.ledger import Ledger, Outcome, Task, digest
from foundry_plugins.contract.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

Item = TypeVar("Item")
Result = TypeVar("Result")

_PR_SET_PDEATHSIG = 1
_TICK_SECONDS = 1.0
_GRACE_SECONDS = 5.0


class LocalEngine:
    """Runs functions in ``workers`` processes; a context manager."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: list[tuple[Connection, Any]] = []

    def __enter__(self) -> LocalEngine:
        context = multiprocessing.get_context("fork")
        for _ in range(self.workers):
            ours, theirs = context.Pipe()
            inherited = [connection for connection, _ in self._pool] + [ours]
            arguments = (theirs, inherited, os.getpid())
            process = context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._pool.append((ours, process))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection, process in self._pool:
            connection.close()
            if kind is not None:
                process.terminate()
        for _, process in self._pool:
            process.join(_GRACE_SECONDS)
            process.kill()
        self._pool = []

    def map(self, ledger: Ledger, tasks: Sequence[Task], watch: Watch) -> list[Outcome]:
        """Runs tasks; see `data_prep.engines.Engine`."""
        return self.call(ledger.execute, tasks, watch)

    def group(
        self, ledger: Ledger, shuffle: Shuffle, tasks: Sequence[Task], label: str, show: Show
    ) -> list[Outcome]:
        """Runs a shuffle through files; see `data_prep.engines.Engine`."""
        stage = f"{shuffle.stage}{ROWS}"
        emits = [_emit_task(stage, number, shuffle) for number in range(len(shuffle.emits))]
        ledger.tidy(stage, [task.part for task in emits])
        todo = [task for task in emits if ledger.done(task) is None]
        with show(label, [task.weight for task in todo]) as watch:
            self.map(ledger, todo, watch)
        groups = {part: group for group, part in enumerate(shuffle.parts)}
        rows = ledger.folder(stage)
        reduces = [_reduce_task(task, rows, groups[task.part], shuffle) for task in tasks]
        with show(f"{label}, second half", [task.weight for task in reduces]) as watch:
            return self.map(ledger, reduces, watch)

    def call(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        watch: Watch = lambda finished: None,
    ) -> list[Result]:
        """``[function(item) for item in items]``, several at a time.

        Args:
            function: Importable by name, as are its items and results.
            items: One call each; results come back in their order.
            watch: Called with the position of each finished item, and with None every second.

        Raises:
            UserError, OSError: one that a call raised.
            UserError: if a worker was killed.
            RuntimeError: if a call raised anything else; the worker prints its traceback.
        """
        results: dict[int, Result] = {}
        processes = dict(self._pool)
        idle = list(processes)
        busy: dict[Connection, int] = {}
        todo = iter(enumerate(items))
        while len(results) < len(items):
            while idle and (task := next(todo, None)) is not None:
                connection = idle.pop()
                connection.send((function, task[1]))
                busy[connection] = task[0]
            ready = wait(list(busy), _TICK_SECONDS)
            if not ready:
                watch(None)
            for connection in ready:
                assert isinstance(connection, Connection)
                position = busy.pop(connection)
                results[position] = _receive(connection, processes[connection])
                idle.append(connection)
                watch(position)
        return [results[position] for position in range(len(items))]


def _emit_task(stage: str, number: int, shuffle: Shuffle) -> Task:
    emit = shuffle.emits[number]
    arguments = {
        "emit": shuffle.emit,
        "arguments": emit.arguments,
        "columns": shuffle.columns,
    }
    inputs = digest(emit.inputs, shuffle.inputs, len(shuffle.parts))
    return Task(stage, _rows_name(number), inputs, emit.weight, write_rows, arguments)


def _rows_name(number: int) -> str:
    return f"{number:05}"


def _reduce_task(task: Task, rows: Path, group: int, shuffle: Shuffle) -> Task:
    arguments = {
        "rows": rows,
        "num_inputs": len(shuffle.emits),
        "group": group,
        "columns": shuffle.columns,
        "order": shuffle.order,
        "reduce": task.function,
        "arguments": task.arguments,
    }
    return dataclasses.replace(task, function=reduce_rows, arguments=arguments)


def write_rows(
    folder: Path,
    part: str,
    *,
    emit: Callable[..., Iterator[pa.Table]],
    arguments: dict[str, Any],
    columns: dict[str, str],
) -> Outcome:
    """The first half of a shuffle: one input's rows, by group, to a file."""
    from data_prep.engines import rows

    rows.write(folder / part, emit(**arguments), schema_of(columns))
    return Outcome((part,), "", {})


def reduce_rows(
    folder: Path,
    part: str,
    *,
    rows: Path,
    num_inputs: int,
    group: int,
    columns: dict[str, str],
    order: tuple[str, ...],
    reduce: Callable[..., Outcome],
    arguments: dict[str, Any],
) -> Outcome:
    """The second half: one group's rows from all inputs, sorted, to its reduce."""
    from data_prep.engines import rows as files

    inputs = [rows / _rows_name(number) for number in range(num_inputs)]
    table = files.sort(files.read(inputs, group, schema_of(columns)), order)
    return reduce(folder, part, table, **arguments)


def _receive(connection: Connection, process: Any) -> Any:
    try:
        kind, value = connection.recv()
    except (EOFError, ConnectionResetError) as error:
        process.join(_GRACE_SECONDS)
        if process.exitcode is None or process.exitcode >= 0:
            raise RuntimeError("A worker failed; its traceback is above.") from error
        raise UserError(
            f"A worker process was killed by signal {-process.exitcode}, most likely because "
            "memory ran out; set `workers` or `shards.part_bytes` lower and run the same command "
            "again (finished parts are kept)."
        ) from error
    if kind == "user_error":
        raise UserError(value)
    if kind == "os_error":
        raise OSError(*value)
    return value


def _serve(connection: Connection, inherited: list[Connection], parent: int) -> None:
    """A worker's life: calls until the other end is closed."""
    # Ctrl-C reaches the whole group; only the parent answers it, then ends the workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    _die_with(parent)
    # Other workers' pipes: held open here they would hide the parent's end from those workers.
    for other in inherited:
        other.close()
    while True:
        # Whatever ended the parent's interest is the parent's to tell.
        try:
            function, item = connection.recv()
            answer = _call(function, item)
            connection.send(answer)
        except (EOFError, ConnectionResetError, BrokenPipeError):
            return


def _end(number: int, frame: object) -> None:
    # An error on its way out removes what it would leave behind, unless another cuts it short.
    if sys.exc_info()[0] is None:
        sys.exit(1)


def _call(function: Callable[[Any], Any], item: Any) -> tuple[str, Any]:
    # Anything else is a fault of this program: it ends the worker with its traceback.
    try:
        return "done", function(item)
    except UserError as error:
        return "user_error", str(error)
    except OSError as error:
        return "os_error", (error.errno, error.strerror or str(error), error.filename)


def _die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent dies (Linux); elsewhere EOF ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
