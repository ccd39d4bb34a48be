# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Runs many programs, several at a time, in sandboxes that stay warm."""

from __future__ import annotations

import contextlib
import queue
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from foundry_plugins.contract.errors import require
from foundry_plugins.contract.log import logger
from foundry_plugins.eval.sandbox import commands, kept, languages, python_programs
from foundry_plugins.eval.sandbox.box import Box, DeadError, LateError
from foundry_plugins.eval.sandbox.isolation import AUTO, UNSAFE, Isolation, find
from foundry_plugins.eval.sandbox.languages.language import Language
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program, PythonProgram, Verdict
from foundry_plugins.eval.sandbox.toolchains import missing

Either = PythonProgram | Program
_log = logger(__name__)
_JUDGE, _CANDIDATE = "judge", "candidate"


class StoppedError(Exception):
    """Programs were not run, since somebody asked for that."""


class Runner:
    """A context in which programs can be run.

    Args:
        limits: Of one program.
        workers: Programs at a time.
        isolation: ``auto``, ``bubblewrap``, ``namespaces``, or ``unsafe`` to do without.

    Raises:
        UserError: if there is no such isolation here.
    """

    def __init__(
        self, limits: Limits | None = None, workers: int = 2, isolation: str = AUTO
    ) -> None:
        require(workers > 0, f"`workers` must be positive, got {workers}.")
        self.limits = limits or Limits()
        self.isolation = find(isolation)
        if self.isolation.name == UNSAFE:
            _log.warning("Programs that nobody has read run with all rights of this account.")
        self._languages = _Prepared(self.isolation)
        self._boxes: list[dict[str, Box]] = [{} for _ in range(workers)]
        self._stopped = threading.Event()

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def stop(self) -> None:
        """Ends what runs, for good: `run` raises `StoppedError`. Any thread may call it."""
        self._stopped.set()
        for boxes in self._boxes:
            for box in list(boxes.values()):
                box.stop()

    def close(self) -> None:
        """Ends all sandboxes, and compilers."""
        for boxes in self._boxes:
            _close(boxes)
        self._languages.close()

    def run(self, programs: Iterable[Either]) -> Iterator[tuple[int, Verdict]]:
        """Runs programs, equal ones once.

        Args:
            programs: In any order and of any languages.

        Yields:
            Number of the program and its verdict, as they end.

        Raises:
            UserError: if a language's tools are missing or a sandbox does not start.
            StoppedError: if `stop` was called before all had ended.
        """
        numbers: dict[Either, list[int]] = {}
        for number, program in enumerate(programs):
            numbers.setdefault(program, []).append(number)
        lacking = missing(p.language for p in numbers if isinstance(p, Program))
        require(not lacking, " ".join(f"{name} {how}." for name, how in lacking.items()))
        for program, verdict in self._spread(list(numbers)):
            for number in numbers[program]:
                yield number, verdict

    def _spread(self, programs: list[Either]) -> Iterator[tuple[Either, Verdict]]:
        todo: queue.SimpleQueue[Either] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[Either, Verdict] | BaseException] = queue.SimpleQueue()
        for program in programs:
            todo.put(program)
        stop = threading.Event()

        def work(boxes: dict[str, Box]) -> None:
            with contextlib.suppress(queue.Empty):
                while not stop.is_set():
                    program = todo.get_nowait()
                    try:
                        done.put((program, self._run(program, boxes)))
                    except BaseException as error:
                        done.put(error)
                        return

        threads = [threading.Thread(target=work, args=(boxes,)) for boxes in self._boxes]
        for thread in threads:
            thread.start()
        try:
            for _ in programs:
                result = done.get()
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _run(self, program: Either, boxes: dict[str, Box]) -> Verdict:
        """Runs one program; if its sandbox dies, once more in a new one.

        The one before may have harmed the sandbox. A program that is alone in a new one did it
        itself.
        """
        for _ in range(2):
            try:
                return self._run_once(program, boxes)
            except DeadError:
                _close(boxes)
            except LateError:
                _close(boxes)
                return Verdict("timeout", "no end", self.limits.wall_seconds)
        return Verdict("killed", "its sandbox ended with it", self.limits.wall_seconds)

    def _run_once(self, program: Either, boxes: dict[str, Box]) -> Verdict:
        if isinstance(program, PythonProgram):
            candidate, judge = (self._box(boxes, name) for name in (_CANDIDATE, _JUDGE))
            return python_programs.run(program, candidate, judge, self.limits)
        language, folder = self._languages.find(program.language)
        box = self._box(boxes, language.name, lambda: language.visible(folder))
        return commands.run(program, language, box, self.limits)

    def _box(
        self, boxes: dict[str, Box], name: str, visible: Callable[[], Mapping[str, Path]] = dict
    ) -> Box:
        if name not in boxes and not self._stopped.is_set():
            boxes[name] = Box(self.isolation, self.limits.scratch_bytes, visible())
        # Looked at last: `stop` ends only those that it finds.
        if self._stopped.is_set():
            raise StoppedError
        return boxes[name]


class _Prepared:
    """What languages share between workers, made or found when a language is first met."""

    def __init__(self, isolation: Isolation) -> None:
        self._isolation = isolation
        self._lock = threading.Lock()
        self._found: dict[str, tuple[Language, Path]] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def find(self, name: str) -> tuple[Language, Path]:
        """A language and its folder."""
        with self._lock:
            if name not in self._found:
                language = languages.find(name)
                folder = self._place(language)
                language.start(folder, self._isolation)
                self._found[name] = (language, folder)
            return self._found[name]

    def _place(self, language: Language) -> Path:
        # Without isolation a program could write to what later runs read.
        folder = None if self._isolation.name == UNSAFE else kept.folder(language)
        if folder is None:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="languages-")
            folder = Path(self._folder.name, language.name)
            folder.mkdir()
            kept.fill(language, folder)
        return folder

    def close(self) -> None:
        """Ends compilers and deletes the folders."""
        for language, _ in self._found.values():
            language.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._folder, self._found = None, {}


def _close(boxes: dict[str, Box]) -> None:
    for box in boxes.values():
        box.close()
    boxes.clear()
