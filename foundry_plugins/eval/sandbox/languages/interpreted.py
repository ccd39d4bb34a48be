# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Languages whose programs are one file for one command, and whose tests run from top to bottom.

The commands are those of MultiPL-E (arXiv 2208.08227, its ``evaluation/src``), with errors where
they can be read.
"""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

from foundry_plugins.eval.sandbox.isolation import ENVIRONMENT
from foundry_plugins.eval.sandbox.languages.language import PROOF, Command, Job, Language, running
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program

_MEGABYTE = 1 << 20
# Ruby's test-unit would run the tests after the program's last line.
_NO_TESTS_AT_EXIT = "Test::Unit::AutoRunner.need_auto_run = false"


@dataclasses.dataclass
class Interpreted(Language):
    """A language without a compiler.

    Attributes:
        command: Before the file's name; ``{megabytes}`` is the limit of memory.
        last: Writes ``{word}`` to ``{path}``.
        instead_of: What ends the tests of a test framework; ``last`` takes its place.
        bounded_address: As in `Command`.
        library: A part of the language that may be missing, and a command that fails without it.
        reads: Files and folders that it needs outside of ``/usr``.
    """

    command: tuple[str, ...] = ()
    last: str = ""
    instead_of: str = ""
    bounded_address: bool = True
    library: tuple[str, tuple[str, ...]] | None = None
    reads: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Tools that are not here, or the library."""
        lacking = super().missing()
        if lacking or self.library is None:
            return lacking
        name, argv = self.library
        done = subprocess.run(argv, capture_output=True, check=False, env=ENVIRONMENT)
        return [name] if done.returncode else []

    def visible(self, folder: Path) -> dict[str, Path]:
        """What it reads."""
        return {path: Path(path) for path in self.reads}

    def job(self, program: Program, word: str, scratch: str, limits: Limits) -> Job:
        """One command."""
        last = self.last.replace("{path}", f"{scratch}/{PROOF}").replace("{word}", word)
        tests = program.tests.rstrip().removesuffix(self.instead_of)
        text = f"{program.source}\n{tests}\n{last}\n"
        file = f"program.{self.name}"
        megabytes = str(limits.memory_bytes // _MEGABYTE)
        argv = (*(part.replace("{megabytes}", megabytes) for part in self.command), file)
        run = Command(argv, running(limits), bounded_address=self.bounded_address)
        return Job({file: text.encode("utf-8", "surrogatepass")}, (run,))


def language(name: str) -> Language:
    """One of the languages of this file."""
    return _LANGUAGES[name]


_LANGUAGES = {
    "js": Interpreted(
        name="js",
        tools=("node",),
        install="`apt-get install nodejs`",
        signs=(
            ("AssertionError", "assertion"),
            ("SyntaxError", "syntax"),
            ("ReferenceError", "name"),
            ("MODULE_NOT_FOUND", "name"),
            ("TypeError", "type"),
            ("heap out of memory", "memory"),
            ("Array buffer allocation failed", "memory"),
        ),
        command=("node", "--max-old-space-size={megabytes}"),
        last=';require("fs").writeFileSync("{path}", "{word}");',
        bounded_address=False,
    ),
    "php": Interpreted(
        name="php",
        tools=("php",),
        install="`apt-get install php-cli`",
        signs=(
            ("Test failed!", "assertion"),
            ("Parse error", "syntax"),
            ("syntax error", "syntax"),
            ("undefined function", "name"),
            ("Undefined constant", "name"),
            ("TypeError", "type"),
            ("ArgumentCountError", "type"),
            ("Allowed memory size", "memory"),
        ),
        command=("php", "-d", "display_errors=stderr", "-d", "memory_limit={megabytes}M"),
        last='file_put_contents("{path}", "{word}");',
    ),
    "sh": Interpreted(
        name="sh",
        tools=("bash",),
        install="`apt-get install bash`",
        signs=(("syntax error", "syntax"), ("command not found", "name")),
        command=("bash",),
        last='printf %s "{word}" > "{path}"',
    ),
    "lua": Interpreted(
        name="lua",
        tools=("lua",),
        install="`apt-get install lua5.4 lua-unit`",
        signs=(
            ("attempt to call a nil value", "name"),
            ("attempt to", "type"),
            ("expected: ", "assertion"),
            ("lua: program.lua:", "syntax"),
        ),
        # LuaUnit's report goes to the output, which nobody reads.
        command=("/bin/sh", "-c", 'exec lua "$0" >&2'),
        last=(
            "local last_failures = lu.LuaUnit.run()\n"
            "if last_failures == 0 then\n"
            '  local last_file = io.open("{path}", "w")\n'
            '  last_file:write("{word}")\n'
            "  last_file:close()\n"
            "end\n"
            "os.exit(last_failures)"
        ),
        instead_of="os.exit(lu.LuaUnit.run())",
        # LuaUnit stumbles over an error that is no more than "not enough memory".
        bounded_address=False,
        library=("LuaUnit", ("lua", "-e", "require 'luaunit'")),
    ),
    "r": Interpreted(
        name="r",
        tools=("Rscript",),
        install="`apt-get install r-base-core`",
        signs=(
            ("is not TRUE", "assertion"),
            ("unexpected", "syntax"),
            ("could not find function", "name"),
            ("not found", "name"),
            ("cannot allocate", "memory"),
        ),
        command=("Rscript", "--vanilla"),
        last='cat("{word}", file = "{path}")',
        reads=("/etc/R",),
    ),
    "rb": Interpreted(
        name="rb",
        tools=("ruby",),
        install="`apt-get install ruby ruby-test-unit`",
        signs=(
            ("failed to allocate memory", "memory"),
            ("syntax error", "syntax"),
            ("NameError", "name"),
            ("NoMethodError", "name"),
            ("TypeError", "type"),
            ("ArgumentError", "type"),
            ("Failure: ", "assertion"),
        ),
        command=("/bin/sh", "-c", 'exec ruby "$0" >&2'),
        last=(
            f"{_NO_TESTS_AT_EXIT}\n"
            "exit(1) unless Test::Unit::AutoRunner.run\n"
            'File.write("{path}", "{word}")'
        ),
        library=("test-unit", ("ruby", "-e", f"require 'test/unit'; {_NO_TESTS_AT_EXIT}")),
    ),
    "pl": Interpreted(
        name="pl",
        tools=("perl",),
        install="`apt-get install perl`",
        signs=(
            ("syntax error", "syntax"),
            ("Undefined subroutine", "name"),
            ("Can't locate", "name"),
            ("Out of memory", "memory"),
        ),
        command=("perl",),
        last='open(my $last_file, ">", "{path}"); print $last_file "{word}"; close($last_file);',
    ),
}
