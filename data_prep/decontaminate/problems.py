# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Benchmarks as their authors publish them: jsonl, one problem a line.

Fields are known by name, which covers HumanEval and HumanEval+ (``prompt``,
``canonical_solution``), MBPP and MBPP+ (``text`` or ``prompt``, ``code``), MultiPL-E (``prompt``),
HumanEvalPack, HumanEval infilling (``prompt``, ``suffix``), APPS (``question``, ``solutions``: JSON
in a string), GSM8K (``question``, ``answer``), DS-1000 (``prompt``, ``reference_code``). Tests are
left alone: they are calls and numbers, which code shares with no fault of its own.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from foundry_plugins.contract.errors import UserError

PROMPT, SOLUTION, TEXT = "prompt", "solution", "text"
PROMPTS = ("prompt", "text", "question", "instruction", "description", "docstring", "problem")
SOLUTIONS = (
    "canonical_solution",
    "code",
    "solution",
    "solutions",
    "answer",
    "reference_code",
    "completion",
)
_IDS = ("task_id", "name", "problem_id", "id")
# Several records of infilling benchmarks are cut from one function, which they name.
_GROUPS = ("entry_point",)
# GSM8K writes every calculation twice, the second time between these.
_ANNOTATION = re.compile(r"<<[^<>\n]*>>")
_DOCSTRING = re.compile(r'"""(.*?)"""|\'\'\'(.*?)\'\'\'', re.DOTALL)
_COMMENTS = re.compile(r"(?:^[ \t]*(?://+|#+|--|\*).*\n?)+|/\*.*?\*/", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """What must not be seen of one problem.

    Attributes:
        name: Its identifier within the benchmark; its place there, from 0, if it has none.
        group: Equal for the problems of a benchmark that were made from one.
        texts: Kind and text.
    """

    name: str
    group: str
    texts: tuple[tuple[str, str], ...]


def read(paths: Sequence[str], fields: Sequence[str] = ()) -> Iterator[Problem]:
    """The problems of one benchmark.

    Raises:
        UserError: if a file is missing or a line is not a JSON object.
    """
    for number, record in enumerate(records(paths)):
        yield problem(record, number, fields)


def records(paths: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The records of files, folders or globs, here or in an object store."""
    from data_prep import store

    for path in paths:
        for found in store.find(path):
            with store.open_read(found.url) as handle:
                for number, line in enumerate(_lines(handle, found.url), start=1):
                    if line.strip():
                        yield _record(line, found.url, number)


def problem(record: dict[str, Any], number: int, fields: Sequence[str] = ()) -> Problem:
    """What a record asks and answers."""
    metadata = record.get("metadata")
    values = {**(metadata if isinstance(metadata, dict) else {}), **record}
    name = str(next((values[key] for key in _IDS if key in values), number))
    group = str(next((values[key] for key in _GROUPS if key in values), name))
    return Problem(name, group, tuple(_texts(record, fields)))


def _texts(record: dict[str, Any], fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    if fields:
        found = [(_kind(key), text) for key in fields for text in _strings(record.get(key))]
    elif isinstance(record.get("suffix"), str):
        # Infilling: what is cut out is mostly a line that any code may have; the whole is not.
        found = [(kind, text) for kind, text in _known(record) if kind == PROMPT]
    else:
        found = _known(record)
    yield from found
    for kind, text in found:
        if kind != SOLUTION:
            yield from ((PROMPT, part) for part in _prose(text))
        elif _ANNOTATION.search(text):
            yield SOLUTION, _ANNOTATION.sub("", text)
    if not fields and (whole := _whole(record)):
        yield SOLUTION, whole


def _known(record: dict[str, Any]) -> list[tuple[str, str]]:
    keys = [key for key in (*PROMPTS, *SOLUTIONS) if key in record]
    keys = keys or [key for key in record if key not in _IDS]
    return [(_kind(key), text) for key in keys for text in _strings(record[key])]


def _whole(record: dict[str, Any]) -> str | None:
    """The function as people copy it: with its head, without what it was asked for."""
    prompt, solution = record.get("prompt"), record.get("canonical_solution")
    if not isinstance(prompt, str) or not isinstance(solution, str):
        return None
    head = _COMMENTS.sub("", _DOCSTRING.sub("", prompt))
    suffix = record.get("suffix")
    return head + solution + (suffix if isinstance(suffix, str) else "")


def _kind(key: str) -> str:
    return PROMPT if key in PROMPTS else SOLUTION if key in SOLUTIONS else TEXT


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _strings(entry)
    elif isinstance(value, str):
        listed = _json_list(value)
        if listed is None:
            yield value
        else:
            yield from _strings(listed)


def _json_list(text: str) -> list[Any] | None:
    """APPS keeps a list of solutions as JSON in a string."""
    if not text.startswith('["'):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def _prose(prompt: str) -> Iterator[str]:
    """Docstrings and comments, which travel without the code around them."""
    for match in (*_DOCSTRING.finditer(prompt), *_COMMENTS.finditer(prompt)):
        yield next((group for group in match.groups() if group), match.group())


def _lines(handle: BinaryIO, url: str) -> Iterator[bytes]:
    if url.endswith(".gz"):
        import gzip

        yield from gzip.GzipFile(fileobj=handle)
    elif url.endswith((".zst", ".zstd")):
        import zstandard

        reader = zstandard.ZstdDecompressor().stream_reader(handle, read_across_frames=True)
        yield from io.BufferedReader(reader)  # type: ignore[arg-type]
    else:
        yield from handle


def _record(line: bytes, url: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UserError(
            f"The benchmark {url}, line {number}, is not JSON ({error}); name files with one "
            "JSON object a line in `decontamination.benchmarks`."
        ) from error
    if not isinstance(record, dict):
        raise UserError(
            f"The benchmark {url}, line {number}, holds {type(record).__name__}, not an object; "
            "name files with one JSON object a line in `decontamination.benchmarks`."
        )
    return record
