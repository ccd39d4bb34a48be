# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The tasks of a benchmark file, and the batches that they are generated in.

Batches are formed before ranks divide them: which rows share a batch depends on the prompts and on
the number of rows alone, so neither the number of ranks nor a restart changes what is rounded how.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import require
from foundry_plugins.eval.benchmarks.task import TESTS, Benchmark, Task
from foundry_plugins.eval.sandbox.programs import PythonProgram

# The problems that come with this package, in HumanEval's fields.
OWN_PROBLEMS = "own_problems"
OWN_FILE = Path(__file__).with_name("own_problems.jsonl")


@dataclasses.dataclass(frozen=True)
class TaskFile:
    """What a benchmark file holds.

    Attributes:
        tasks: In the file's order.
        sha256: Of the file's bytes.
    """

    tasks: tuple[Task, ...]
    sha256: str


def read(benchmark: Benchmark, dataset_uri: str) -> TaskFile:
    """Reads a benchmark file.

    Args:
        benchmark: Knows the fields.
        dataset_uri: A local path, an address of an object store that Composer can read, or
            `OWN_PROBLEMS`.

    Raises:
        UserError: if the file is missing or damaged, or holds two problems of one name.
    """
    with _local(dataset_uri) as path:
        tasks = tuple(benchmark.read(path))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    require(bool(tasks), f"The benchmark file {dataset_uri} holds no problem.")
    names = {task.task_id for task in tasks}
    require(
        len(names) == len(tasks),
        f"The benchmark file {dataset_uri} names {len(tasks)} problems by {len(names)} "
        "`task_id`s; give each its own.",
    )
    return TaskFile(tasks, sha256)


@contextlib.contextmanager
def _local(dataset_uri: str) -> Iterator[Path]:
    require(
        not dataset_uri.startswith("hf://"),
        f"`icl_tasks[].dataset_uri` must name a file of problems, got {dataset_uri!r}; "
        "`foundry-plugins eval-data` writes benchmarks as JSON lines.",
    )
    if dataset_uri == OWN_PROBLEMS:
        yield OWN_FILE
        return
    if "://" not in dataset_uri:
        yield Path(dataset_uri).expanduser()
        return
    from composer.utils import get_file

    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / Path(dataset_uri).name
        get_file(dataset_uri, str(local), progress_bar=False)
        yield local


def texts(benchmark: Benchmark, task: Task) -> dict[str, Any]:
    """A task as readers of results want to see it."""
    tests = None
    if benchmark.judged == TESTS and benchmark.program is not None:
        program = benchmark.program(task, task.canonical or "")
        tests = program.test if isinstance(program, PythonProgram) else program.tests
    return {
        **{"task_id": task.task_id, "language": task.language, "prompt": task.prompt},
        **{"suffix": task.suffix, "canonical": task.canonical, "tests": tests},
    }


def prompt_text(tasks: Sequence[Task]) -> str:
    """How prompts come from the file: ``as it is``, ``stripped``, or ``built`` from its fields."""
    given = [(task.prompt, task.record.get("prompt")) for task in tasks]
    if all(shown == text for shown, text in given):
        return "as it is"
    if all(text is not None and shown == text.strip() for shown, text in given):
        return "stripped"
    return "built"


@dataclasses.dataclass(frozen=True)
class Part:
    """A batch: every task with every sample number.

    Attributes:
        tasks: Numbers of tasks, all with the same stops.
        samples: Numbers of samples.
    """

    tasks: tuple[int, ...]
    samples: range

    def rows(self) -> list[tuple[int, int]]:
        """(task, sample), neighbours being samples of one task."""
        return list(itertools.product(self.tasks, self.samples))


def parts(tasks: Sequence[Task], lengths: Sequence[int], samples: int, rows: int) -> list[Part]:
    """All tasks and samples in batches of at most ``rows`` rows, the longest prompts first.

    Args:
        tasks: Each in one batch, or several where it has more than ``rows`` samples.
        lengths: Of the tasks' prompts in tokens.
        samples: Of each task.
        rows: Of a batch.
    """
    chunks = math.ceil(samples / rows)
    width = math.ceil(samples / chunks)
    per_batch = max(1, rows // width)
    groups: dict[tuple[str, ...], list[int]] = {}
    for number in sorted(range(len(tasks)), key=lambda n: (-lengths[n], n)):
        groups.setdefault(tasks[number].stops, []).append(number)
    return [
        Part(tuple(group[at : at + per_batch]), range(start, min(start + width, samples)))
        for group in groups.values()
        for at in range(0, len(group), per_batch)
        for start in range(0, samples, width)
    ]
