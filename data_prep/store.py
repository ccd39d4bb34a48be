# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One door to files anywhere: a path, ``file://``, ``s3://``, ``gs://``, ``hdfs://``, ``abfs://``.

Which store answers is told by the url (`data_prep.stores` has one file a kind); what fails for a
passing reason is tried again. Urls are taken literally, as mosaicml-streaming takes them: no
character is an escape.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from data_prep.stores import Found, Store
from data_prep.stores.globs import expand, is_pattern
from data_prep.stores.retry import patiently
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import atomic_path

__all__ = ["Found"]

# What one read from a store fetches: enough to hide the way there, little enough for many files.
BUFFER_BYTES = 1 << 22
_stores: dict[tuple[object, ...], Store] = {}


def is_remote(url: str) -> bool:
    """Whether a url is of another machine's store."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme != "file"


def canonical(url: str) -> str:
    """A folder's url as the urls of its files start, without ``/`` at the end."""
    local = not is_remote(url)
    return (os.path.expanduser(url.removeprefix("file://")) if local else url).rstrip("/")


def join(url: str, name: str) -> str:
    """The url of ``name`` in the folder ``url``."""
    return f"{url.rstrip('/')}/{name}"


def find(pattern: str) -> list[Found]:
    """The files that a pattern names, sorted by url.

    Args:
        pattern: A file, a folder (then all files below it), or either with wildcards: ``*`` and
            ``?`` within a name, ``[...]`` for one of some characters, ``**`` for any number of
            folders. Names that start with a dot are found only where the pattern has the dot. A
            file whose name is the pattern itself is that file.

    Raises:
        UserError: if nothing matches, access is refused or nobody answers.
    """
    url, store = _resolve(pattern)
    files = patiently(store, pattern, "list", lambda: _matches(store, url))
    if not files:
        kind = "No file matches" if is_pattern(url) else "There is no file or folder"
        raise UserError(f"{kind} {pattern}; check the path.")
    return sorted(files, key=lambda found: found.url)


def files_below(folder: str) -> list[Found]:
    """All files below a folder, sorted by url; none if there is no such folder."""
    url, store = _resolve(folder)
    files = patiently(store, folder, "list", lambda: list(store.below(_as_folder(url))))
    return sorted(files, key=lambda found: found.url)


def entries(folder: str) -> list[Found]:
    """The files directly in a folder, sorted by url; none if there is no such folder."""
    url, store = _resolve(folder)
    found = patiently(store, folder, "list", lambda: store.entries(_as_folder(url), "").files)
    return sorted(found, key=lambda file: file.url)


def open_read(url: str, buffer_bytes: int = BUFFER_BYTES) -> BinaryIO:
    """Opens a file to read from any position; what a lost connection broke is asked for again.

    Args:
        url: The file.
        buffer_bytes: What is fetched at once, and held.
    """
    path, store = _resolve(url)
    return patiently(store, url, "read", lambda: store.open(path, buffer_bytes))


def read_bytes(url: str) -> bytes:
    """A whole file."""
    with open_read(url) as file:
        return file.read()


def info(url: str) -> Found | None:
    """The file at ``url``, or None (a folder is no file)."""
    path, store = _resolve(url)
    return patiently(store, url, "read", lambda: store.info(path))


def exists(url: str) -> bool:
    """Whether there is a file at ``url``."""
    return info(url) is not None


def upload_file(local: Path, url: str, patience_seconds: float | None = None) -> None:
    """Copies a file to a store; when this returns, size and checksum there are those of the file.

    Args:
        local: The file.
        url: Its whole new name.
        patience_seconds: How long to keep trying; five minutes if not given.

    Raises:
        UserError: if it did not arrive.
    """
    path, store = _resolve(url)
    patiently(store, url, "write", lambda: store.put(local, path), patience_seconds)


def download_file(url: str, local: Path) -> None:
    """Copies a file from a store, into folders that are made for it.

    Raises:
        UserError: if there is none, it cannot be read, or the disk is full.
    """
    with open_read(url) as remote, atomic_path(local) as partial, partial.open("wb") as file:
        shutil.copyfileobj(remote, file, BUFFER_BYTES)


def holds(local: Path, found: Found) -> bool:
    """Whether a file found in a store is equal to a local one, by size and content."""
    path, store = _resolve(found.url)
    assert path == found.url
    return patiently(store, found.url, "read", lambda: store.holds(local, found))


def delete(url: str) -> None:
    """Deletes a file if it is there."""
    path, store = _resolve(url)
    patiently(store, url, "write", lambda: store.delete(path))


def _matches(store: Store, url: str) -> list[Found]:
    exact = store.info(url)
    if exact is not None:
        return [exact]
    return list(expand(store, url) if is_pattern(url) else store.below(_as_folder(url)))


def _as_folder(url: str) -> str:
    return url if url.endswith("/") or not url else f"{url}/"


def _resolve(url: str) -> tuple[str, Store]:
    """The url as its store knows it, and the store."""
    from data_prep.stores.local import LocalStore

    if not is_remote(url):
        return os.path.expanduser(url.removeprefix("file://")), LocalStore()
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    # Clients do not survive a fork, and are made for the settings that they were made under.
    key = (os.getpid(), scheme, host, *_settings())
    if key not in _stores:
        _stores[key] = _connect(scheme, url)
    return url, _stores[key]


def _connect(scheme: str, url: str) -> Store:
    if scheme == "s3":
        from data_prep.stores.s3 import S3Store

        return S3Store()
    from data_prep.stores.arrow import SCHEMES, ArrowStore

    if scheme not in SCHEMES:
        raise UserError(
            f"{url} cannot be opened: {scheme}:// is not one of file://, s3://, "
            f"{', '.join(f'{name}://' for name in SCHEMES)}; use one of these, or a path."
        )
    return ArrowStore.connect(url)


def _settings() -> Iterator[tuple[str, str]]:
    names = sorted(name for name in os.environ if name.startswith(("AWS_", "S3_")))
    return ((name, os.environ[name]) for name in names)
