# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``plan`` and ``inspect``: a trial says what a run does, and shows it."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path

import pytest

from data_prep import planning

REPOSITORY = Path(__file__).resolve().parents[2]


def call(verb: str, source: Path, output: Path, *arguments: str) -> str:
    program = str(Path(sys.executable).parent / "convert_dataset")
    recipe = str(REPOSITORY / "yamls/quickstart/data.yaml")
    where = (f"variables.source={source}", f"variables.output={output}")
    small = ("variables.vocab_size=512", "variables.sequence_length=64")
    command = [program, verb, recipe, *where, *small, "variables.validation_share=0.1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_durations() -> None:
    assert doctest.testmod(planning).failed == 0


def test_plan_of_everything_is_what_a_run_gives(
    source_folder: Path, converted: Path, tmp_path: Path
) -> None:
    shown = call("plan", source_folder, tmp_path / "out", "--sample-mb=100")
    plan = json.loads((tmp_path / "out/plan.json").read_text())
    report = json.loads((converted / "report.json").read_text())
    assert plan["sources"]["code"]["units"] == len(
        [path for path in source_folder.rglob("*") if path.is_file()]
    )
    assert plan["documents"] == sum(side["documents"] for side in report["splits"].values())
    assert plan["bytes"] == sum(side["bytes"] for side in report["splits"].values())
    # Of files that are not source code nothing is read, so a trial leaves them out.
    expected = {k: v for k, v in report["dropped"].items() if k not in ("not_source", "empty")}
    assert {k: v for k, v in plan["dropped"].items() if k != "empty"} == expected
    assert "What a run would do" in shown
    # A trial leaves nothing but its plan.
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["plan.json"]


def test_plan_from_a_sample_is_near(source_folder: Path, converted: Path, tmp_path: Path) -> None:
    call("plan", source_folder, tmp_path / "out", "--sample-mb=0.4")
    plan = json.loads((tmp_path / "out/plan.json").read_text())
    report = json.loads((converted / "report.json").read_text())
    bytes_in_all = sum(side["bytes"] for side in report["splits"].values())
    assert plan["sample"]["text_bytes"] < 0.6 * bytes_in_all
    assert plan["bytes"] == pytest.approx(bytes_in_all, rel=0.3)
    assert plan["tokens"] == pytest.approx(
        sum(side["tokens"] for side in report["splits"].values()), rel=0.35
    )


def test_inspect_shows_what_stays_and_what_does_not(source_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/lines.py").write_text("x = 1  # long\n" + "y = [" + "1, " * 2000 + "]\n")
    for path in (source_folder / "json").glob("*.py"):
        (tmp_path / "code" / path.name).write_bytes(path.read_bytes())
    small = ("tokenizer.vocab_size=400", "split.validation=0.3")
    shown = call("inspect", tmp_path / "code", tmp_path / "out", *small, "--examples=3")
    content = json.loads((tmp_path / "out/inspect/inspect.json").read_text())
    assert [e["path"] for e in content["dropped"]["max_line_length"]] == ["lines.py"]
    assert content["dropped"]["max_line_length"][0]["beginning"].startswith("x = 1  # long\n")
    assert len(content["kept"]) == 3
    assert "dropped: max_line_length" in shown
    assert (tmp_path / "out/inspect/distributions.png").read_bytes().startswith(b"\x89PNG")
