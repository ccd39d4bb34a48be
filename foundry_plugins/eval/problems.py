# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Infilling problems: how they are stored, and how single-line ones are made from documents.

A problem file is JSON lines with the fields ``task_id``, ``prefix``, ``middle`` and ``suffix``;
the document is ``prefix + middle + suffix``, cut to a bounded number of characters on both sides.

Single-line infilling is the task of Bavarian et al. 2022 (arXiv 2207.14255, section 4.1) and of
Allal et al. 2023 (SantaCoder, arXiv 2301.03988): hide one line, show all around it. Here the
middle is the line without its indentation, trailing blanks and line break: the prefix ends with
the indentation, the suffix starts with what follows the line's last visible character.

A line is asked for if it says something that the model has to work out: 8 to 100 characters, at
least one letter, not a comment and not an import. Lines are chosen by a hash of the seed, the
document's path and the line number, so that the choice depends on nothing else.
"""

from __future__ import annotations

import dataclasses
import heapq
import json
import re
from collections.abc import Iterator
from pathlib import Path

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.files import write_text
from foundry_plugins.contract.stateless_hash import hash64
from foundry_plugins.eval.documents import Document, read_documents

MIN_MIDDLE_CHARS = 8
MAX_MIDDLE_CHARS = 100
# Starts of lines that are comments, imports or preprocessor directives in the common languages.
_UNASKED = re.compile(
    r"""[#*;%]|//|/\*|--|<!--|\"\"\"|'''|(import|from|use|using|include|require|package)\b"""
)
_LETTER = re.compile(r"[^\W\d_]")


@dataclasses.dataclass(frozen=True)
class Problem:
    """One place in a document where text was taken out."""

    task_id: str
    prefix: str
    middle: str
    suffix: str


def write_infilling_problems(
    documents: Path,
    output: Path,
    *,
    count: int,
    seed: int,
    split: str = "validation",
    max_per_document: int = 4,
    max_prefix_chars: int = 4096,
    max_suffix_chars: int = 4096,
) -> int:
    """Writes up to ``count`` single-line infilling problems made from held-out documents.

    Args:
        documents: Folder of ``*.jsonl.zst`` documents.
        output: JSON lines file to write.
        count: Number of problems; fewer are written where the documents do not give so many.
        seed: Decides which lines are hidden.
        split: Documents of this split are used.
        max_per_document: Bound on the problems of one document.
        max_prefix_chars: Characters kept before the middle.
        max_suffix_chars: Characters kept after it.

    Returns:
        The number of problems written.

    Raises:
        UserError: if no line of the split can be asked for.
    """
    require(count > 0, f"`count` must be at least 1, got {count}.")
    require(max_per_document > 0, f"`max_per_document` must be at least 1, got {max_per_document}.")
    ranked: list[tuple[int, Problem]] = []
    for document in read_documents(documents, split):
        lines = heapq.nsmallest(max_per_document, _rank_lines(document, seed))
        ranked += [
            (rank, _problem(document, span, number, max_prefix_chars, max_suffix_chars))
            for rank, number, span in lines
        ]
        # Enough is kept to stay exact, and a large corpus stays out of memory.
        if len(ranked) > 4 * count:
            ranked = heapq.nsmallest(count, ranked, key=lambda pair: pair[0])
    problems = [p for _, p in heapq.nsmallest(count, ranked, key=lambda pair: pair[0])]
    require(
        bool(problems),
        f"No infilling problem could be made: the {split} documents in {documents} hold no line of "
        f"{MIN_MIDDLE_CHARS} to {MAX_MIDDLE_CHARS} characters that is neither a comment nor an "
        "import; use more source files.",
    )
    write_text(output, "".join(json.dumps(dataclasses.asdict(p)) + "\n" for p in problems))
    return len(problems)


def read_problems(path: Path) -> list[Problem]:
    """Reads a problem file.

    Raises:
        UserError: if the file is missing or empty, or a line is not a problem.
    """
    require(
        path.is_file(),
        f"The problem file {path} does not exist; write it or correct `dataset_uri`.",
    )
    with path.open(encoding="utf-8", newline="\n") as file:
        problems = [
            _parse(line, f"{path}, line {number}")
            for number, line in enumerate(file, start=1)
            if line.strip()
        ]
    require(bool(problems), f"The problem file {path} holds no problem.")
    return problems


def _parse(line: str, where: str) -> Problem:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where} is not valid JSON ({error}).") from error
    for field in ("task_id", "prefix", "middle", "suffix"):
        value = record.get(field) if isinstance(record, dict) else None
        if not isinstance(value, str):
            raise UserError(f"{where}: `{field}` must be a string, got {value!r}.")
    return Problem(record["task_id"], record["prefix"], record["middle"], record["suffix"])


def _rank_lines(document: Document, seed: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """(hash, line number, start and end of the middle) of every line that can be asked for."""
    start = 0
    for number, line in enumerate(document.text.split("\n"), start=1):
        middle = line.strip()
        if can_be_asked(middle):
            begin = start + line.index(middle)
            rank = hash64(seed, "infilling_problem", document.path, number)
            yield rank, number, (begin, begin + len(middle))
        start += len(line) + 1


def can_be_asked(middle: str) -> bool:
    """Whether a stripped line is a fair single-line problem (see the module's text)."""
    return (
        MIN_MIDDLE_CHARS <= len(middle) <= MAX_MIDDLE_CHARS
        and _LETTER.search(middle) is not None
        and _UNASKED.match(middle) is None
    )


def _problem(
    document: Document, span: tuple[int, int], line: int, prefix_chars: int, suffix_chars: int
) -> Problem:
    begin, end = span
    return Problem(
        task_id=f"{document.path}:{line}",
        prefix=document.text[max(0, begin - prefix_chars) : begin],
        middle=document.text[begin:end],
        suffix=document.text[end : end + suffix_chars],
    )
