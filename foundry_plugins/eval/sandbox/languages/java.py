# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Java: compiled by a compiler that stays warm, run by a ``java`` of its own.

Starting ``javac`` takes most of a program's time. Annotation processors are off, which would run
code of the programs. The classes are run in another sandbox, with assertions on, as MultiPL-E does.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox.isolation import ENVIRONMENT, Isolation
from foundry_plugins.eval.sandbox.languages import java_tuples
from foundry_plugins.eval.sandbox.languages.compile_server import CompileServer
from foundry_plugins.eval.sandbox.languages.language import (
    PROOF,
    Command,
    Job,
    Language,
    before_brace,
    inside,
    running,
)
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program

_INSIDE = "/opt/java"
_SOURCE = Path(__file__).with_name("compile_server.java")
_COMPILER = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1")
_RUN = ("-ea", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1")
_LAST = """
try (java.io.FileOutputStream lastFile = new java.io.FileOutputStream("{path}")) {{
    lastFile.write("{word}".getBytes());
}} catch (java.io.IOException lastError) {{ throw new RuntimeException(lastError); }}
"""
_MAIN_CLASS = "Problem"  # of every program of MultiPL-E


class Java(Language):
    """Java."""

    def make(self, folder: Path) -> None:
        """Compiles the server and the tuples."""
        sources = {"compile_server.java": _SOURCE.read_text(), **java_tuples.sources()}
        for name, text in sources.items():
            path = folder / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        files = [str(folder / "src" / name) for name in sources]
        argv = ["javac", "-encoding", "UTF8", "-d", str(folder / "classes"), *files]
        done = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"javac cannot compile what Java programs need: {done.stderr.strip()}")

    def start(self, folder: Path, isolation: Isolation) -> None:
        """Makes ready to start the server."""
        self._classes = inside(isolation, _INSIDE, folder / "classes")
        argv = ["java", *_COMPILER, "-cp", self._classes, "CompileServer", self._classes]
        self._server = CompileServer(isolation, argv, self.visible(folder))

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
        classes = f"{self._classes}:."
        argv = ("java", *_RUN, heap, "-cp", classes, _MAIN_CLASS)
        run = Command(argv, running(limits), bounded_address=False)
        return Job(files, (run,))


def language(name: str) -> Language:
    """Java."""
    signs = (
        ("AssertionError", "assertion"),
        ("OutOfMemoryError", "memory"),
        ("ClassCastException", "type"),
        ("Could not find or load main class", "name"),
    )
    return Java(name, ("java", "javac"), "`apt-get install openjdk-17-jdk-headless`", signs)
