# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What decontamination finds and what it leaves alone."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import pickle
import re
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.decontaminate import problems
from data_prep.decontaminate.index import Index, normalized
from data_prep.decontaminate.settings import GRAM_CHARS, Decontamination
from foundry_plugins.contract.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
# A folder with the files of public benchmarks, on machines that have one.
PUBLIC = os.environ.get("EVALUATION_DATA")
STDLIB = Path(sysconfig.get_paths()["stdlib"])

RECORDS: list[dict[str, Any]] = [
    {
        "task_id": "Own/0",
        "prompt": "from typing import List\n\n\n"
        "def merge_tides(tides: List[int], moon: int) -> int:\n"
        '    """ Given the heights of successive tides, merge every pair of neighbours whose\n'
        "    difference is below the pull of the moon, and return how many are left.\n"
        "    >>> merge_tides([3, 4, 9], 2)\n    2\n"
        '    """\n',
        "canonical_solution": "    heights = sorted(tides)\n    remaining = 1\n"
        "    for lower, upper in zip(heights, heights[1:]):\n"
        "        if upper - lower >= moon:\n            remaining += 1\n    return remaining\n",
    },
    {
        "task_id": "Own/1",
        "prompt": "def add(x: int, y: int):\n"
        '    """ Add two numbers x and y\n    >>> add(2, 3)\n    5\n'
        '    >>> add(5, 7)\n    12\n    """\n',
        "canonical_solution": "    return x + y\n",
    },
    {
        "task_id": "Own/2",
        "prompt": "def grüße(namen):\n"
        "    ''' Grüße jeden, dessen Name mit einem Umlaut beginnt, und zähle die "
        "übrigen.\n    '''\n",
        "canonical_solution": "    return sum(name[0] not in 'ÄÖÜ' for name in namen)\n",
    },
]


def build(records: list[dict[str, Any]], **settings: Any) -> Index:
    listed = [problems.problem(record, n) for n, record in enumerate(records)]
    return Index.of({"own": listed}, Decontamination({"own": ("own.jsonl",)}, **settings))


def load_planted() -> Any:
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module("benchmarks.planted_problems")
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def index() -> Index:
    return build(RECORDS)


@pytest.fixture(scope="module")
def host() -> str:
    return (STDLIB / "textwrap.py").read_text(encoding="utf-8")


def test_every_way_of_copying(index: Index, host: str) -> None:
    assert index.hit(host) is None
    for copy in load_planted().planted(RECORDS, host):
        hit = index.hit(copy.text)
        # "return x + y" is below the shortest length; case is that of ASCII letters.
        if (copy.kind, copy.name) in (("solution_only", "Own/1"), ("upper_case", "Own/2")):
            assert hit is None
        else:
            assert hit is not None, copy
            assert hit.problem == copy.name
            found = copy.text.encode()[hit.start : hit.end].decode()
            assert found.strip() in copy.copied


def test_public_benchmarks(host: str) -> None:
    """Every copy of every problem is found; runs where the files are."""
    for name in ("humaneval/HumanEval.jsonl.gz", "mbpp/mbpp.jsonl.gz") if PUBLIC else ():
        records = list(problems.records([f"{PUBLIC}/{name}"]))
        index = build(records)
        assert index.counts["own"].indexed == len(records)
        for copy in load_planted().planted(records[::4], host[:4000]):
            long_enough = len(normalized(copy.copied)) >= 30
            assert not long_enough or index.hit(copy.text) is not None, copy


def test_ordinary_code_is_left_alone(index: Index) -> None:
    for path in sorted(STDLIB.glob("*.py")):
        assert index.hit(path.read_bytes()) is None, path


@given(st.text())
def test_normalization(text: str) -> None:
    """Against regular expressions: ASCII letters and digits in lower case, all other alphabets."""
    data = re.sub(rb"\\+[nrt]?", b"", text.encode()).lower()
    expected = re.sub(rb"[^a-z0-9\x80-\xff]", b"", data)
    assert normalized(text).tobytes() == expected


@given(st.data())
def test_every_long_run_is_found(data: st.DataObject) -> None:
    """Winnowing misses nothing: any run of the needed length is a find, any shorter one is not."""
    letters = st.text("abcde", min_size=60, max_size=120)
    text = data.draw(letters)
    index = build([{"text": text}])
    start = data.draw(st.integers(0, len(text) - 50))
    filler = "0" * 30
    run = text[start : start + 50]
    assert index.hit(f"{filler}{run}{filler}") is not None
    longest = max(_common(text, run[:49] + filler), _common(text, filler + run[:49]))
    assert longest >= 50 or index.hit(f"{filler}{run[:49]}{filler}") is None


def _common(left: str, right: str) -> int:
    return max(
        (n for n in range(1, len(right) + 1) for s in range(len(right) - n + 1)
         if right[s : s + n] in left),
        default=0,
    )  # fmt: skip


def test_finds_are_spans_of_bytes(index: Index) -> None:
    text = "ä\n" * 9 + "x = 1\n" + RECORDS[2]["prompt"] + "ö = 2\n"
    (hit,) = index.hits(text)
    assert (hit.benchmark, hit.problem, hit.kind) == ("own", "Own/2", "prompt")
    # The letters around may belong to the run; here they do not.
    assert text.encode()[hit.start : hit.end].decode().startswith("def grüße")
    assert text.encode()[: hit.end].decode().endswith("übrigen")


def test_what_many_problems_share_is_not_looked_for() -> None:
    header = (
        "import java.util.*; import java.lang.reflect.*; import org.javatuples.*; class Problem {"
    )
    words = [
        "alder",
        "birch",
        "cedar",
        "elder",
        "hazel",
        "holly",
        "larch",
        "maple",
        "rowan",
        "beech",
    ]
    records = [
        {"name": f"p{n}", "prompt": f"{header}\n// Count every {w} that stands beside another {w} "
         f"and is older than the {v}."}
        for n, (w, v) in enumerate((w, v) for w in words for v in words[:2])
    ]  # fmt: skip
    index = build(records, boilerplate_problems=10)
    assert index.counts["own"].indexed == len(records)
    assert index.hit(header + " class Other {} " + header) is None
    assert all(index.hit(record["prompt"]) is not None for record in records)
    assert build(records, boilerplate_problems=20).hit(header) is not None


def test_equal_input_gives_equal_output_and_survives_pickling(index: Index) -> None:
    again = build(RECORDS)
    assert again.digest == index.digest
    assert build(RECORDS, prompt_chars=60).digest != index.digest
    loaded = pickle.loads(pickle.dumps(index))
    assert loaded.digest == index.digest
    assert loaded.hit(RECORDS[0]["prompt"]) == index.hit(RECORDS[0]["prompt"])


def test_the_first_benchmark_is_named_where_two_have_a_text() -> None:
    listed = [problems.problem(record, n) for n, record in enumerate(RECORDS)]
    settings = Decontamination({"first": ("a",), "second": ("b",)})
    index = Index.of({"first": listed, "second": listed[:1]}, settings)
    hit = index.hit(RECORDS[0]["prompt"])
    assert hit is not None
    assert hit.benchmark == "first"
    assert (index.counts["first"].indexed, index.counts["second"].indexed) == (3, 1)


def test_files(tmp_path: Path) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in RECORDS)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    settings = Decontamination({"a": (f"{tmp_path}/a.jsonl",), "b": (f"{tmp_path}/*.gz",)})
    index = Index.build(settings)
    assert {name: counts.problems for name, counts in index.counts.items()} == {"a": 3, "b": 3}
    (tmp_path / "c.jsonl").write_text('{"prompt": "short"}\n')
    with pytest.raises(UserError, match=r"benchmarks\.c`: none of the 1 problems"):
        Index.build(Decontamination({"c": (f"{tmp_path}/c.jsonl",)}))
    (tmp_path / "d.jsonl").write_text("{}\n[]\n")
    with pytest.raises(UserError, match=r"d\.jsonl, line 2, holds list"):
        Index.build(Decontamination({"d": (f"{tmp_path}/d.jsonl",)}))
    with pytest.raises(UserError, match="There is no"):
        Index.build(Decontamination({"e": (f"{tmp_path}/e.jsonl",)}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"benchmarks": {}}, "at least one benchmark"),
        ({"shortest_prompt_chars": GRAM_CHARS - 1}, "must be at least 24"),
        ({"solution_chars": 29}, "at most `solution_chars`, got 30 and 29"),
        ({"boilerplate_problems": 0}, "must be at least 1"),
    ],
)
def test_mistakes(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Decontamination(**{"benchmarks": {"a": ("a",)}, **settings})


def test_known_fields() -> None:
    def kinds(record: dict[str, Any], *fields: str) -> list[tuple[str, str]]:
        return list(problems.problem(record, 0, fields).texts)

    apps = {"problem_id": 4, "question": "Ask?", "solutions": '["print(1)", "print(2)"]'}
    assert kinds(apps) == [("prompt", "Ask?"), ("solution", "print(1)"), ("solution", "print(2)")]
    grade_school = {"question": "Q", "answer": "6 * 7 = <<6*7=42>>42"}
    assert ("solution", "6 * 7 = 42") in kinds(grade_school)
    assert kinds({"title": "A", "body": ["B"]}) == [("text", "A"), ("text", "B")]
    assert kinds({"title": "A", "body": "B"}, "body") == [("text", "B")]
    infilling = {"entry_point": "f", "prompt": "def f():\n", "suffix": "\n", "task_id": "T/0",
                 "canonical_solution": "    return 1"}  # fmt: skip
    assert kinds(infilling) == [
        ("prompt", "def f():\n"),
        ("solution", "def f():\n    return 1\n"),
    ]
    assert problems.problem(infilling, 0).group == "f"
    pandas = {"prompt": "P", "reference_code": "df", "metadata": {"problem_id": 12}}
    assert problems.problem(pandas, 0).name == "12"


def test_arrays_stay_small(index: Index) -> None:
    letters = sum(len(normalized(r["prompt"] + r["canonical_solution"])) for r in RECORDS)
    assert sum(array.nbytes for array in index.arrays) < 40_000
    assert index.arrays[5].size < 4 * letters
    assert np.all(index.arrays[7] >= 30)
