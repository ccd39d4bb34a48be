# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which language a file is in, by its name and, where that does not settle it, by its content.

Names are GitHub Linguist's (https://github.com/github-linguist/linguist, ``languages.yml``), the
ones that The Stack uses (Kocetkov et al. 2022, arXiv 2211.15533; Lozhkov et al. 2024, arXiv
2402.19173). ``languages.tsv`` is the table: one row a language with its kind (programming, markup,
data, prose), file endings, whole file names, and the interpreters of its scripts. Where it departs
from Linguist it follows The Stack v1: ``.tsx`` is TypeScript, free-form Fortran is Fortran.

Some endings have several languages: the table holds the most common one, and
`data_prep.language_rules` tells the others by their content.
"""

from __future__ import annotations

import re
from pathlib import Path

_TABLE = Path(__file__).with_name("languages.tsv")

# Names of The Stack v1 and of StarCoderData for what Linguist calls otherwise today.
_OTHER_NAMES = {
    "asp": "Classic ASP",
    "bro": "Zeek",
    "c-sharp": "C#",
    "coq": "Rocq Prover",
    "cpp": "C++",
    "cucumber": "Gherkin",
    "f-sharp": "F#",
    "gas": "Unix Assembly",
    "groff": "Roff",
    "html+django": "Jinja",
    "jade": "Pug",
    "jsx": "JavaScript",
    "jupyter": "Jupyter Notebook",
    "mathematica": "Wolfram Language",
    "mediawiki": "Wikitext",
    "nimrod": "Nim",
    "octave": "MATLAB",
    "perl6": "Raku",
    "protocol-buffer": "Protocol Buffer",
    "rhtml": "HTML+ERB",
    "saltstack": "Salt",
    "viml": "Vim script",
    "visual basic": "Visual Basic .NET",
}

# Endings that by themselves say too little: file.txt may hold anything, file.2 need be no manual.
_SAYS_LITTLE = frozenset(
    [*(f".{letter}" for letter in "123456789begijknpqwx"), ".inc", ".no", ".pck", ".txt"]
)

LANGUAGES: dict[str, tuple[str, ...]] = {}
"""Every language: its file endings, then the whole file names that say it all, in lower case."""

KIND: dict[str, str] = {}
"""Every language: ``programming``, ``markup``, ``data`` or ``prose``."""

_BY_ENDING: dict[str, str] = {}
_BY_FILE_NAME: dict[str, str] = {}
_BY_INTERPRETER: dict[str, str] = {}


def _load() -> None:
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        language, kind, endings, names, interpreters = (line.split("\t") + [""] * 3)[:5]
        LANGUAGES[language] = (*endings.split(), *names.split())
        KIND[language] = kind
        _BY_ENDING.update(dict.fromkeys(endings.split(), language))
        _BY_FILE_NAME.update(dict.fromkeys(names.split(), language))
        _BY_INTERPRETER.update(dict.fromkeys(interpreters.split(), language))


_load()
_CANONICAL = {
    **{name.lower(): name for name in LANGUAGES},
    **{name.lower().replace(" ", "-"): name for name in LANGUAGES},
    **_OTHER_NAMES,
    **{name.replace(" ", "-"): language for name, language in _OTHER_NAMES.items()},
}

# The path in a first line "#!/usr/bin/env -S VARIABLE=value python3.11 -u"; group 2 is the program
# where the first is `env`.
_SHEBANG = re.compile(
    rb"#![ \t]*(?:\S*/)?(?:env(?:[ \t]+(?:-\S+|\w+=\S*))*[ \t]+(?:\S*/)?)?([\w+.-]+)"
)
_VERSION = re.compile(r"[-.\d]+$")


def language_of(path: str, data: bytes | None = None) -> str | None:
    """The language of a file, or None if it is in none that is known.

    Args:
        path: Its name.
        data: Its content. Without it the name alone decides, and names that say too little
            (``notes.txt``, hidden files, names without an ending) are of no language.

    >>> language_of("src/Main.java"), language_of("docker/Dockerfile"), language_of("photo.png")
    ('Java', 'Dockerfile', None)
    >>> language_of("list.h"), language_of("list.h", b"template <class T> class List;")
    ('C', 'C++')
    >>> language_of("configure", b"#!/bin/sh -e"), language_of("notes.txt", b"To do")
    ('Shell', 'Text')
    """
    name = path.rpartition("/")[2].lower()
    ending, language = _by_name(name)
    if data is None:
        little = name.startswith(".") or ending in _SAYS_LITTLE
        return None if little or language == "Text" else language
    from data_prep.language_rules import by_content

    # A script says what it is; a name can be a habit.
    if not ending or ending in (".cgi", ".fcgi", ".t"):
        language = by_interpreter(data) or language
    return by_content(ending, data, language)


def by_interpreter(data: bytes) -> str | None:
    """The language of a script by its ``#!`` line.

    >>> by_interpreter(b"#!/usr/bin/env -S python3.11 -u"), by_interpreter(b"#!/opt/in-house")
    ('Python', None)
    """
    found = _SHEBANG.match(data[:200])
    if found is None:
        return None
    program = found[1].decode()
    return _BY_INTERPRETER.get(program) or _BY_INTERPRETER.get(_VERSION.sub("", program))


def may_be_source(path: str) -> bool:
    """Whether a file's name leaves it open that `language_of` tells its language.

    What it denies need not be opened: pictures, archives, object code.

    >>> may_be_source("README"), may_be_source("notes.txt"), may_be_source("photo.png")
    (True, True, False)
    """
    name = path.rpartition("/")[2].lower()
    return "." not in name.lstrip(".") or _by_name(name)[1] is not None


def canonical(language: str) -> str:
    """The one spelling of a language's name; what is no known name is returned as it is.

    >>> canonical("c-sharp"), canonical("Mathematica"), canonical("jupyter-notebook")
    ('C#', 'Wolfram Language', 'Jupyter Notebook')
    """
    return _CANONICAL.get(language.lower(), language)


def _by_name(name: str) -> tuple[str, str | None]:
    """The ending that counts ("" for a whole name), and its language."""
    if name in _BY_FILE_NAME:
        return "", _BY_FILE_NAME[name]
    # The longest ending that is known: `.html.erb` before `.erb`. A hidden name is no ending.
    start = name.find(".", 1)
    last = ""
    while start >= 0:
        last = name[start:]
        if last in _BY_ENDING:
            return last, _BY_ENDING[last]
        start = name.find(".", start + 1)
    return last, None
