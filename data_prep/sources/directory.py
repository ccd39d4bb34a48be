# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of source code: every file below it, the language told by the file's name.

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
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_prep.document import Document, Dropped, decode
from data_prep.languages import language_of
from data_prep.ledger import is_work_folder
from data_prep.sources import Unit
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import OUTPUT_MARKER

STDLIB = "stdlib"
# Its own tests are installed on some machines only, and its build settings differ on each.
_NOT_OF_STDLIB = ("test", "tests", "idle_test", "turtledemo", "config-*", "_sysconfigdata*")
SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "bower_components", "site-packages", "dist-packages"}
)
# A text of this size is data. Reading it would only cost memory, whatever the filters say.
LARGEST_FILE = 100_000_000


def units(*, path: str, exclude: tuple[str, ...] = ()) -> Iterator[Unit]:
    """Lists the files below ``path``, sorted.

    Args:
        path: The folder; the word ``stdlib`` stands for this interpreter's standard library
            without its own tests.
        exclude: Shell patterns of files and folders to leave out. One without ``/`` is compared
            with names at any depth, one with ``/`` with whole paths below the folder.

    Raises:
        UserError: if there is no such folder, or it cannot be read.
    """
    root = _root(path)
    try:
        os.scandir(root).close()
    except NotADirectoryError as error:
        raise UserError(f"The source {root} is a file; give the folder that holds it.") from error
    except FileNotFoundError as error:
        raise UserError(f"The source {root} does not exist; give the path of a folder.") from error
    except OSError as error:
        raise UserError(f"The source {root} cannot be read: {error.strerror}.") from error
    yield from _walk(root, "", exclude + (_NOT_OF_STDLIB if path == STDLIB else ()))


def read(
    unit: Unit, *, name: str, path: str, exclude: tuple[str, ...] = ()
) -> Iterator[Document | Dropped]:
    """Reads one file.

    Reasons to drop it, beside those of `data_prep.document.decode`: ``not_source`` (its name is
    of no known language), ``not_a_file`` (a link, a device), ``over_100_mb``, ``unreadable``.
    """
    # Names that are not UTF-8 exist; in records they are shown with \\x escapes.
    shown = os.fsencode(unit.path).decode("utf-8", "backslashreplace")
    file = os.path.join(_root(path), unit.path)
    try:
        status = os.lstat(file)
        if not stat.S_ISREG(status.st_mode):
            yield Dropped(shown, "unreadable" if stat.S_ISDIR(status.st_mode) else "not_a_file")
        elif language_of(shown) is None:
            yield Dropped(shown, "not_source")
        elif status.st_size > LARGEST_FILE:
            yield Dropped(shown, "over_100_mb", language_of(shown))
        else:
            yield decode(Path(file).read_bytes(), path=shown, source=name)
    except OSError:
        yield Dropped(shown, "unreadable")


def _root(path: str) -> str:
    return sysconfig.get_paths()["stdlib"] if path == STDLIB else os.path.expanduser(path)


def _walk(root: str, below: str, exclude: Sequence[str]) -> Iterator[Unit]:
    folder = os.path.join(root, below)
    try:
        entries = list(os.scandir(folder))
    except OSError:
        # Counted as one unreadable file rather than lost in silence.
        yield Unit(below.rstrip("/"), 0, 0)
        return
    names = [f"{e.name}/" if e.is_dir(follow_symlinks=False) else e.name for e in entries]
    ours = OUTPUT_MARKER in names or is_work_folder(Path(folder))
    if below and ("pyvenv.cfg" in names or ours):
        return
    # With the slash of folders in the key, depth-first order is the order of whole paths.
    for name in sorted(names):
        if name.startswith(".") or name.rstrip("/") in SKIPPED_FOLDERS:
            continue
        if _matches(below + name.rstrip("/"), exclude):
            continue
        if name.endswith("/"):
            yield from _walk(root, below + name, exclude)
        else:
            yield from _unit(root, below + name)


def _unit(root: str, path: str) -> Iterator[Unit]:
    try:
        status = os.lstat(os.path.join(root, path))
    except FileNotFoundError:
        return  # deleted since the folder was listed
    # What is not source is never opened, so it is no work.
    yield Unit(path, status.st_size if language_of(path) else 0, status.st_mtime_ns)


def _matches(path: str, patterns: Sequence[str]) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatch.fnmatchcase(path if "/" in p else name, p) for p in patterns)
