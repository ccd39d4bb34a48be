# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rust by rustc, called where it lies rather than through rustup's proxy, linked dynamically."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

from foundry_plugins.eval.sandbox.languages.language import (
    COMPILING,
    PROOF,
    Command,
    Job,
    Language,
    before_brace,
    running,
)
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program

_LAST = '\n::std::fs::write("{path}", "{word}").unwrap();'


class Rust(Language):
    """Rust, of the edition that rustc takes by itself, as MultiPL-E runs it."""

    def where(self, tool: str) -> str | None:
        """One of the tools; rustup keeps rustc in the user's own folders."""
        return shutil.which(tool) if tool == "rustc" else super().where(tool)

    def visible(self, folder: Path) -> dict[str, Path]:
        """The tool chain."""
        return {str(_root()): _root()}

    def job(self, program: Program, word: str, scratch: str, limits: Limits) -> Job:
        """Compiles and runs."""
        last = _LAST.format(path=f"{scratch}/{PROOF}", word=word)
        text = f"{program.source}\n{before_brace(program.tests, last)}"
        argv = (f"{_root()}/bin/rustc", "-C", "prefer-dynamic", "program.rs", "-o", "program")
        libraries = {"LD_LIBRARY_PATH": _libraries()}
        compile_ = Command(argv, COMPILING, compiles=True, bounded_address=False)
        run = Command(("./program",), running(limits), environment=libraries)
        return Job({"program.rs": text.encode("utf-8", "surrogatepass")}, (compile_, run))


@functools.cache
def _root() -> Path:
    argv = ["rustc", "--print", "sysroot"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


@functools.cache
def _libraries() -> str:
    argv = ["rustc", "--print", "target-libdir"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return f"{done.stdout.strip()}:{_root()}/lib"


def language(name: str) -> Language:
    """Rust."""
    install = "rustup (https://rustup.rs), or `apt-get install rustc`"
    signs = (("assertion", "assertion"), ("memory allocation of", "memory"))
    return Rust(name, ("rustc", "cc"), install, signs)
