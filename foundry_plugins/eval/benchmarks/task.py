# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a benchmark is: problems, what a model is shown of them, and how its answer is judged.

Everything here is pure. A benchmark is one file of this folder, found by name.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.eval.postprocess import first_line
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program, PythonProgram

TESTS, EXACT_MATCH, PEOPLE = "tests", "exact_match", "people"


@dataclasses.dataclass(frozen=True)
class Task:
    """One problem.

    Attributes:
        task_id: Unique in its benchmark.
        language: Short name: ``py``, ``cpp``, ``java``, ...
        prompt: What the model is shown, or sees before the gap.
        suffix: What comes after the gap; None where the model goes on writing.
        canonical: An answer that is right, where the benchmark has one.
        stops: Texts that end an answer.
        record: The benchmark's own fields.
    """

    task_id: str
    language: str
    prompt: str
    suffix: str | None
    canonical: str | None
    stops: tuple[str, ...]
    record: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One benchmark under one set of rules.

    Attributes:
        name: As in a YAML.
        rules: Whose prompt, stops and truncation; named in results.
        judged: By `TESTS`, `EXACT_MATCH` or `PEOPLE`.
        read: Tasks from a file.
        truncate: The part of a generated text that counts as the answer.
        program: What to run for a task and an answer; None unless judged by tests.
        max_new_tokens: Enough for the answers of its source.
        single_line: Whether an answer ends with its first line.
        limits: Of a program, unless told otherwise.
    """

    name: str
    rules: str
    judged: str
    read: Callable[[Path], list[Task]]
    truncate: Callable[[Task, str], str]
    program: Callable[[Task, str], PythonProgram | Program] | None
    max_new_tokens: int
    single_line: bool = False
    limits: Limits = dataclasses.field(default_factory=Limits)


def records(
    path: Path, fields: tuple[str, ...], lists: tuple[str, ...] = ()
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, record) of JSON lines, plain or ``.gz``.

    Args:
        path: The file.
        fields: That every record has as texts.
        lists: That every record has as lists of texts.

    Raises:
        UserError: if the file is missing, empty or damaged, or a record lacks a field or has
            something else there.
    """
    require(
        path.is_file(),
        f"The benchmark file {path} does not exist; `foundry-plugins eval-data` says where each "
        "benchmark comes from.",
    )
    number = 0
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path}, line {number}", _record(json.loads(line), fields, lists)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read after line {number}: {error}.") from error
    except ValueError as error:
        raise UserError(f"{path}, line {number}: {error}.") from error
    require(number > 0, f"The benchmark file {path} holds no problem.")


def _record(record: Any, fields: tuple[str, ...], lists: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise ValueError("a problem must be an object in JSON")
    missing = [field for field in (*fields, *lists) if field not in record]
    if missing:
        raise ValueError(f"the problem has no field `{missing[0]}`, only {', '.join(record)}")
    for field in fields:
        if not isinstance(record[field], str):
            raise ValueError(f"`{field}` must be a string, got {record[field]!r}")
    for field in lists:
        value = record[field]
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise ValueError(f"`{field}` must be a list of strings, got {value!r}")
    return record


def whole(task: Task, text: str) -> str:
    """An answer that counts as it is."""
    return text


def only_first_line(task: Task, text: str) -> str:
    """An answer of which the first line counts."""
    return first_line(text)
