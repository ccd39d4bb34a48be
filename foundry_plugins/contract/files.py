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


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary sibling of ``path`` (file or folder) that replaces it on success.

    A kill at any instant leaves either the old ``path`` or the new one; the temporary has the
    fixed name ``.NAME.partial`` and is removed by the next try, so nothing piles up.

    Raises:
        UserError: when the disk is full.
    """
    partial = path.with_name(f".{path.name}.partial")
    remove(partial)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        _sync(partial)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        os.replace(partial, path)
    except OSError as error:
        remove(partial)
        raise disk_full(error, path) or error from error
    except BaseException:
        remove(partial)
        raise


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
