# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Files of this machine.

Links to files are followed (caches of hubs are full of them), links to folders are not: what they
point to is below already, or was not asked for.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from data_prep.stores import Found, Listing, hidden
from foundry_plugins.contract.errors import disk_full
from foundry_plugins.contract.files import atomic_path


class LocalStore:
    """See `data_prep.stores.Store`."""

    errors: tuple[type[Exception], ...] = (OSError,)

    def explain(self, error: Exception, url: str, doing: str) -> str:
        """Nothing is worth another try."""
        assert isinstance(error, OSError)
        full = disk_full(error, url)
        if full is not None:
            return str(full)
        if isinstance(error, FileNotFoundError):
            return f"There is no {url}; give the path of a file or folder that exists."
        return f"Cannot {doing} {error.filename or url}: {error.strerror}."

    def info(self, url: str) -> Found | None:
        """A regular file, or a link to one."""
        try:
            status = os.stat(url)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return Found(url, status.st_size, status.st_mtime_ns)

    def entries(self, folder: str, prefix: str) -> Listing:
        """One level."""
        listing = Listing([], [])
        try:
            names = [entry for entry in os.scandir(folder or ".") if entry.name.startswith(prefix)]
        except (FileNotFoundError, NotADirectoryError):
            return listing
        for entry in names:
            if entry.is_dir():
                listing.folders.append(f"{folder}{entry.name}/")
            elif (found := self.info(folder + entry.name)) is not None:
                listing.files.append(found)
        return listing

    def below(self, folder: str) -> Iterator[Found]:
        """All levels."""
        listing = self.entries(folder, "")
        yield from (found for found in listing.files if not hidden(found.url[len(folder) :]))
        for child in listing.folders:
            if not hidden(child[len(folder) :]) and not os.path.islink(child.rstrip("/")):
                yield from self.below(child)

    def open(self, url: str, buffer_bytes: int) -> BinaryIO:
        """Plain ``open``."""
        return open(url, "rb", buffering=buffer_bytes)

    def put(self, local: Path, url: str) -> None:
        """A copy that is whole or not there."""
        with atomic_path(Path(url)) as partial:
            shutil.copyfile(local, partial)

    def holds(self, local: Path, found: Found) -> bool:
        """By content."""
        filecmp.clear_cache()
        return found.size == local.stat().st_size and filecmp.cmp(local, found.url, shallow=False)

    def delete(self, url: str) -> None:
        """Deletes a file if it is there."""
        Path(url).unlink(missing_ok=True)
