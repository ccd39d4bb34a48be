# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Benchmark problems as they turn up in other people's code, for measuring decontamination.

Each way of copying is one function of a problem's request (its docstring), its head (the code
before it) and its solution. A copy stands in the middle of a file that holds no problem.
"""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
from collections.abc import Callable, Iterator

_DOCSTRING = re.compile(r'"""(.*?)"""|\'\'\'(.*?)\'\'\'', re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Source:
    """A problem taken apart.

    Attributes:
        name: Its identifier.
        head: Imports and signature; empty where the benchmark has none.
        request: What is asked for, in words and examples.
        prompt: Both, as the benchmark has them.
        solution: Its solution.
    """

    name: str
    head: str
    request: str
    prompt: str
    solution: str


@dataclasses.dataclass(frozen=True)
class Copy:
    """A file with a copied problem.

    Attributes:
        kind: How it was copied.
        name: Which problem.
        text: The whole file.
        copied: The copied part alone.
    """

    kind: str
    name: str
    text: str
    copied: str


def source(record: dict[str, str], number: int) -> Source:
    """A record of HumanEval's or MBPP's kind, taken apart."""
    prompt = record.get("prompt") or record["text"]
    solution = record.get("canonical_solution") or record["code"]
    found = _DOCSTRING.findall(prompt)
    request = "".join(found[-1]) if found else prompt
    head = _DOCSTRING.sub("", prompt) if found else ""
    return Source(str(record.get("task_id", number)), head, request, prompt, solution)


def _verbatim(source: Source) -> str:
    return f"{source.prompt}{'' if source.head else chr(10)}{source.solution}\n"


def _prompt_only(source: Source) -> str:
    return f"{source.prompt}\n"


def _solution_only(source: Source) -> str:
    return f"{source.solution}\n"


def _rewrapped(source: Source) -> str:
    return f'def solve():\n    """{_wrap(source.request, 43, "       ")}\n    """\n'


def _reindented(source: Source) -> str:
    lines = _verbatim(source).splitlines()
    return "class Solution:\n" + "".join(f"\t{_tabs(line)}\r\n" for line in lines)


def _slashes(source: Source) -> str:
    return f"{_wrap(source.request, 70, '// ')}\nfunction solve(a, b) {{\n"


def _block(source: Source) -> str:
    return f"/**\n{_wrap(source.request, 60, ' * ')}\n */\npublic static int solve(int a) {{\n"


def _hashes(source: Source) -> str:
    return f"{_wrap(source.request, 50, '# ')}\ndef solve(a)\n"


def _dashes(source: Source) -> str:
    return f"{_wrap(source.request, 66, '-- ')}\nsolve :: Int -> Int\n"


def _shouted(source: Source) -> str:
    return f"{_wrap(source.request.upper(), 80, '; ')}\n"


def _escaped(source: Source) -> str:
    return f'{{"cells": [{json.dumps(_verbatim(source), ensure_ascii=False)}]}}\n'


KINDS: dict[str, Callable[[Source], str]] = {
    "verbatim": _verbatim,
    "prompt_only": _prompt_only,
    "solution_only": _solution_only,
    "rewrapped_docstring": _rewrapped,
    "reindented": _reindented,
    "slash_comment": _slashes,
    "block_comment": _block,
    "hash_comment": _hashes,
    "dash_comment": _dashes,
    "upper_case": _shouted,
    "inside_json": _escaped,
}


def planted(
    records: list[dict[str, str]], host: str, kinds: tuple[str, ...] = tuple(KINDS)
) -> Iterator[Copy]:
    """Every problem copied in every way, in the middle of ``host``."""
    middle = host.find("\n", len(host) // 2) + 1
    for number, record in enumerate(records):
        one = source(record, number)
        for kind in kinds:
            copied = KINDS[kind](one)
            yield Copy(kind, one.name, host[:middle] + copied + host[middle:], copied)


def _wrap(text: str, width: int, prefix: str) -> str:
    words = " ".join(text.split())
    lines = textwrap.wrap(words, width, break_on_hyphens=True, break_long_words=False)
    return "\n".join(f"{prefix}{line}" for line in lines)


def _tabs(line: str) -> str:
    spaces = len(line) - len(line.lstrip(" "))
    return "\t" * (spaces // 4) + line.lstrip(" ")
