# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The warm process of a sandbox: forks a child for every program, and cleans up after it.

    python -P -s -S zygote.py DESCRIPTOR SCRATCH

It is a program of its own on the standard library alone, the first process of its sandbox, and
never a fork of the process that asks. Requests and replies are frames over a socket that no child
inherits. A child inherits what it needs and nothing else: its own end of a pipe, its limits. When
it ends, everything else in the sandbox is killed and the scratch folder emptied, before the reply:
it is the program that waits for it, and not the next one. If that does not work, this process ends
and with it the sandbox, and another is started.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from typing import Any

from foundry_plugins.eval.sandbox import channel, confine, python_candidate, python_judge, seccomp

# What most programs import, once for all of them. Each module makes every fork dearer: those that
# seed themselves after a fork or bring much along (random, hashlib, decimal, dataclasses) are left
# out.
_WARM = (
    *("typing", "math", "collections", "collections.abc", "itertools", "functools", "operator"),
    *("re", "heapq", "bisect", "copy", "string", "time"),
)
_SLOW = ("numpy",)  # imported when a program first names it
_STANDARD_FILES, _ERRORS = 3, 2
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)
_REPORT_BYTES = 1 << 14
# What compiling a few hundred lines takes many times over. Without a bound a few kilobytes take
# gigabytes, and what is not given back is missing from all later programs.
_COMPILER_BYTES = 32 << 20
_CONTROL_SOCKET_BYTES = 1


def main() -> None:
    """Serves until the other side is gone."""
    control, scratch = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]
    for signum in _IGNORED:
        signal.signal(signum, signal.SIG_IGN)
    for name in _WARM:
        importlib.import_module(name)
    filtered = seccomp.harden()
    # What it says while it starts is shown; later there is nothing to say.
    with open(os.devnull, "r+b", buffering=0) as null:
        for number in range(_STANDARD_FILES):
            os.dup2(null.fileno(), number)
    warnings.simplefilter("ignore")
    gc.collect()
    gc.freeze()
    channel.send(control, {"filtered": filtered, "alone": confine.alone()})
    do = {"candidate": _Candidates().run, "judge": _judge, "commands": _commands}
    while True:
        try:
            request, sock = _take(control)
            if request["do"] == "stop":
                continue  # meant for a child that had just ended
            reply = do[request["do"]](request, sock, control, scratch)
            try:
                confine.empty(scratch)
            finally:
                channel.send(control, reply)
        except (EOFError, confine.GoneError, ConnectionError):
            return


def _take(control: socket.socket) -> tuple[Any, int]:
    """A request, and the descriptor that came with it or -1."""
    mark, files, _, _ = socket.recv_fds(control, _CONTROL_SOCKET_BYTES, 1)
    if not mark:
        raise EOFError
    return channel.receive(control), files[0] if files else -1


def _fork(run: Callable[[], None]) -> int:
    """A child that runs a function and ends."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        run()
        status = 0
    finally:
        os._exit(status)


def _ended(how: confine.End, **more: Any) -> dict[str, Any]:
    return {
        "status": how.status,
        "why": how.why,
        "cpu_seconds": how.cpu_seconds,
        "wall_seconds": how.wall_seconds,
        **more,
    }


class _Candidates:
    """Python programs, compiled here, since a child would first copy much of the compiler's memory.

    The bound is the same for all of them, not above what one of them left.
    """

    def __init__(self) -> None:
        self._most = confine.addresses() + _COMPILER_BYTES

    def run(self, request: Any, sock: int, control: socket.socket, _: str) -> Any:
        """Runs one until it is not asked any more."""
        source = request["source"]
        self._warm(source)
        code = self._compiled(source)

        def child() -> None:
            confine.confine(request["limits"], sock, _STANDARD_FILES)
            with socket.socket(fileno=_STANDARD_FILES) as mine:
                try:
                    python_candidate.serve(mine, source, code, request["output_bytes"])
                except (EOFError, ConnectionError):
                    return

        pid = _fork(child)
        os.close(sock)
        return _ended(confine.wait(pid, request["limits"], control))

    def _warm(self, text: str) -> None:
        for name in _SLOW:
            if name in text and name not in sys.modules:
                before = confine.addresses()
                try:
                    importlib.import_module(name)
                except ImportError:
                    continue  # the program will find that out itself
                self._most += confine.addresses() - before

    def _compiled(self, source: str) -> python_candidate.Code | None:
        """None where the child has to do it, under its own limits."""
        try:
            return confine.within(self._most, lambda: python_candidate.compiled(source))
        except MemoryError:
            return None


def _judge(request: Any, sock: int, control: socket.socket, _: str) -> Any:
    """Judges in this very process, which no untrusted code ever runs in."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    # A test may make much of a small answer, such as a list of a range.
    resource.setrlimit(resource.RLIMIT_AS, (request["memory_bytes"], hard))
    with socket.socket(fileno=sock) as candidate:
        return python_judge.judge(candidate, request)


def _commands(request: Any, _: int, control: socket.socket, scratch: str) -> Any:
    """Commands one after the other, until one of them fails."""
    for name, text in request["files"].items():
        path = os.path.join(scratch, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(bytes.fromhex(text))
    replies = []
    for command in request["commands"]:
        replies.append(_command(command, control, scratch))
        if replies[-1]["status"] or replies[-1]["why"]:
            break
    return {"commands": replies, "left": _left(os.path.join(scratch, request["proof"]))}


def _command(command: Any, control: socket.socket, scratch: str) -> Any:
    errors = os.open(scratch, os.O_TMPFILE | os.O_RDWR, 0o600)

    def run() -> None:
        os.chdir(scratch)
        for signum in _IGNORED:
            signal.signal(signum, signal.SIG_DFL)
        confine.confine(command["limits"], errors, _ERRORS)
        os.execvpe(command["argv"][0], command["argv"], {**os.environ, **command["environment"]})

    try:
        how = confine.wait(_fork(run), command["limits"], control)
        size = os.lseek(errors, 0, os.SEEK_END)
        text = os.pread(errors, command["error_bytes"], 0)
    finally:
        os.close(errors)
    return _ended(how, errors=text.decode("utf-8", "replace"), errors_bytes=size)


def _left(path: str) -> str | None:
    """The start of a file that a program left, if it is one."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return os.read(file, _REPORT_BYTES).decode("latin-1")
    except OSError:
        return None
    finally:
        os.close(file)


if __name__ == "__main__":
    main()
