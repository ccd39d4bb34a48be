# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of source code: every file below it, here or in an object store.

The language is told by the file's name and content, the licence by the file's first lines or by
the project around it (`data_prep.licenses.project`), the repository by the nearest ``.git``.

Never entered: hidden folders (``.git``, ``.venv``, ...), folders of installed or generated code
(``node_modules``, ``site-packages``, ``__pycache__``, virtual environments, ...) and the output of
this command. Hidden files are not read. Symbolic links are not followed: what they point to is
either below the folder already, or was not asked for.
"""

from __future__ import annotations

import fnmatch
import os
import stat
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from data_prep import store
from data_prep.document import Document, Dropped, blob_id
from data_prep.encoding import decode_bytes
from data_prep.languages import language_of, may_be_source
from data_prep.ledger import is_work_folder
from data_prep.licenses import project
from data_prep.licenses.detect import HEAD_CHARS, detect_header
from data_prep.sources import Unit
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import OUTPUT_MARKER
from foundry_plugins.contract.stateless_hash import hash64

STDLIB = "stdlib"
# Its own tests are installed on some machines only, its build settings differ on each, and its few
# scripts for shells are no part of the language.
_NOT_OF_STDLIB = (
    *("test", "tests", "idle_test", "turtledemo", "config-*", "_sysconfigdata*"),
    *("activate.csh", "activate.fish", "fetch_macholib"),
)
SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "bower_components", "site-packages", "dist-packages"}
)
_ENVIRONMENT = "pyvenv.cfg"
# A text of this size is data. Reading it would only cost memory, whatever the filters say.
LARGEST_FILE = 100_000_000
# Prose without markup: read-me files, licences, word lists.
_NOT_SOURCE = (None, "Text")


def units(
    *,
    path: str,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    repository: str = "",
    licenses: bool = True,
    encodings: bool = False,
) -> Iterator[Unit]:
    """Lists the files below ``path``, sorted.

    Args:
        path: A folder, or its url in an object store; the word ``stdlib`` stands for this
            interpreter's standard library without its own tests.
        include: Shell patterns of the files to take; empty for all. One without ``/`` is compared
            with names at any depth, one with ``/`` with whole paths below the folder, where ``*``
            stands for any number of folders too.
        exclude: Patterns of files and folders to leave out, in the same form.
        repository: ``owner/name`` of all files; empty for that of the nearest ``.git``.
        licenses: Look for licences in the files and around them.
        encodings: Guess the encoding of files that neither are in UTF-8 nor have a byte-order mark.

    Raises:
        UserError: if there is no such folder, or it cannot be read.
    """
    root = _root(path)
    exclude += _NOT_OF_STDLIB if path == STDLIB else ()
    if store.is_remote(root):
        found = _remote(root, exclude)
    else:
        _require_folder(root)
        found = _walk(root, "", exclude, 0)
    yield from (unit for unit in found if not include or _matches(unit.path, include))


def read(
    unit: Unit,
    *,
    name: str,
    path: str,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    repository: str = "",
    licenses: bool = True,
    encodings: bool = False,
) -> Iterator[Document | Dropped]:
    """Reads one file.

    Reasons to drop it: ``not_source`` (it is in no known language), ``empty``, ``binary``,
    ``not_utf8``, ``not_a_file`` (a link, a device), ``over_100_mb``, ``unreadable``.
    """
    root = _root(path)
    # Names that are not UTF-8 exist; in records they are shown with \\x escapes.
    shown = os.fsencode(unit.path).decode("utf-8", "backslashreplace")
    data = _content(root, unit, shown)
    found = _decode(data, shown, name, encodings) if isinstance(data, bytes) else data
    if not isinstance(found, Document):
        yield found
        return
    folder = unit.path[: unit.path.rfind("/") + 1]
    top = ""
    if not repository:
        repository, top = project.repository_of(root, folder)
    stated = found.licenses
    if licenses:
        stated = detect_header(found.text[:HEAD_CHARS]) or project.licenses_of(root, folder)
    inside = os.fsencode(unit.path[len(top) :]).decode("utf-8", "backslashreplace")
    yield found.replace(path=inside, repository=repository, licenses=stated)


def _root(path: str) -> str:
    return sysconfig.get_paths()["stdlib"] if path == STDLIB else os.path.expanduser(path)


def _require_folder(root: str) -> None:
    try:
        os.scandir(root).close()
    except NotADirectoryError as error:
        raise UserError(f"The source {root} is a file; give the folder that holds it.") from error
    except FileNotFoundError as error:
        raise UserError(f"The source {root} does not exist; give the path of a folder.") from error
    except OSError as error:
        raise UserError(f"The source {root} cannot be read: {error.strerror}.") from error


def _walk(root: str, below: str, exclude: Sequence[str], stamp: int) -> Iterator[Unit]:
    """The files of a local folder; ``stamp`` stands for the projects around it."""
    folder = os.path.join(root, below)
    try:
        entries = list(os.scandir(folder))
    except OSError:
        # Counted as one unreadable file rather than lost in silence.
        yield Unit(below.rstrip("/"), 0, 0)
        return
    names = [f"{e.name}/" if e.is_dir(follow_symlinks=False) else e.name for e in entries]
    ours = OUTPUT_MARKER in names or is_work_folder(Path(folder))
    if below and (_ENVIRONMENT in names or ours):
        return
    stamp = _project_stamp(folder, names, stamp)
    # With the slash of folders in the key, depth-first order is the order of whole paths.
    for name in sorted(names):
        if name.startswith(".") or name.rstrip("/") in SKIPPED_FOLDERS:
            continue
        if _matches(below + name.rstrip("/"), exclude):
            continue
        if name.endswith("/"):
            yield from _walk(root, below + name, exclude, stamp)
        else:
            yield from _unit(root, below + name, stamp)


def _project_stamp(folder: str, names: Iterable[str], stamp: int) -> int:
    """Another one where a project starts: what it says goes into every document below."""
    for name in sorted(names):
        file = f"{name.rstrip('/')}/config" if name.rstrip("/") == project.GIT else name
        if file != name or project.says_license(name):
            try:
                status = os.stat(os.path.join(folder, file))
            except OSError:
                continue
            stamp = hash64(stamp, os.fsencode(file), status.st_size, status.st_mtime_ns)
    return stamp


def _unit(root: str, path: str, stamp: int) -> Iterator[Unit]:
    try:
        status = os.lstat(os.path.join(root, path))
    except FileNotFoundError:
        return  # deleted since the folder was listed
    # What is not source is never opened, so it is no work.
    size = status.st_size if may_be_source(path) else 0
    yield Unit(path, size, hash64(stamp, status.st_mtime_ns) if stamp else status.st_mtime_ns)


def _remote(root: str, exclude: Sequence[str]) -> Iterator[Unit]:
    """The files of a store, which lists no hidden ones and knows no links."""
    listed = {found.url[len(root.rstrip("/")) + 1 :]: found for found in store.files_below(root)}
    if not listed:
        raise UserError(f"The source {root} holds no file; give the url of a folder.")
    skipped = {name[: -len(_ENVIRONMENT)] for name in listed if name.endswith(f"/{_ENVIRONMENT}")}
    stamps: dict[str, int] = {}
    for name, found in listed.items():
        folder, _, last = name.rpartition("/")
        if project.says_license(last):
            stamps[folder] = hash64(stamps.get(folder, 0), last, found.size, str(found.stamp))
    for name, found in sorted(listed.items()):
        folders = [name[:n] for n in range(len(name)) if name[n] == "/"]
        outside = any(
            folder.rpartition("/")[2] in SKIPPED_FOLDERS
            or f"{folder}/" in skipped
            or _matches(folder, exclude)
            for folder in folders
        )
        if not outside and not _matches(name, exclude):
            around = [stamps[folder] for folder in ("", *folders) if folder in stamps]
            stamp = hash64(*around, str(found.stamp)) if around else found.stamp
            yield Unit(name, found.size if may_be_source(name) else 0, stamp)


def _content(root: str, unit: Unit, shown: str) -> bytes | Dropped:
    """The bytes of a file, if they are worth reading."""
    # The name may be of no language and still be worth a look; a big file's is not.
    language = language_of(shown)
    if store.is_remote(root):
        if not may_be_source(shown):
            return Dropped(shown, "not_source")
        if unit.size > LARGEST_FILE:
            return Dropped(shown, "over_100_mb", language)
        return store.read_bytes(store.join(root, unit.path))
    file = os.path.join(root, unit.path)
    try:
        status = os.lstat(file)
        if not stat.S_ISREG(status.st_mode):
            return Dropped(shown, "unreadable" if stat.S_ISDIR(status.st_mode) else "not_a_file")
        if not may_be_source(shown):
            return Dropped(shown, "not_source")
        if status.st_size > LARGEST_FILE:
            return Dropped(shown, "over_100_mb", language)
        return Path(file).read_bytes()
    except OSError:
        return Dropped(shown, "unreadable")


def _decode(data: bytes, path: str, source: str, encodings: bool) -> Document | Dropped:
    language = language_of(path, data)
    if language in _NOT_SOURCE or language is None:
        return Dropped(path, "not_source")
    if not data:
        return Dropped(path, "empty", language)
    decoded = decode_bytes(data, detect=encodings)
    if isinstance(decoded, str):
        return Dropped(path, decoded, language)
    text, encoding = decoded
    found = Document(text=text, path=path, language=language, source=source, origin=blob_id(data))
    if encoding == "utf-8":
        return found
    # Only now is there something for the rules to read.
    language = language_of(path, found.data) or language
    return found.replace(language=language, metadata={"encoding": encoding})


def _matches(path: str, patterns: Sequence[str]) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatch.fnmatchcase(path if "/" in p else name, p) for p in patterns)
