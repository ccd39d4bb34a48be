# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The project that a file belongs to: its licences and its repository's name.

Licences are those of the nearest folder, from the file's own up to the source's root, that says
anything about them: in a licence file (``LICENSE``, ``COPYING.LESSER``, ``LICENSE-MIT.txt``) or a
package file (`data_prep.licenses.declared`). A declaration stands if a licence file bears it out or
there is none; if the two differ, both apply. A licence file that nothing recognises counts as
``LicenseRef-unrecognized``, so that a folder with terms of its own never passes for its parent's.

The repository is the nearest folder with ``.git``. Its name is ``owner/name`` of the remote
``origin``, or else the folder's own.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence

from data_prep import store
from data_prep.languages import language_of
from data_prep.licenses import declared, spdx
from data_prep.licenses.detect import detect_text

UNRECOGNIZED = "LicenseRef-unrecognized"
GIT = ".git"
_LARGEST_BYTES = 1_000_000
# Folders whose answer each process keeps. Neighbouring files are read one after the other.
_REMEMBERED = 4096
_LICENSE_FILE = re.compile(r"(?:un)?licen[sc]e(?:[-._].*)?|copying(?:[-._].*)?", re.IGNORECASE)
_NOTICE_FILE = re.compile(r"notice(?:\.(?:txt|md))?", re.IGNORECASE)
_OF_OTHERS = re.compile(r"third|extern|vendor|bundle|depend", re.IGNORECASE)
_ORIGIN = re.compile(r'\[remote "origin"\]([^\[]*)')
_URL = re.compile(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)
_OWNER_AND_NAME = re.compile(r"([^/:@]+)/([^/:]+?)(?:\.git)?/*$")


def says_license(name: str) -> bool:
    """Whether a file may say which licence its folder is under.

    >>> [n for n in ("LICENSE-MIT", "COPYING", "license.py", "package.json") if says_license(n)]
    ['LICENSE-MIT', 'COPYING', 'package.json']
    """
    return name in declared.FILES or _is_text(name) or _NOTICE_FILE.fullmatch(name) is not None


def licenses_of(root: str, folder: str) -> tuple[str, ...]:
    """SPDX expressions that the files in a folder are under, as far as their project says.

    Args:
        root: The source's folder or url; nothing above it is looked at.
        folder: The folder below it, with ``/`` at its end; empty for the root.
    """
    while True:
        if found := _own_licenses(store.join(root, folder)):
            return found
        if not folder:
            return ()
        folder = _parent(folder)


def repository_of(root: str, folder: str) -> tuple[str, str]:
    """Name and folder (below ``root``, with ``/`` at its end) of the repository around a folder.

    Both are empty if there is none. Stores of objects hold no repositories.
    """
    if store.is_remote(root):
        return "", ""
    while True:
        if name := _own_repository(os.path.join(root, folder)):
            return name, folder
        if not folder:
            return "", ""
        folder = _parent(folder)


def repository_name(url: str) -> str:
    """``owner/name`` from a remote's url; empty if it has no such end.

    >>> repository_name("git@github.com:ann/tool.git"), repository_name("")
    ('ann/tool', '')
    """
    name = _OWNER_AND_NAME.search(url)
    return f"{name.group(1)}/{name.group(2)}" if name else ""


def _parent(folder: str) -> str:
    return folder[: folder.rfind("/", 0, -1) + 1]


def stated_licenses(names: Sequence[str], read: Callable[[str], bytes]) -> tuple[str, ...]:
    """What the files of one folder say, if anything.

    Args:
        names: Those of them that `says_license`.
        read: Gives a file's content.
    """

    def text(name: str) -> str:
        return read(name).decode("utf-8", "replace")

    stated = next(
        (
            found
            for name in declared.FILES
            if name in names and (found := declared.declared(name, read(name)))
        ),
        None,
    )
    files = [name for name in names if _is_text(name)]
    texts = dict.fromkeys(found for name in files for found in detect_text(text(name)))
    if stated is None:
        notices = () if files else [name for name in names if _NOTICE_FILE.fullmatch(name)]
        texts.update((found, None) for n in notices for found in detect_text(text(n)))
        return tuple(texts) or ((UNRECOGNIZED,) if files else ())
    if not texts or spdx.identifiers(stated) & {i for t in texts for i in spdx.identifiers(t)}:
        return (stated,)
    return (stated, *texts)


@functools.lru_cache(maxsize=_REMEMBERED)
def _own_licenses(folder: str) -> tuple[str, ...]:
    names = [name for name in _names(folder) if says_license(name)]
    return stated_licenses(names, lambda name: _read(folder, name))


def _is_text(name: str) -> bool:
    if _LICENSE_FILE.fullmatch(name) is None or _OF_OTHERS.search(name):
        return False
    # `license.py` is a program, and so is `copying.c`.
    return language_of(name) in (None, "Markdown", "reStructuredText")


def _names(folder: str) -> Sequence[str]:
    if store.is_remote(folder):
        return [found.url.rpartition("/")[2] for found in store.entries(folder)]
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return ()


def _read(folder: str, name: str) -> bytes:
    if store.is_remote(folder):
        return store.read_bytes(store.join(folder, name))
    try:
        with open(os.path.join(folder, name), "rb") as handle:
            return handle.read(_LARGEST_BYTES)
    except OSError:
        return b""


@functools.lru_cache(maxsize=_REMEMBERED)
def _own_repository(folder: str) -> str:
    """The name of the repository whose top a folder is, or an empty string."""
    git = os.path.join(folder, GIT)
    if not os.path.lexists(git):
        return ""
    try:
        with open(os.path.join(git, "config"), encoding="utf-8", errors="replace") as handle:
            config = handle.read(_LARGEST_BYTES)
    except OSError:
        config = ""
    origin = _ORIGIN.search(config)
    url = _URL.search(origin.group(1)) if origin else None
    own = os.path.basename(os.path.abspath(folder))
    return repository_name(url.group(1) if url else "") or own
