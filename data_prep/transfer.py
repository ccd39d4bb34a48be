# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Files between a folder and an object store, several at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_prep import progress, store
from data_prep.engines.local import LocalEngine

# Sending waits for the network, not for the processor.
WORKERS = 8


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """A file that is, or is to be, in both places.

    Attributes:
        local: Its place in the folder.
        url: Its place in the store.
        size: Its bytes.
        patience_seconds: How long to keep trying; None for the default.
    """

    local: Path
    url: str
    size: int
    patience_seconds: float | None = None


def send(engine: LocalEngine, files: Sequence[File], label: str = "upload") -> None:
    """Copies files to the store."""
    _each(engine, label, send_one, files)


def send_one(file: File) -> None:
    """Copies one file to the store, in this process."""
    store.upload_file(file.local, file.url, file.patience_seconds)


def fetch(engine: LocalEngine, files: Sequence[File], label: str = "download") -> None:
    """Copies files from the store."""
    _each(engine, label, _fetch_one, files)


def missing(
    engine: LocalEngine, files: Sequence[File], there: Mapping[str, store.Found]
) -> list[File]:
    """The files that the store does not hold as they are here.

    Args:
        engine: What compares.
        files: Local files.
        there: What the store lists, by url.
    """
    pairs = [(file, there.get(file.url)) for file in files]
    same_size = [pair for pair in pairs if pair[1] is not None and pair[1].size == pair[0].size]
    equal = _each(engine, "compare with what is there", is_there, same_size, of=lambda p: p[0])
    held = {pair[0] for pair, answer in zip(same_size, equal, strict=True) if answer}
    return [file for file in files if file not in held]


def is_there(pair: tuple[File, store.Found | None]) -> bool:
    """Whether what was found in the store, if anything, is the file."""
    file, found = pair
    return found is not None and store.holds(file.local, found)


def _fetch_one(file: File) -> None:
    store.download_file(file.url, file.local)


def _each(
    engine: LocalEngine,
    label: str,
    function: Callable[[Any], Any],
    items: Sequence[Any],
    of: Callable[[Any], File] = lambda item: item,
) -> list[Any]:
    if not items:
        return []
    with progress.showing(label, [of(item).size for item in items]) as watch:
        return engine.call(function, items, watch)
