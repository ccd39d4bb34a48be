# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The git program: one command, or a process that answers questions as long as it is needed.

What is read depends on the repository alone: no setting of the user or the machine, no environment
variable and no replaced object has a say, and nothing is fetched that a partial clone lacks. Only
git's plumbing is used, which runs no hook and no external program of a repository's configuration.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO

from foundry_plugins.contract.errors import UserError

_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    # Of no protocol: older releases fetch missing objects whatever the first of the two says.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
_SKIPPED_AT_ONCE = 1 << 20
_SHOWN_CHARS = 300


class GitError(Exception):
    """What git says of a repository that it cannot read."""


@functools.cache
def program() -> str:
    """The path of the git program.

    Raises:
        UserError: if there is none.
    """
    found = shutil.which("git")
    if found is None:
        raise UserError(
            "Sources of kind git_commits need the program `git`, which is not on PATH; install it."
        )
    return found


def output(git_dir: str, *arguments: str) -> bytes:
    """What one command prints.

    Raises:
        GitError: if it fails.
    """
    done = subprocess.run(
        _command(git_dir, arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=_environment(),
        check=False,
    )
    if done.returncode:
        raise GitError(_said(done.stderr) or f"git {arguments[0]} ended with {done.returncode}")
    return done.stdout


@contextlib.contextmanager
def running(git_dir: str, *arguments: str) -> Iterator[Process]:
    """A command that answers questions until the context ends."""
    # Not a pipe: nobody would read it, and it would fill up.
    with tempfile.TemporaryFile() as errors:
        started = subprocess.Popen(
            _command(git_dir, arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_environment(),
        )
        process = Process(started, errors)
        try:
            yield process
        finally:
            process.close()


class Process:
    """A command that reads questions and prints answers."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._questions = process.stdin
        self._answers = process.stdout
        self._errors = errors

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        for stream in (self._questions, self._answers):
            # What was still to be written to a process that is gone.
            with contextlib.suppress(OSError):
                stream.close()
        self._process.wait()

    def ask(self, question: bytes) -> None:
        """Sends bytes.

        Raises:
            GitError: if the process has ended.
        """
        try:
            self._questions.write(question)
            self._questions.flush()
        except OSError as error:
            raise self._failure() from error

    def line(self) -> bytes:
        """The next line of the answer, its end included."""
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise self._failure()
        return line

    def read(self, size: int) -> bytes:
        """So many bytes of the answer."""
        data = self._answers.read(size)
        if len(data) < size:
            raise self._failure()
        return data

    def read_until(self, end: bytes) -> bytes:
        """The answer up to ``end``, which is the last that comes."""
        data = bytearray()
        while not data.endswith(end):
            # As much as there is.
            piece = self._answers.read1(_SKIPPED_AT_ONCE)  # type: ignore[attr-defined]
            if not piece:
                raise self._failure()
            data += piece
        return bytes(data[: -len(end)])

    def skip(self, size: int) -> None:
        """Passes over so many bytes of the answer."""
        while size > 0:
            size -= len(self.read(min(size, _SKIPPED_AT_ONCE)))

    def _failure(self) -> GitError:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        return GitError(_said(self._errors.read()) or "git ended without an answer")


def _command(git_dir: str, arguments: tuple[str, ...]) -> list[str]:
    return [program(), f"--git-dir={git_dir}", *arguments]


def _environment() -> dict[str, str]:
    # Variables such as GIT_DIR and GIT_INDEX_FILE are there where a hook runs this.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return own | _SETTINGS


def _said(errors: bytes) -> str:
    text = " ".join(errors.decode("utf-8", "replace").split())
    return text.removeprefix("fatal: ")[:_SHOWN_CHARS]
