# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.problems import (
    can_be_asked,
    read_problems,
    write_infilling_problems,
)

TEXT = "import os\n\ndef f(x):\n\n    # say something\n\treturn x + 100  \r\n)))))))))\n"


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("return x + 100", True),
        ("importance = 3", True),
        ("formula = 1 + 2", True),
        ("x = 1", False),  # under 8 characters
        ("x" * 101, False),
        ("import os.path", False),
        ("from a import b", False),
        ("#include <stdio.h>", False),
        ("// a comment", False),
        ("* in a block comment", False),
        ('"""Docstring."""', False),
        ("12345678 + 9", False),  # no letter
    ],
)
def test_which_lines_are_asked(line: str, asked: bool) -> None:
    assert can_be_asked(line) is asked


def test_golden_problems(write_documents: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_documents(("train", "t.py", TEXT), ("validation", "v.py", TEXT))
    output = tmp_path / "out" / "problems.jsonl"
    assert write_infilling_problems(folder, output, count=10, seed=1) == 2
    problems = {p.task_id: p for p in read_problems(output)}
    assert set(problems) == {"v.py:3", "v.py:6"}
    problem = problems["v.py:6"]
    # Indentation stays with the prefix; trailing blanks and the line break with the suffix.
    assert problem.middle == "return x + 100"
    assert problem.prefix.endswith("# say something\n\t")
    assert problem.suffix == "  \r\n)))))))))\n"


def many_documents() -> list[tuple[str, str, str]]:
    return [
        ("validation", f"{name}.py", "".join(f"    value_{i} = {name}({i})\n" for i in range(9)))
        for name in "abcdefgh"
    ]


def test_the_choice_depends_on_seed_path_and_line_alone(
    write_documents: Callable[..., Path], tmp_path: Path
) -> None:
    documents = many_documents()

    def problems(seed: int, count: int) -> list[str]:
        folder = tmp_path / "documents"
        write_infilling_problems(folder, tmp_path / "p.jsonl", count=count, seed=seed)
        return [p.task_id for p in read_problems(tmp_path / "p.jsonl")]

    write_documents(*documents)
    first = problems(seed=3, count=6)
    assert len(first) == 6
    # A smaller request is the start of a larger one.
    assert problems(seed=3, count=2) == first[:2]
    assert problems(seed=4, count=6) != first
    for file in (tmp_path / "documents").iterdir():
        file.unlink()
    for document in reversed(documents):
        write_documents(document)
    assert problems(seed=3, count=6) == first


def test_bounds(write_documents: Callable[..., Path], tmp_path: Path) -> None:
    folder, output = write_documents(*many_documents()), tmp_path / "p.jsonl"
    options = {"max_per_document": 1, "max_prefix_chars": 10, "max_suffix_chars": 5}
    assert write_infilling_problems(folder, output, count=100, seed=0, **options) == 8
    for problem in read_problems(output):
        assert len(problem.prefix) <= 10
        assert len(problem.suffix) <= 5


def test_mistakes_are_named(write_documents: Callable[..., Path], tmp_path: Path) -> None:
    output = tmp_path / "p.jsonl"
    folder = write_documents(("validation", "v.py", "x\n"), ("train", "t.py", TEXT))
    with pytest.raises(UserError, match="No infilling problem could be made"):
        write_infilling_problems(folder, output, count=5, seed=0)
    assert not output.exists()
    with pytest.raises(UserError, match="does not exist"):
        read_problems(output)
    output.write_text("")
    with pytest.raises(UserError, match="holds no problem"):
        read_problems(output)
    output.write_text(json.dumps({"task_id": "a", "prefix": "b", "middle": 3, "suffix": ""}))
    with pytest.raises(UserError, match=r"line 1: `middle` must be a string, got 3"):
        read_problems(output)
    output.write_text("{")
    with pytest.raises(UserError, match="line 1 is not valid JSON"):
        read_problems(output)


def test_broken_documents_are_named(write_documents: Callable[..., Path], tmp_path: Path) -> None:
    import zstandard

    folder = write_documents(("validation", "v.py", TEXT))
    broken = zstandard.ZstdCompressor().compress(b'{"text": "", "path": "", "split": ""}\n')
    (folder / "00001.jsonl.zst").write_bytes(broken)
    with pytest.raises(UserError, match=r"00001\.jsonl\.zst, line 1 lacks the field 'language'"):
        write_infilling_problems(folder, tmp_path / "p.jsonl", count=1, seed=0)
