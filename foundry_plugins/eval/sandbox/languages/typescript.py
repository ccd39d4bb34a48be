# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""TypeScript: compiled by a compiler that stays warm, then run as JavaScript.

The verdicts are those of MultiPL-E's ``tsc --target esnext`` and ``node``: a program that the
compiler has anything to say about fails, even where JavaScript came of it. What the compiler says
depends on its version.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from foundry_plugins.eval.sandbox.isolation import ENVIRONMENT, Isolation
from foundry_plugins.eval.sandbox.languages import interpreted
from foundry_plugins.eval.sandbox.languages.compile_server import CompileServer
from foundry_plugins.eval.sandbox.languages.language import Job, Language, inside
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program

_INSIDE = "/opt/typescript"
_SERVER = "compile_server.js"
_LIBRARY = "lib/typescript.js"
_COMPILED = "program.js"
_NODE = ("node", "--max-old-space-size=1024")


class TypeScript(Language):
    """TypeScript."""

    def missing(self) -> list[str]:
        """Tools that are not here, or a compiler that cannot be kept warm."""
        lacking = super().missing()
        return lacking or ([] if (_root() / _LIBRARY).is_file() else [f"a tsc with {_LIBRARY}"])

    def make(self, folder: Path) -> None:
        """Puts the server where a sandbox reads it."""
        source = Path(__file__).with_name(_SERVER)
        (folder / _SERVER).write_text(source.read_text())

    def start(self, folder: Path, isolation: Isolation) -> None:
        """Makes ready to start the compiler."""
        argv = [*_NODE, f"{inside(isolation, _INSIDE, folder)}/{_SERVER}", str(_root())]
        visible = {_INSIDE: folder, str(_root()): _root()}
        self._server = CompileServer(isolation, argv, visible)

    def close(self) -> None:
        """Ends the compiler."""
        self._server.close()

    def job(self, program: Program, word: str, scratch: str, limits: Limits) -> Job:
        """Compiles here, and runs what came of it."""
        files = self._server.compile(f"{program.source}\n{program.tests}\n")
        compiled = Program("js", files[_COMPILED].decode(), "")
        return interpreted.language("js").job(compiled, word, scratch, limits)


def _root() -> Path:
    """The folder of the compiler."""
    found = shutil.which("tsc", path=ENVIRONMENT["PATH"])
    assert found is not None
    return Path(found).resolve().parents[1]


def language(name: str) -> Language:
    """TypeScript, whose programs fail as those of JavaScript do."""
    signs = interpreted.language("js").signs
    return TypeScript(name, ("node", "tsc"), "`apt-get install nodejs node-typescript`", signs)
