# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""C++17 by g++, with a precompiled header.

Three quarters of what g++ does for one of these programs is reading ``bits/stdc++.h``. It is
precompiled once; since that only works for the first header of a file, it is included by the
command line, where a program includes it anyway. The linker is gold where there is one.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox.isolation import ENVIRONMENT, Isolation
from foundry_plugins.eval.sandbox.languages.language import (
    COMPILING,
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

_HEADER = "bits/stdc++.h"
_STANDARD = "-std=c++17"
_INSIDE = "/opt/headers"
_ALL = "all.h"
_LAST = """
{{ FILE* last_file = ::fopen("{path}", "w"); ::fputs("{word}", last_file); ::fclose(last_file); }}
"""


class Cpp(Language):
    """C++."""

    def make(self, folder: Path) -> None:
        """Precompiles the header."""
        source = folder / _ALL
        source.write_text(f"#include <{_HEADER}>\n")
        target = folder / f"{_ALL}.gch"
        argv = ["g++", _STANDARD, "-x", "c++-header", str(source), "-o", str(target)]
        done = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UserError(f"g++ cannot precompile {_HEADER}: {done.stderr.strip()}")

    def start(self, folder: Path, isolation: Isolation) -> None:
        """Finds the header."""
        self._headers = inside(isolation, _INSIDE, folder)

    def visible(self, folder: Path) -> dict[str, Path]:
        """The header."""
        return {_INSIDE: folder}

    def job(self, program: Program, word: str, scratch: str, limits: Limits) -> Job:
        """Compiles and runs."""
        last = _LAST.format(path=f"{scratch}/{PROOF}", word=word)
        text = f"{program.source}\n{before_brace(program.tests, last)}"
        header = ["-include", f"{self._headers}/{_ALL}"] if _HEADER in program.source else []
        gold = ["-fuse-ld=gold"] if shutil.which("ld.gold", path=ENVIRONMENT["PATH"]) else []
        argv = ("g++", _STANDARD, *header, *gold, "-pipe", "program.cpp", "-o", "program")
        compile_ = Command(argv, COMPILING, compiles=True, bounded_address=False)
        run = Command(("./program",), running(limits))
        return Job({"program.cpp": text.encode("utf-8", "surrogatepass")}, (compile_, run))


def language(name: str) -> Language:
    """C++."""
    signs = (("Assertion", "assertion"), ("bad_alloc", "memory"))
    return Cpp(name, ("g++",), "`apt-get install g++`", signs)
