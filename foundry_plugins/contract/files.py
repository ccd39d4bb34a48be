# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Files that are either absent or whole: written aside, flushed, then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from foundry_plugins.contract.errors import disk_full

# A folder that holds this file was written by this project: it is never read as source code.
OUTPUT_MARKER = ".foundry_plugins_output"


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary sibling of ``path`` (file or folder) that replaces it on success.

    A kill at any instant leaves either the old ``path`` or the new one (a folder, which cannot be
    replaced in one step, possibly as ``.NAME.old``: the next try puts it back). Temporaries have
    fixed names and are removed by the next try, so nothing piles up.

    Raises:
        UserError: when the disk is full.
    """
    partial = path.with_name(f".{path.name}.partial")
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
