# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Benchmark files are recognised by their problems, and others are refused."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval import benchmarks, eval_data

PROBLEMS = [
    {
        **{"task_id": f"HumanEval/{n}", "prompt": f"def f{n}():\n", "entry_point": f"f{n}"},
        **{"canonical_solution": "    return 1\n", "test": "def check(candidate): ..."},
    }
    for n in range(3)
]


@pytest.mark.parametrize("name", ["p.jsonl", "p.jsonl.gz", "p.json", "p.parquet"])
def test_any_format_gives_the_same_file(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, output = tmp_path / name, tmp_path / "out.jsonl.gz"
    lines = "".join(json.dumps(problem) + "\n" for problem in PROBLEMS).encode()
    if name.endswith("parquet"):
        parquet.write_table(pa.Table.from_pylist(PROBLEMS), given)
    elif name.endswith("json"):
        given.write_text(json.dumps(PROBLEMS))
    else:
        given.write_bytes(gzip.compress(lines) if name.endswith("gz") else lines)
    # The digest of a file that is not known does, whatever problems of the right form it holds.
    unknown = dataclasses.replace(eval_data.SOURCES["humaneval_plus"], digest=None)
    monkeypatch.setitem(eval_data.SOURCES, "humaneval_plus", unknown)
    found = eval_data.get("humaneval_plus", output, given)
    assert found["problems"] == 3
    assert not found["known"]
    assert gzip.decompress(output.read_bytes()) == lines
    assert len(benchmarks.find("humaneval_plus").read(output)) == 3


def test_the_digest_does_not_depend_on_order_or_other_fields() -> None:
    more = [{**problem, "more": 1} for problem in reversed(PROBLEMS)]
    fields = tuple(PROBLEMS[0])
    assert eval_data.digest(more, fields) == eval_data.digest(PROBLEMS, fields)
    assert eval_data.digest(PROBLEMS[1:], fields) != eval_data.digest(PROBLEMS, fields)


def test_other_problems_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    given, output = tmp_path / "p.json", tmp_path / "out.jsonl"
    given.write_text(json.dumps(PROBLEMS))
    with pytest.raises(UserError, match="does not hold the problems of humaneval: their digest"):
        eval_data.get("humaneval", output, given)
    given.write_text(json.dumps([{"task_id": 1}]))
    with pytest.raises(UserError, match="problem 1 has no field `prompt`"):
        eval_data.get("humaneval", output, given)
    given.write_text("nothing")
    with pytest.raises(UserError, match="neither JSON lines, a JSON list nor parquet"):
        eval_data.get("humaneval", output, given)
    with pytest.raises(UserError, match="by hand from https://hugg"):
        eval_data.get("santacoder_fim", output)
    with pytest.raises(UserError, match="did you mean 'mbpp'"):
        eval_data.get("mbp", output)
    assert not output.exists()


def test_every_source_has_its_benchmark() -> None:
    for name, source in eval_data.SOURCES.items():
        assert benchmarks.find(source.benchmark).name == source.benchmark
        assert source.digest is None or len(source.digest) == 64, name
