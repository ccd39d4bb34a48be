# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which licence a text is, or says that it is under.

Licence files go through ``licenseclassifier``, a Python port of Google's licensecheck with 693 SPDX
texts and no dependencies. What it does not know, and the first lines of source files, are searched
for the notices by which files name their licence: the line ``SPDX-License-Identifier:`` (SPDX
specification 2.3, annex E) and the usual sentences.

The text of a GNU licence does not say whether later versions may be used; it gives the bare
identifier (``GPL-3.0``), which is deprecated for exactly that.
"""

from __future__ import annotations

import re

from data_prep.licenses.spdx import canonical

# Share of a licence file, in per cent, that must be licence text: files of several parts carry
# names, lists and addresses beside it.
_COVERAGE = 25.0
# A file of licences is never larger; more is a data file with an unlucky name.
_LONGEST_TEXT = 1_000_000
# Where a source file names its licence, if it does.
HEAD_CHARS = 3000
_SPDX_LINE = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n]+)", re.IGNORECASE)
# What ends a comment, and what follows an expression in an HTML or XML one.
_COMMENT_END = re.compile(r"(\*/|-->|\*\)|#\}|%>|\"\"\"|'''|\|#).*$|[\s*#;,'\"]+$")
# Every notice has one of these words: asked first, because most files have no notice.
_HINTS = ("licens", "licenc", "gnu ", "redistribution", "permission", "unencumbered", "cc0")
# Lower-case letters, digits and full stops as they are, a space in place of every other byte.
_WORDS = bytes(
    byte if chr(byte) in "abcdefghijklmnopqrstuvwxyz0123456789." else ord(" ")
    for byte in range(256)
)

_GNU = re.compile(r"gnu (?:(lesser|library|affero) )?(?:general public license|(l|a)?gpl)")
_GNU_VERSION = re.compile(r"\bv(?:ersion|\.)? ?([123](?:\.[01])?)\b")
_CHOICE = re.compile(r"choose between|dual licen[sc]e")
_GNU_NAMES = {"lesser": "LGPL", "library": "LGPL", "l": "LGPL", "affero": "AGPL", "a": "AGPL"}
# The same over normalised words; the first that is found says it.
_NOTICES = tuple(
    (re.compile(pattern), identifier)
    for pattern, identifier in (
        (r"apache license,? v(?:ersion|\.)? ?2(?:\.0)?\b", "Apache-2.0"),
        (r"mozilla public license,? v(?:ersion|\.)? ?2\.0", "MPL-2.0"),
        (r"boost software license,? v(?:ersion|\.)? ?1\.0", "BSL-1.0"),
        (r"eclipse public license,? (?:v(?:ersion|\.)? ?)?2\.0", "EPL-2.0"),
        (r"eclipse public license,? (?:v(?:ersion|\.)? ?)?1\.0", "EPL-1.0"),
        (r"free and unencumbered software released into the public domain", "Unlicense"),
        (r"cc0 1\.0 universal|creativecommons\.org publicdomain zero 1\.0", "CC0-1.0"),
        (r"(?:under|of) the (?:terms of the )?mit license", "MIT"),
        (r"permission is hereby granted free of charge to any person obtaining a copy", "MIT"),
        (r"permission to use copy modify and or distribute this software for any purpose", "ISC"),
        (
            r"redistribution and use in source and binary forms.{0,1200}neither the name",
            "BSD-3-Clause",
        ),
        (r"redistribution and use in source and binary forms", "BSD-2-Clause"),
    )
)


def detect_text(text: str) -> tuple[str, ...]:
    """The licences that a licence file holds: SPDX identifiers, in order, without repeats."""
    from licenseclassifier import identify_license

    text = text[:_LONGEST_TEXT]
    found = dict.fromkeys(match.id for match in identify_license(text, _COVERAGE))
    return _without_references(tuple(found)) or detect_header(text)


def detect_header(text: str) -> tuple[str, ...]:
    """What a source file's first lines say of its licence: SPDX expressions, mostly one.

    >>> detect_header("// SPDX-License-Identifier: MIT OR Apache-2.0 */")
    ('MIT OR Apache-2.0',)
    """
    head = text[:HEAD_CHARS]
    lowered = head.lower()
    # Plain searches: an expression of all of them takes ten times as long.
    if not any(hint in lowered for hint in _HINTS):
        return ()
    found = _SPDX_LINE.findall(head) if "spdx-license-identifier:" in lowered else []
    lines = (_COMMENT_END.sub("", line.strip()).strip() for line in found)
    stated = tuple(dict.fromkeys(known for line in lines if (known := canonical(line))))
    return stated or _notice(lowered)


def _notice(lowered: str) -> tuple[str, ...]:
    words = " ".join(lowered.encode().translate(_WORDS).decode("ascii").split())
    if (match := _GNU.search(words)) and (found := _gnu(match)):
        return (found,)
    return next(((identifier,) for form, identifier in _NOTICES if form.search(words)), ())


def _gnu(match: re.Match[str]) -> str | None:
    """The identifier of a notice that names a GNU licence.

    None if it gives no version, or offers a choice: the other licence may be any.
    """
    before, after = match.string[: match.start()][-120:], match.string[match.end() :][:240]
    if _CHOICE.search(before):
        return None
    version = _GNU_VERSION.search(after) or _GNU_VERSION.search(before)
    if version is None:
        return None
    number = version.group(1) if "." in version.group(1) else f"{version.group(1)}.0"
    ending = "or-later" if re.search(r"\b(?:any|or) later\b", before + after) else "only"
    name = _GNU_NAMES.get(match.group(1) or match.group(2), "GPL")
    return f"{name}-{number}-{ending}"


def _without_references(found: tuple[str, ...]) -> tuple[str, ...]:
    """Leaves out what a GNU text only refers to.

    The GPL's own text ends with an example notice (``-or-later``), the LGPL's includes the GPL.
    """
    texts = {name for name in found if re.fullmatch(r"[AL]?GPL-\d\.\d", name)}
    implied = {f"{name}-or-later" for name in texts}
    if any(name.startswith("LGPL-3") for name in texts):
        implied |= {"GPL-3.0", "GPL-3.0-or-later"}
    return tuple(name for name in found if name not in implied)
