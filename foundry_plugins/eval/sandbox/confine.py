# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a process gives up before it runs a program, and how it is watched and ended.

Runs inside the sandbox, on the standard library alone, and on little of it: every page of memory
that an import takes makes every fork dearer.
"""

from __future__ import annotations

import math
import os
import resource
import select
import signal
import socket
import stat
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

_Value = TypeVar("_Value")
_LOOK_SECONDS = 0.05  # between two looks at what all processes use
# Why a process was ended.
WALL, CPU, MEMORY, STOPPED = "wall", "cpu", "memory", "stopped"


class End(NamedTuple):
    """How a process ended.

    Attributes:
        status: As wait(2) gives it.
        why: Why it was killed: `WALL`, `CPU`, `MEMORY`, `STOPPED`; None if it ended by itself.
        cpu_seconds: Its own and that of what it started.
        wall_seconds: From its start.
    """

    status: int
    why: str | None
    cpu_seconds: float
    wall_seconds: float


class GoneError(Exception):
    """The process that asked is gone."""


def confine(limits: Mapping[str, Any], file: int, number: int) -> None:
    """Leaves this process with limits, and with one file beside the standard ones.

    Args:
        limits: What it may use.
        file: A descriptor.
        number: The one that it becomes; those above are closed.
    """
    if not alone():
        os.setsid()  # it costs as much as the fork
    os.dup2(file, number)
    os.closerange(number + 1, os.sysconf("SC_OPEN_MAX"))
    seconds = math.ceil(limits["cpu_seconds"])
    for which, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        # One more second after the signal that says so.
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_FSIZE, limits["file_bytes"], limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"], limits["open_files"]),
        (resource.RLIMIT_NPROC, limits["processes"], limits["processes"]),
        (resource.RLIMIT_AS, limits["address_bytes"], limits["address_bytes"]),
    ):
        highest = resource.getrlimit(which)[1]
        if which == resource.RLIMIT_AS and not soft:
            continue  # a run time that reserves more than it uses
        if highest != resource.RLIM_INFINITY:
            soft, hard = min(soft, highest), min(hard, highest)
        resource.setrlimit(which, (soft, hard))


def addresses() -> int:
    """Bytes of this process's address space."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def within(address_bytes: int, run: Callable[[], _Value]) -> _Value:
    """What a function returns that runs with less address space; the limit is as before then.

    Raises:
        MemoryError: if that was not enough.
    """
    before = soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        address_bytes = min(address_bytes, soft)
    resource.setrlimit(resource.RLIMIT_AS, (address_bytes, hard))
    try:
        return run()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def wait(pid: int, limits: Mapping[str, Any], control: socket.socket) -> End:
    """Waits for a child to end, or ends it; nothing that it started is left then.

    Args:
        pid: A child after `confine`.
        limits: ``wall_seconds``; ``memory_bytes`` and ``cpu_seconds`` for all processes together.
        control: Where a frame that comes means that the child is to be ended.

    Raises:
        GoneError: if the other end of ``control`` was closed.
    """
    start = time.monotonic()
    why = None
    child = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(child, select.POLLIN)
        poll.register(control, select.POLLIN)
        while why is None:
            left = limits["wall_seconds"] - (time.monotonic() - start)
            ready = dict(poll.poll(max(0.0, min(left, _LOOK_SECONDS)) * 1000))
            if child in ready:
                break
            if ready:
                why = STOPPED
            elif left <= 0:
                why = WALL
            else:
                memory, seconds = used()
                if memory > limits["memory_bytes"]:
                    why = MEMORY
                elif seconds > limits["cpu_seconds"] + 1:
                    why = CPU
        gone = why == STOPPED and not control.recv(1, socket.MSG_PEEK)
    finally:
        os.close(child)
    status, seconds = end(pid)
    if gone:
        raise GoneError
    return End(status, why, seconds, time.monotonic() - start)


def alone() -> bool:
    """Whether this process is the first of its process numbers, so that all others are its own."""
    return os.getpid() == 1


def end(pid: int) -> tuple[int, float]:
    """Kills a child and all that it started; (its status, CPU seconds of all)."""
    if alone():
        _kill(-1)
    else:
        # Only what stayed in the child's session can be found.
        _kill(-pid)
    status, seconds = 0, 0.0
    while True:
        try:
            found, how, used = os.wait4(-1 if alone() else pid, 0)
        except ChildProcessError:
            return status, seconds
        seconds += used.ru_utime + used.ru_stime
        if found == pid:
            status = how


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def used() -> tuple[int, float]:
    """(resident bytes, CPU seconds) of all other processes of the sandbox together."""
    if not alone():
        return 0, 0.0
    pages, ticks = 0, 0
    for name in os.listdir("/proc"):
        if name.isdecimal() and name != "1":
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue  # it has just ended
            # utime, stime, and those of its children that it waited for
            ticks += sum(map(int, fields[11:15]))
            pages += int(fields[21])
    return pages * resource.getpagesize(), ticks / os.sysconf("SC_CLK_TCK")


def empty(folder: str) -> None:
    """Deletes all files of a folder, whatever their rights."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, stat.S_IRWXU)
            empty(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)
