# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is done already, so that an interrupted run continues and a repeated one skips.

A stage is divided into tasks. A finished task leaves its files in ``WORK/<stage>/`` and then a
marker ``WORK/ledger/<stage>/<part>.json`` with the digest of all that went into it, the digest of
what came out, its files and its figures. A task is done if its marker has the expected input
digest and its files are there. Inputs of later stages are outputs of earlier ones, so a change
redoes exactly what it affects, and stops where the output turns out the same.

Nothing in a marker depends on the machine, the time or the number of workers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import remove, remove_partials, write_json

WORK = ".work"
_LEDGER = "ledger"
_CODE = (".py", ".tsv", ".txt")
_LOCK_PATIENCE_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a finished task leaves behind.

    Attributes:
        files: Its files or folders, by name within the stage's folder.
        digest: Stands for their content.
        figures: Counts for later stages and the report: plain JSON values.
    """

    files: tuple[str, ...]
    digest: str
    figures: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Task:
    """One unit of work of a stage.

    Attributes:
        stage: The stage's name, which names its folder.
        part: The part's name; its files are called that, or start with that and a dot.
        inputs: Digest of all that decides the outcome.
        weight: Bytes to be worked on, for the display of progress.
        function: ``function(folder, part, **arguments) -> Outcome``, importable by name.
        arguments: What the function gets.
    """

    stage: str
    part: str
    inputs: str
    weight: int
    function: Callable[..., Outcome]
    arguments: dict[str, Any]


class Ledger:
    """The markers of one output folder."""

    def __init__(self, output: Path) -> None:
        self.work = output / WORK

    def folder(self, stage: str) -> Path:
        """Where a stage keeps its files."""
        return self.work / stage

    def done(self, task: Task) -> Outcome | None:
        """The outcome of a task, if it has run with the same inputs and its files are there."""
        try:
            marker = json.loads(self._marker(task.stage, task.part).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if marker.get("inputs") != task.inputs:
            return None
        folder = self.folder(task.stage)
        if any(size_of(folder / name) != size for name, size in marker["files"]):
            return None
        names = tuple(name for name, _ in marker["files"])
        return Outcome(names, marker["digest"], marker["figures"])

    def execute(self, task: Task) -> Outcome:
        """Runs a task and records it. Called in a worker, so a kill loses no finished part."""
        folder = self.folder(task.stage)
        folder.mkdir(parents=True, exist_ok=True)
        # First, so that no marker ever stands beside files that another recipe wrote.
        remove(self._marker(task.stage, task.part))
        outcome = task.function(folder, task.part, **task.arguments)
        marker = {
            "inputs": task.inputs,
            "digest": outcome.digest,
            # A list, because the order counts: JSON sections are sorted by their keys.
            "files": [[name, size_of(folder / name)] for name in outcome.files],
            "figures": outcome.figures,
        }
        write_json(self._marker(task.stage, task.part), marker)
        # As later runs will read it, so that a first run and a resumed one see equal values.
        return Outcome(
            outcome.files, outcome.digest, json.loads(json.dumps(outcome.figures, sort_keys=True))
        )

    def tidy(self, stage: str, parts: Iterable[str]) -> None:
        """Removes what an earlier recipe or a killed task left in a stage's folders."""
        parts = set(parts)
        for folder in (self.folder(stage), self._marker(stage, "").parent):
            remove_partials(folder)
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.name.split(".")[0] not in parts:
                    remove(path)

    def _marker(self, stage: str, part: str) -> Path:
        return self.work / _LEDGER / stage / f"{part}.json"


def digest(*values: object) -> str:
    """SHA-256 (hex) of JSON values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def code_of(*modules: ModuleType | str) -> list[str]:
    """Digests of modules' source files: an edited filter must not pass for the one that ran."""
    loaded = [sys.modules[module] if isinstance(module, str) else module for module in modules]
    files = [Path(module.__file__) for module in loaded if module.__file__]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def code_at(*names: str) -> list[str]:
    """Digests of files of ``data_prep``, and of all source files and tables in folders of it."""
    paths = [Path(__file__).with_name(name) for name in names]
    files: list[Path] = []
    for path in paths:
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    wanted = [file for file in files if file.suffix in _CODE]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in wanted]


def size_of(path: Path) -> int | None:
    """Bytes of a file, or of all files in a folder; None if it is not there."""
    if path.is_dir():
        return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return path.stat().st_size if path.is_file() else None


def is_work_folder(folder: Path) -> bool:
    """Whether a folder is the output of this command (so that it is never read as a source)."""
    return (folder / WORK / _LEDGER).is_dir()


@contextlib.contextmanager
def exclusive(output: Path) -> Iterator[Ledger]:
    """The ledger of an output folder, for one process at a time.

    The lock lives in the kernel and is shared with forked workers: it ends when the last of them
    does, however they end.

    Raises:
        UserError: if the folder cannot be written or another run holds it.
    """
    try:
        (output / WORK / _LEDGER).mkdir(parents=True, exist_ok=True)
        lock = (output / WORK / "lock").open("w")
    except OSError as error:
        raise UserError(
            f"The output folder {output} cannot be written: {error.strerror}; set `output` to "
            "another one."
        ) from error
    with lock:
        deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise UserError(
                        f"Another run is writing {output}; wait for it to end or set `output` to "
                        "another folder."
                    ) from error
                time.sleep(0.05)
        # Those of stages are removed when their turn comes (`Ledger.tidy`).
        remove_partials(output)
        yield Ledger(output)
