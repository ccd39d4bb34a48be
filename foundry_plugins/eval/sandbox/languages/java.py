# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Java: compiled by a compiler that stays warm, run by a ``java`` of its own.

Starting ``javac`` takes most of a program's time. One compiler serves a whole run, in a sandbox of
its own: it runs no code of the programs (annotation processors are off). The classes it gives back
are run in another sandbox, with assertions on, as MultiPL-E does. The compiler's time is shared by
all programs and in no verdict.
"""

from __future__ import annotations

import contextlib
import struct
import subprocess
import threading
from pathlib import Path

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox.box import end
from foundry_plugins.eval.sandbox.isolation import ENVIRONMENT, UNSAFE, Isolation
from foundry_plugins.eval.sandbox.languages import java_tuples
from foundry_plugins.eval.sandbox.languages.language import (
    PROOF,
    Command,
    CompileError,
    Job,
    Language,
    before_brace,
    running,
)
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program

_INSIDE = "/opt/java"
_SOURCE = Path(__file__).with_name("compile_server.java")
_COMPILE_SECONDS = 60.0
_COMPILER = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1")
_RUN = ("-ea", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1")
_LAST = """
try (java.io.FileOutputStream lastFile = new java.io.FileOutputStream("{path}")) {{
    lastFile.write("{word}".getBytes());
}} catch (java.io.IOException lastError) {{ throw new RuntimeException(lastError); }}
"""
_MAIN_CLASS = "Problem"  # of every program of MultiPL-E
_INT = struct.Struct(">i")


class Java(Language):
    """Java."""

    def prepare(self, folder: Path, isolation: Isolation) -> None:
        """Compiles the server and the tuples, and makes ready to start the server."""
        sources = {"compile_server.java": _SOURCE.read_text(), **java_tuples.sources()}
        for name, text in sources.items():
            path = folder / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        files = [str(folder / "src" / name) for name in sources]
        argv = ["javac", "-encoding", "UTF8", "-d", str(folder / "classes"), *files]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"javac cannot compile what Java programs need: {done.stderr.strip()}")
        self._server = _Server(isolation, folder)

    def close(self) -> None:
        """Ends the server."""
        self._server.close()

    def visible(self, folder: Path) -> dict[str, Path]:
        """The tuples."""
        return {_INSIDE: folder / "classes"}

    def job(self, program: Program, word: str, scratch: str, limits: Limits) -> Job:
        """Compiles here, and runs what came of it."""
        last = _LAST.format(path=f"{scratch}/{PROOF}", word=word)
        # The last brace is that of the class.
        text = f"{program.source}\n{before_brace(program.tests, last, braces=2)}"
        files = {f"{name}.class": data for name, data in self._server.compile(text).items()}
        heap = f"-Xmx{limits.memory_bytes // 2}"
        classes = f"{self._server.classes}:."
        argv = ("java", *_RUN, heap, "-cp", classes, _MAIN_CLASS)
        run = Command(argv, running(limits), bounded_address=False)
        return Job(files, (run,))


class _Server:
    """The compiler, started when it is first needed and again when it does not answer.

    Args:
        isolation: How it is kept apart.
        folder: Where its classes are.
    """

    def __init__(self, isolation: Isolation, folder: Path) -> None:
        self._isolation, self._folder = isolation, folder / "classes"
        unsafe = isolation.name == UNSAFE
        self.classes = str(self._folder) if unsafe else _INSIDE
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def compile(self, text: str) -> dict[str, bytes]:
        """Classes by their names.

        Raises:
            CompileError: if there are none.
        """
        with self._lock:
            process = self._process or self._start()
            # A compiler that is late is killed, and reads from it then end.
            timer = threading.Timer(_COMPILE_SECONDS, end, (process,))
            timer.start()
            try:
                return _exchange(process, text.encode("utf-8", "replace"))
            except (EOFError, OSError) as error:
                self.close()
                raise CompileError("the compiler ended without an answer") from error
            finally:
                timer.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        java = ["/usr/bin/env", "java", *_COMPILER, "-cp", self.classes]
        command = self._isolation.command(
            [*java, "CompileServer", self.classes],
            visible={_INSIDE: self._folder},
            scratch_bytes=1 << 20,
        )
        self._process = subprocess.Popen(
            command,
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
            self._process.stdin.close()  # it ends by itself then
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
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


def language(name: str) -> Language:
    """Java."""
    signs = (
        ("AssertionError", "assertion"),
        ("OutOfMemoryError", "memory"),
        ("ClassCastException", "type"),
        ("Could not find or load main class", "name"),
    )
    return Java(name, ("java", "javac"), "`apt-get install openjdk-17-jdk-headless`", signs)
