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
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, TypeVar

from foundry_plugins.contract.errors import UserError

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

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        watch: Callable[[int | None], None] = lambda finished: None,
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
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    _die_with(parent)
    # Other workers' pipes: held open here they would hide the parent's end from those workers.
    for other in inherited:
        other.close()
    while True:
        try:
            function, item = connection.recv()
        except EOFError:
            return
        connection.send(_call(function, item))


def _call(function: Callable[[Any], Any], item: Any) -> tuple[str, Any]:
    # Anything else is a fault of this program: it ends the worker with its traceback.
    try:
        return "done", function(item)
    except UserError as error:
        return "user_error", str(error)
    except OSError as error:
        return "os_error", (error.errno, error.strerror, error.filename)


def _die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent dies (Linux); elsewhere EOF ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
