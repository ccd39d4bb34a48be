# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is run, and what is said about it."""

from __future__ import annotations

import dataclasses

PASSED = "passed"
NOT_RUN = "sandbox"  # ours or the benchmark's to answer for
# What went wrong, in the order of a program's life.
FAILURES = (
    "syntax",  # Python that cannot be parsed
    "compile",  # refused by a compiler
    "name",  # NameError, ImportError, AttributeError
    "type",  # TypeError
    "exception",  # any other exception, or an exit status
    "assertion",  # a test's
    "exit",  # ended before its tests did
    "output",  # too much written, or an answer that is no plain data
    "memory",
    "timeout",
    "killed",  # by a signal
    NOT_RUN,
)
KINDS = (PASSED, *FAILURES)


@dataclasses.dataclass(frozen=True)
class PythonProgram:
    """Python that is judged from another process.

    The judge runs ``trusted``, puts a stand-in for every one of ``names`` in its place and runs
    ``test``. A stand-in sends its arguments to the process of ``candidate``, where the function of
    that name is called, and returns what comes back: plain data only.

    Attributes:
        trusted: The benchmark's own code: what the tests need beside the candidate.
        candidate: A module with the functions to be judged.
        test: Statements that raise if the candidate is wrong.
        names: Functions that are asked of the candidate.
    """

    trusted: str
    candidate: str
    test: str
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Program:
    """A program of another language, judged by how it ends.

    Attributes:
        language: A name of `languages`: ``cpp``, ``java``, ``js``, ...
        source: Everything before the tests.
        tests: The benchmark's own text that follows; it holds the program's entry point.
    """

    language: str
    source: str
    tests: str


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How a program ended.

    Attributes:
        kind: One of `KINDS`.
        message: What it said last, at most a few lines.
        wall_seconds: From start to end.
        cpu_seconds: Of the program and its children; of its tests not where they run elsewhere.
    """

    kind: str
    message: str = ""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all tests passed."""
        return self.kind == PASSED
