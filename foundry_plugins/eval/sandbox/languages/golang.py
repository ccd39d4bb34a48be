# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Go, as ``go test`` builds and vets it.

MultiPL-E runs ``go test program_test.go``. Here it is told to run nothing (``-exec true``) but to
leave the tests' program, which is then run by itself, within its own limits. A second file of the
same package has the ``TestMain`` that proves the tests' end. What Go remembers of its own packages
is made once.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox.isolation import Isolation
from foundry_plugins.eval.sandbox.languages.language import (
    COMPILING,
    PROOF,
    Command,
    CompileError,
    Job,
    Language,
    inside,
    running,
)
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program

_INSIDE, _CACHE = "/opt/go", "cache"
_PROGRAM, _LAST = "program_test.go", "last_test.go"
_BUILD = ("test", "-exec", "/usr/bin/true", "-o", "program", _PROGRAM, _LAST)
# Failures are written to the output, which nobody reads.
_RUN = ("/bin/sh", "-c", "exec ./program >&2")
_PACKAGE = re.compile(r"^package[ \t]+(\w+)", re.MULTILINE)
_ENVIRONMENT = {
    "GO111MODULE": "off",
    "GOFLAGS": "",
    "GOTOOLCHAIN": "local",
    "GOPATH": "/tmp/go",
    "CGO_ENABLED": "0",
}
_LAST_TEXT = """package {package}

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {{
	code := m.Run()
	if code == 0 {{
		if err := os.WriteFile("{path}", []byte("{word}"), 0o600); err != nil {{
			panic(err)
		}}
	}}
	os.Exit(code)
}}
"""
# Every program imports these.
_FIRST_TEXT = """package first_test

import (
	"fmt"
	"testing"
)

func TestFirst(t *testing.T) { fmt.Sprint() }
"""


class Go(Language):
    """Go."""

    def where(self, tool: str) -> str | None:
        """The tool; Go's own archive has a folder of its own."""
        return shutil.which(tool)

    def make(self, folder: Path) -> None:
        """Builds a program, and keeps what Go remembers of it."""
        source, cache = folder / "source", folder / _CACHE
        source.mkdir()
        (source / _PROGRAM).write_text(_FIRST_TEXT)
        (source / _LAST).write_text(_LAST_TEXT.format(package="first_test", path="x", word="x"))
        environment = {**os.environ, **_ENVIRONMENT, "GOCACHE": str(cache)}
        argv = [f"{_root()}/bin/go", *_BUILD]
        done = subprocess.run(
            argv, cwd=source, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UserError(f"go cannot build a test: {(done.stderr or done.stdout).strip()}")
        shutil.rmtree(source)

    def start(self, folder: Path, isolation: Isolation) -> None:
        """Finds what Go remembers."""
        self._cache = inside(isolation, _INSIDE, folder / _CACHE)

    def visible(self, folder: Path) -> dict[str, Path]:
        """The tool chain, and what it remembers."""
        return {_INSIDE: folder / _CACHE, str(_root()): _root()}

    def job(self, program: Program, word: str, scratch: str, limits: Limits) -> Job:
        """Builds and runs."""
        package = _PACKAGE.search(program.source)
        if package is None:
            raise CompileError("the program has no package clause")
        last = _LAST_TEXT.format(package=package[1], path=f"{scratch}/{PROOF}", word=word)
        text = f"{program.source}\n{program.tests}"
        files = {_PROGRAM: text.encode("utf-8", "surrogatepass"), _LAST: last.encode()}
        environment = {**_ENVIRONMENT, "GOCACHE": self._cache}
        build = Command(
            (f"{_root()}/bin/go", *_BUILD),
            COMPILING,
            compiles=True,
            bounded_address=False,
            environment=environment,
        )
        run = Command(_RUN, running(limits), bounded_address=False)
        return Job(files, (build, run))


@functools.cache
def _root() -> Path:
    done = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def language(name: str) -> Language:
    """Go."""
    signs = (
        ("out of memory", "memory"),
        ("panic: ", "exception"),
        ("fatal error: ", "exception"),
        ("--- FAIL", "assertion"),
    )
    install = "https://go.dev/dl, or `apt-get install golang-go`"
    return Go(name, ("go",), install, signs)
