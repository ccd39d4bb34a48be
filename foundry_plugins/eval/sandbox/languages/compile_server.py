# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A compiler that stays warm, in a sandbox of its own, for languages whose compilers start slowly.

It runs no code of the programs; its time is shared by all of them and in no verdict. A request is a
length and a source text; a reply is a number of files, each a name and its bytes with their
lengths, or -1 and the compiler's messages. All numbers are four bytes, the highest first.
"""

from __future__ import annotations

import contextlib
import struct
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from foundry_plugins.eval.sandbox.box import end
from foundry_plugins.eval.sandbox.isolation import ENVIRONMENT, Isolation
from foundry_plugins.eval.sandbox.languages.language import CompileError

_SECONDS = 60.0
_LEAVE_SECONDS = 1.0
_INT = struct.Struct(">i")


class CompileServer:
    """The compiler, started when it is first needed and again when it does not answer.

    Args:
        isolation: How it is kept apart.
        argv: Its command.
        visible: What it reads, by the path inside, beside ``/usr``.
    """

    def __init__(
        self, isolation: Isolation, argv: Sequence[str], visible: Mapping[str, Path]
    ) -> None:
        # Tools are looked for where a sandbox looks for them, also where there is none.
        command = ["/usr/bin/env", *argv]
        self._command = isolation.command(command, visible=visible, scratch_bytes=1 << 20)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def compile(self, text: str) -> dict[str, bytes]:
        """Files by their names.

        Raises:
            CompileError: if there are none.
        """
        with self._lock:
            process = self._process or self._start()
            # A compiler that is late is killed, and reads from it then end.
            timer = threading.Timer(_SECONDS, end, (process,))
            timer.start()
            try:
                return _exchange(process, text.encode("utf-8", "replace"))
            except (EOFError, OSError) as error:
                self.close()
                raise CompileError("the compiler ended without an answer") from error
            finally:
                timer.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            self._command,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self._process

    def close(self) -> None:
        """Ends it."""
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            with contextlib.suppress(OSError):
                self._process.stdin.close()  # it ends by itself then
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LEAVE_SECONDS)
            end(self._process)
            self._process.stdout.close()
        self._process = None


def _exchange(process: subprocess.Popen[bytes], text: bytes) -> dict[str, bytes]:
    assert process.stdin is not None
    process.stdin.write(_INT.pack(len(text)) + text)
    process.stdin.flush()
    (count,) = _INT.unpack(_read(process, _INT.size))
    if count < 0:
        raise CompileError(_block(process).decode("utf-8", "replace"))
    return {_block(process).decode(): _block(process) for _ in range(count)}


def _block(process: subprocess.Popen[bytes]) -> bytes:
    return _read(process, _INT.unpack(_read(process, _INT.size))[0])


def _read(process: subprocess.Popen[bytes], size: int) -> bytes:
    assert process.stdout is not None
    data = process.stdout.read(size)
    if len(data) < size:
        raise EOFError
    return data
