# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Results that grow line by line, and folders that are continued."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.samples import SAMPLES, VERDICTS, Results, read_shared

SETTINGS = {"benchmark": "humaneval", "seed": 17}


def entry(sample: int, text: str = "pass") -> dict[str, object]:
    return {"task_id": "HumanEval/0", "sample": sample, "completion": text}


def test_a_killed_run_goes_on_after_its_last_whole_line(tmp_path: Path) -> None:
    results = Results(tmp_path / "out", SETTINGS)
    results.append(SAMPLES, [entry(0), entry(1, "\u2028 no line end of JSON lines")])
    path = tmp_path / "out" / "samples-0.jsonl"
    path.write_bytes(path.read_bytes() + b'{"task_id": "HumanEval/0", "sam')
    again = Results(tmp_path / "out", SETTINGS)
    assert set(again.read(SAMPLES)) == {("HumanEval/0", 0), ("HumanEval/0", 1)}
    again.append(SAMPLES, [entry(2)])
    assert [json.loads(line)["sample"] for line in path.read_text().splitlines() if line] == [
        *(0, 1, 2)
    ]


def test_ranks_write_files_of_their_own(tmp_path: Path) -> None:
    for rank in (0, 1):
        Results(tmp_path, SETTINGS, rank).append(SAMPLES, [entry(rank)])
    assert len(Results(tmp_path, SETTINGS).read(SAMPLES)) == 2
    assert Results(tmp_path, SETTINGS).read(VERDICTS) == {}


def test_other_settings_are_refused(tmp_path: Path) -> None:
    Results(tmp_path, SETTINGS)
    with pytest.raises(UserError, match="`seed` 17, now it is 18"):
        Results(tmp_path, {**SETTINGS, "seed": 18})


@pytest.mark.parametrize(
    ("kind", "line", "message"),
    [
        (SAMPLES, {"completion": "pass"}, "'a' must have `sample`, .* got None"),
        (SAMPLES, {"sample": 0, "completion": 1}, "'a' must have `completion`, .* str, got 1"),
        (VERDICTS, {"passed": True, "kind": "passed", "message": ""}, "'a' must have `sample`"),
        (VERDICTS, {"sample": 0, "passed": 1}, "'a' must have `passed`, .* bool, got 1"),
    ],
)
def test_lines_that_lack_something_are_named(
    tmp_path: Path, kind: str, line: dict[str, object], message: str
) -> None:
    results = Results(tmp_path, SETTINGS)
    results.append(kind, [{"task_id": "a", **line}])
    with pytest.raises(UserError, match=f"{kind}-0.jsonl: a line of {message}"):
        results.read(kind)


def test_others_samples_are_numbered_by_task(tmp_path: Path) -> None:
    path = tmp_path / "shared.jsonl"
    tasks = ["a", "b", "a"]
    path.write_text("".join(json.dumps({"task_id": t, "completion": t}) + "\n" for t in tasks))
    assert [(e["task_id"], e["sample"]) for e in read_shared(path)] == [
        ("a", 0),
        ("b", 0),
        ("a", 1),
    ]
    path.write_text('{"task_id": "a", "completion": "no line break at the end"}')
    assert len(read_shared(path)) == 1
    path.write_text('{"task_id": "a"}\n')
    with pytest.raises(UserError, match="line 1 has no `completion`"):
        read_shared(path)
    path.write_text("[1]\n")
    with pytest.raises(UserError, match="line 1 has no `task_id`"):
        read_shared(path)
    path.write_text("no\n")
    with pytest.raises(UserError, match="line 1 is not valid JSON"):
        read_shared(path)


def test_a_packed_file_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl.gz"
    lines = b'{"task_id": "a", "completion": "x"}\n{"task_id": "a", "completion": "y"}\n'
    path.write_bytes(gzip.compress(lines))
    assert [e["completion"] for e in read_shared(path)] == ["x", "y"]
    for damaged in (lines, gzip.compress(lines)[:30]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="cannot be unpacked"):
            read_shared(path)
