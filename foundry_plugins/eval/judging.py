# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Says whether answers are right, as their benchmark wants it: by tests or by comparison."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from foundry_plugins.contract.errors import UserError, reject_unknown_keys, require
from foundry_plugins.contract.log import logger
from foundry_plugins.eval.benchmarks.task import EXACT_MATCH, PEOPLE, TESTS, Benchmark, Task
from foundry_plugins.eval.postprocess import is_exact_match
from foundry_plugins.eval.sandbox import isolation
from foundry_plugins.eval.sandbox.isolation import AUTO
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import NOT_RUN, Verdict
from foundry_plugins.eval.sandbox.runner import Runner
from foundry_plugins.eval.sandbox.toolchains import missing

# Kinds of verdicts by comparison, beside those of programs.
EQUAL, DIFFERENT = "exact_match", "mismatch"
ALWAYS, WHERE_POSSIBLE, LATER = "always", "where_possible", "later"
JUDGED_WHEN = (ALWAYS, WHERE_POSSIBLE, LATER)
_LIMITS = ("cpu_seconds", "wall_seconds", "memory_bytes")
# No interpreter starts in less.
_LEAST_MEMORY = 64 << 20
_log = logger(__name__)


@dataclasses.dataclass(frozen=True)
class Sandbox:
    """Where and how programs are run.

    Attributes:
        isolation: A name that `isolation.find` takes.
        workers: Programs at a time.
        limits: Of each.
    """

    isolation: str = AUTO
    workers: int = 2
    limits: Limits = dataclasses.field(default_factory=Limits)

    @classmethod
    def of(
        cls, section: Mapping[str, Any], processes: int = 1, limits: Limits | None = None
    ) -> Sandbox:
        """From a YAML's section.

        Args:
            section: ``isolation``, ``workers`` and limits, all optional.
            processes: How many of this machine judge at the same time and share its cores.
            limits: Where the section has none.

        Raises:
            UserError: for a key that nothing reads, or a value that cannot be.
        """
        require(
            isinstance(section, Mapping),
            f"`icl_tasks[].sandbox` must be a section of keys, got {section!r}; leave it out for "
            "the defaults.",
        )
        keys = ("isolation", "workers", *_LIMITS)
        reject_unknown_keys("icl_tasks[].sandbox", section, keys)
        given = {key: section[key] for key in _LIMITS if key in section}
        limits = dataclasses.replace(limits or Limits(), **given)
        require(
            limits.cpu_seconds <= limits.wall_seconds,
            f"`sandbox.cpu_seconds` is {limits.cpu_seconds}, above `sandbox.wall_seconds` "
            f"{limits.wall_seconds}, which ends a program first; raise `wall_seconds`.",
        )
        require(
            limits.memory_bytes >= _LEAST_MEMORY,
            f"`sandbox.memory_bytes` must be at least {_LEAST_MEMORY} (64 MB), got "
            f"{limits.memory_bytes}: with less no program would start.",
        )
        workers = section.get("workers", max(1, _cores() // processes))
        require(
            type(workers) is int and workers > 0,
            f"`sandbox.workers` must be a whole number of at least 1, got {workers!r}.",
        )
        name = section.get("isolation", AUTO)
        isolation.check(name)
        return cls(name, workers, limits)


class Judge:
    """Judges answers to one benchmark; sandboxes start with the first program and stay warm.

    Args:
        benchmark: Its tasks' answers are judged.
        sandbox: For programs.
    """

    def __init__(self, benchmark: Benchmark, sandbox: Sandbox | None = None) -> None:
        self._benchmark = benchmark
        self._sandbox = sandbox or Sandbox()
        self._runner: Runner | None = None
        self._stopped = False
        # Models repeat themselves: equal answers to a task are judged once.
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        self._warned: set[str] = set()

    def lacking(self, tasks: Iterable[Task]) -> dict[str, str]:
        """Languages of tasks that cannot be run here, each with how to install what it lacks."""
        if self._benchmark.judged != TESTS:
            return {}
        return missing(task.language for task in tasks)

    def verdicts(self, answers: Sequence[tuple[Task, str]]) -> list[dict[str, Any]]:
        """Of each answer ``passed``, ``kind``, ``message``, ``wall_seconds`` and ``cpu_seconds``.

        Args:
            answers: To tasks of the benchmark, which must not be one that people judge.

        Raises:
            UserError: if there is no sandbox here or a language's tools are missing.
            StoppedError: if `stop` was called.
        """
        assert self._benchmark.judged != PEOPLE
        new = {(task.task_id, text): (task, text) for task, text in answers}
        new = {key: answer for key, answer in new.items() if key not in self._known}
        judge = _compare if self._benchmark.judged == EXACT_MATCH else self._run
        self._known.update(zip(new, judge(list(new.values())), strict=True))
        return [self._known[task.task_id, text] for task, text in answers]

    def _run(self, answers: Sequence[tuple[Task, str]]) -> list[dict[str, Any]]:
        assert self._benchmark.program is not None
        if self._runner is None:
            box = self._sandbox
            self._runner = Runner(box.limits, box.workers, box.isolation)
        if self._stopped:  # before there was a runner
            self._runner.stop()
        programs = [self._benchmark.program(task, text) for task, text in answers]
        found = dict(self._runner.run(programs))
        self._warn(answers, found)
        return [
            {"passed": found[number].passed, **dataclasses.asdict(found[number])}
            for number in range(len(programs))
        ]

    def _warn(self, answers: Sequence[tuple[Task, str]], found: Mapping[int, Verdict]) -> None:
        """Says once what counts as a failure and is none of the model's."""
        for number, (task, _) in enumerate(answers):
            if found[number].kind == NOT_RUN and task.task_id not in self._warned:
                self._warned.add(task.task_id)
                _log.warning(
                    "%s could not be judged and counts as failed, which says nothing of the "
                    "model: %s. Look at the benchmark's file.",
                    *(task.task_id, found[number].message.rstrip(".")),
                )

    def stop(self) -> None:
        """Has `verdicts` in another thread end at once and raise, until `close` is called."""
        self._stopped = True
        if self._runner is not None:
            self._runner.stop()

    def close(self) -> None:
        """Ends the sandboxes; judging again starts new ones."""
        if self._runner is not None:
            self._runner.close()
        self._runner, self._stopped = None, False
        self._known.clear()


def _cores() -> int:
    """That this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _compare(answers: Sequence[tuple[Task, str]]) -> list[dict[str, Any]]:
    equal = [is_exact_match(text, task.canonical or "") for task, text in answers]
    return [
        {
            **{"passed": is_equal, "kind": EQUAL if is_equal else DIFFERENT, "message": ""},
            **{"wall_seconds": 0.0, "cpu_seconds": 0.0},
        }
        for is_equal in equal
    ]


def choose(
    benchmark: Benchmark, tasks: Sequence[Task], when: str, sandbox: Sandbox
) -> tuple[Judge | None, dict[str, str]]:
    """A judge for a benchmark's tasks, if there can be one here, and what it will not judge.

    Args:
        benchmark: Of the tasks.
        tasks: To be judged.
        when: One of `JUDGED_WHEN`.
        sandbox: For programs.

    Returns:
        The judge, and why not for each language that is left for later.

    Raises:
        UserError: if programs cannot be run here and ``when`` is ``always``.
    """
    languages = dict.fromkeys(task.language for task in tasks)
    if benchmark.judged == PEOPLE:
        return None, dict.fromkeys(languages, "people judge it")
    if benchmark.judged == EXACT_MATCH:
        return Judge(benchmark), {}
    if when == LATER:
        return None, dict.fromkeys(languages, "`judge` is `later`")
    try:
        isolation.find(sandbox.isolation)
    except UserError as error:
        if when == ALWAYS:
            raise
        return None, dict.fromkeys(languages, str(error).rstrip("."))
    judge = Judge(benchmark, sandbox)
    return judge, judge.lacking(tasks)
