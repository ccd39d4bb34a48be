# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Files that are either absent or whole: written aside, flushed, then renamed."""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from foundry_plugins.contract.errors import disk_full

# A folder that holds this file was written by this project: it is never read as source code.
OUTPUT_MARKER = ".foundry_plugins_output"
PARTIAL = ".partial"
_attempt: contextvars.ContextVar[str] = contextvars.ContextVar("attempt", default="")


@contextlib.contextmanager
def attempt(name: str) -> Iterator[None]:
    """Has `atomic_path` write to temporaries of one attempt of several that may run at once.

    Each then replaces the path by what it wrote itself. Temporaries of an attempt that was killed
    stay until `remove_partials`.
    """
    token = _attempt.set(f".{name}")
    try:
        yield
    finally:
        _attempt.reset(token)


def remove_partials(folder: Path) -> None:
    """Removes what killed attempts left in a folder."""
    for path in folder.glob(f".*{PARTIAL}"):
        # Moved first: an attempt that still writes there must not put the rest of it in place.
        gone = path.with_name(f".{uuid.uuid4().hex}{PARTIAL}")
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, gone)
        remove(gone)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary sibling of ``path`` (file or folder) that replaces it on success.

    A kill at any instant leaves either the old ``path`` or the new one (a folder, which cannot be
    replaced in one step, possibly as ``.NAME.old``: the next try puts it back). Temporaries have
    fixed names and are removed by the next try, so nothing piles up; where tries may overlap, see
    `attempt`.

    Raises:
        UserError: when the disk is full.
    """
    partial = path.with_name(f".{path.name}{_attempt.get()}{PARTIAL}")
    remove(partial)
    _recover(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        _sync(partial)
        old = path.with_name(f".{path.name}.old")
        if path.is_dir() and not path.is_symlink():
            remove(old)
            os.replace(path, old)
        os.replace(partial, path)
        remove(old)
    except OSError as error:
        remove(partial)
        raise disk_full(error, path) or error from error
    except BaseException:
        remove(partial)
        raise


def _recover(path: Path) -> None:
    """Puts a folder back that a kill caught between leaving and being replaced."""
    old = path.with_name(f".{path.name}.old")
    if old.exists() and not path.exists():
        os.replace(old, path)


def write_text(path: Path, text: str) -> None:
    """Writes a whole text file atomically."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Writes indented, key-sorted JSON atomically (equal values give equal bytes)."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def remove(path: Path) -> None:
    """Deletes a file or folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    for file in [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]:
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
