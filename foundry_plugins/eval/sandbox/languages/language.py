# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a language says about itself.

A program passes if it ends with status 0 and has written, after its tests, a word that is made for
it alone. So a program that ends early (``exit(0)`` in the middle of a test) fails.

What this cannot stop: code that runs in the same process as its tests can look for the word in its
own source or memory and write it, or redefine what the tests call (``#define assert(x)``). Only
Python's tests run in a process of their own.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path

from foundry_plugins.eval.sandbox.isolation import ENVIRONMENT, UNSAFE, Isolation
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program

PROOF = "ended"  # the file that a program writes its word into
# Compilers are slower than what they compile.
COMPILING = Limits(
    cpu_seconds=30.0, wall_seconds=60.0, memory_bytes=2 << 30, processes=64, file_bytes=1 << 26
)
# Threads of a run time do not grow with what a program does.
_LEAST_PROCESSES = 64


class CompileError(Exception):
    """A compiler refused a program; its message."""


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of a job.

    Attributes:
        argv: Run in the folder of the job's files.
        limits: Of this command.
        compiles: Whether its failure is the compiler's.
        bounded_address: Whether the run time bears a limit of its address space; resident memory
            is bounded for all.
        environment: Beside the little that a sandbox has.
    """

    argv: tuple[str, ...]
    limits: Limits
    compiles: bool = False
    bounded_address: bool = True
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Job:
    """How one program is run: files to write, and commands up to the first that fails."""

    files: Mapping[str, bytes]
    commands: tuple[Command, ...]


@dataclasses.dataclass
class Language:
    """One language. `make` and `start` are called once, in this order, `job` for each program.

    Attributes:
        name: Short, as in MultiPL-E.
        tools: Commands that must be there.
        install: How to get them.
        signs: Parts of error output and the kind of failure that they tell, the first one first.
    """

    name: str
    tools: tuple[str, ...]
    install: str
    signs: tuple[tuple[str, str], ...]

    def where(self, tool: str) -> str | None:
        """One of the tools, where a sandbox looks for it; None if it is not there."""
        return shutil.which(tool, path=ENVIRONMENT["PATH"])

    def missing(self) -> list[str]:
        """Tools that are not here."""
        return [tool for tool in self.tools if self.where(tool) is None]

    def make(self, folder: Path) -> None:
        """Makes in an empty folder what all programs share; it may be moved, and used again."""

    def start(self, folder: Path, isolation: Isolation) -> None:
        """Starts what compiles programs; ``folder`` is what `make` filled."""

    def close(self) -> None:
        """Ends what `start` started."""

    def visible(self, folder: Path) -> dict[str, Path]:
        """What must be seen in the sandbox beside ``/usr``; ``folder`` is `make`'s."""
        return {}

    def job(self, program: Program, word: str, scratch: str, limits: Limits) -> Job:
        """How to run a program.

        Args:
            program: Of this language.
            word: To be written to `PROOF` after the tests.
            scratch: The folder of the files, as the program sees it.
            limits: Of the program.

        Raises:
            CompileError: if it cannot be compiled, where that is done before.
        """
        raise NotImplementedError


def inside(isolation: Isolation, path: str, folder: Path) -> str:
    """Where a program finds a folder that is visible as ``path``: nowhere else if unsafe."""
    return str(folder) if isolation.name == UNSAFE else path


def before_brace(tests: str, addition: str, braces: int = 1) -> str:
    """Puts text before the last closing brace, or the one before it, ...: where ``main`` ends."""
    at = len(tests)
    for _ in range(braces):
        at = tests.rfind("}", 0, at)
        if at < 0:
            return tests
    return f"{tests[:at]}{addition}\n{tests[at:]}"


def running(limits: Limits) -> Limits:
    """Those of the command that runs a program."""
    return dataclasses.replace(limits, processes=max(limits.processes, _LEAST_PROCESSES))
