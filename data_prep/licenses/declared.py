# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The licence that a project declares in its package file, as an SPDX expression.

Package files are read for `FILES`; anything in them that is not as their formats have it says
nothing. Names that are no SPDX expression (``Apache 2.0``, ``The MIT License``) are translated
where they can mean only one licence: ``BSD`` and ``GPL`` alone cannot.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from data_prep.licenses.spdx import canonical, says_something

# Names as `_plain` leaves them.
_NAMES = {
    "mit": "MIT",
    "expat": "MIT",
    "mit expat": "MIT",
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache software": "Apache-2.0",
    "apache software 2.0": "Apache-2.0",
    "asl 2.0": "Apache-2.0",
    "al2": "Apache-2.0",
    "bsd 2 clause": "BSD-2-Clause",
    "2 clause bsd": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "freebsd": "BSD-2-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "revised bsd": "BSD-3-Clause",
    "isc": "ISC",
    "iscl": "ISC",
    "mozilla public 2.0": "MPL-2.0",
    "mozilla public 2.0 mpl 2.0": "MPL-2.0",
    "mpl 2": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "python software foundation": "PSF-2.0",
    "psf": "PSF-2.0",
    "zlib libpng": "Zlib",
    "boost software 1.0": "BSL-1.0",
    "boost software 1.0 bsl 1.0": "BSL-1.0",
    "unlicense": "Unlicense",
    "cc0 1.0 universal cc0 1.0 public domain dedication": "CC0-1.0",
    "gpl 2": "GPL-2.0",
    "gpl 2.0": "GPL-2.0",
    "gplv2": "GPL-2.0",
    "gnu general public v2 gplv2": "GPL-2.0-only",
    "gnu general public v2 or later gplv2+": "GPL-2.0-or-later",
    "gplv2+": "GPL-2.0-or-later",
    "gpl 3": "GPL-3.0",
    "gpl 3.0": "GPL-3.0",
    "gplv3": "GPL-3.0",
    "gnu general public v3 gplv3": "GPL-3.0-only",
    "gnu general public v3 or later gplv3+": "GPL-3.0-or-later",
    "gplv3+": "GPL-3.0-or-later",
    "lgplv3": "LGPL-3.0",
    "lgplv3+": "LGPL-3.0-or-later",
    "lgplv2+": "LGPL-2.0-or-later",
    "gnu lesser general public v3 lgplv3": "LGPL-3.0-only",
    "gnu lesser general public v3 or later lgplv3+": "LGPL-3.0-or-later",
    "gnu lesser general public v2 or later lgplv2+": "LGPL-2.0-or-later",
    "agplv3": "AGPL-3.0",
    "gnu affero general public v3": "AGPL-3.0-only",
    "gnu affero general public v3 or later agplv3+": "AGPL-3.0-or-later",
}
_NOISE = re.compile(r"\b(?:the|licen[sc]e[sd]?|version|osi approved)\b|[^a-z0-9.+]+")
_CLASSIFIER = "License :: "
_UNLICENSED = re.compile(r"see licen[sc]e|unlicensed|proprietary|commercial|^other", re.IGNORECASE)


def declared(name: str, data: bytes) -> str | None:
    """What a package file says, or None if it says nothing that is understood.

    Args:
        name: The file's name, one of `FILES`.
        data: Its bytes.
    """
    try:
        return FILES[name](data.decode("utf-8"))
    # What a broken file raises: both are ValueErrors, as are those of json and tomllib.
    except (ValueError, configparser.Error, RecursionError):
        return None


def to_spdx(name: str) -> str | None:
    """A name or expression as an SPDX expression.

    >>> to_spdx("The MIT License"), to_spdx("MIT/Apache-2.0"), to_spdx("BSD")
    ('MIT', 'MIT OR Apache-2.0', None)
    """
    name = name.strip()
    if len(name) > 200 or _UNLICENSED.search(name) or not says_something(name):
        return None
    # Cargo's older way to say OR.
    if re.fullmatch(r"[\w.+-]+(?:\s*/\s*[\w.+-]+)+", name):
        name = re.sub(r"\s*/\s*", " OR ", name)
    if known := _NAMES.get(_plain(name)):
        return known
    return canonical(name)


def _plain(name: str) -> str:
    return " ".join(_NOISE.sub(" ", name.lower().replace("-", " ")).split())


def _first(names: Iterable[object]) -> str | None:
    return next((found for n in names if isinstance(n, str) and (found := to_spdx(n))), None)


def _choice(names: Iterable[object], operator: str) -> str | None:
    """Several licences in one expression; None unless all are understood."""
    found = [to_spdx(name) if isinstance(name, str) else None for name in names]
    if not found or None in found:
        return None
    return f" {operator} ".join(dict.fromkeys(map(str, found)))


def _classifiers(lines: Iterable[object]) -> str | None:
    names = [
        line.rpartition("::")[2]
        for line in lines
        if isinstance(line, str) and line.startswith(_CLASSIFIER) and line.count("::") > 1
    ]
    # Several stand for a choice or for parts; the stricter reading is parts.
    return _choice(names, "AND")


def _pyproject(text: str) -> str | None:
    import tomllib

    content = tomllib.loads(text)
    project = _table(content.get("project"))
    poetry = _table(_table(content.get("tool")).get("poetry"))
    stated = project.get("license")
    names = [stated, _table(stated).get("text"), poetry.get("license")]
    return _first(names) or _classifiers(
        [*_list(project.get("classifiers")), *_list(poetry.get("classifiers"))]
    )


def _setup_cfg(text: str) -> str | None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    if not parser.has_section("metadata"):
        return None
    section = parser["metadata"]
    names = (section.get("license_expression"), section.get("license"))
    return _first(names) or _classifiers(section.get("classifiers", "").splitlines())


def _package_json(text: str) -> str | None:
    content = _table(json.loads(text))
    stated = content.get("license")
    older = [_table(entry).get("type") for entry in _list(content.get("licenses"))]
    return (
        _first((stated, _table(stated).get("type")))
        or _choice(_list(stated), "OR")
        or _choice(older, "OR")
    )


def _cargo(text: str) -> str | None:
    import tomllib

    content = tomllib.loads(text)
    workspace = _table(_table(content.get("workspace")).get("package"))
    return _first((_table(content.get("package")).get("license"), workspace.get("license")))


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


FILES: dict[str, Callable[[str], str | None]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "package.json": _package_json,
    "Cargo.toml": _cargo,
    "composer.json": _package_json,
}
