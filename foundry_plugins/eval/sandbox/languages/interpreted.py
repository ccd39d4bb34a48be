# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Languages whose programs are one file for one command, and whose tests run from top to bottom.

The commands are those of MultiPL-E (arXiv 2208.08227, its ``evaluation/src``), with errors where
they can be read.
"""

from __future__ import annotations

import dataclasses

from foundry_plugins.eval.sandbox.languages.language import PROOF, Command, Job, Language, running
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program

_MEGABYTE = 1 << 20


@dataclasses.dataclass
class Interpreted(Language):
    """A language without a compiler.

    Attributes:
        command: Before the file's name; ``{megabytes}`` is the limit of memory.
        last: Writes ``{word}`` to ``{path}``.
        bounded_address: As in `Command`.
    """

    command: tuple[str, ...] = ()
    last: str = ""
    bounded_address: bool = True

    def job(self, program: Program, word: str, scratch: str, limits: Limits) -> Job:
        """One command."""
        last = self.last.replace("{path}", f"{scratch}/{PROOF}").replace("{word}", word)
        text = f"{program.source}\n{program.tests}\n{last}\n"
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
