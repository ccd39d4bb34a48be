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

from data_prep import planning, recipe, trial

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPE = REPOSITORY / "yamls/quickstart/data.yaml"


def call(verb: str, source: Path, output: Path, *arguments: str) -> str:
    program = str(Path(sys.executable).parent / "convert_dataset")
    where = (f"variables.source={source}", f"variables.output={output}")
    small = ("variables.vocab_size=512", "variables.sequence_length=64")
    command = [
        program,
        verb,
        str(RECIPE),
        *where,
        *small,
        "variables.validation_share=0.1",
        *arguments,
    ]
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


def test_estimate_for_a_cluster(tmp_path: Path) -> None:
    side = {"documents": 10, "bytes": 1_000, "tokens": 250, "shard_bytes": 500}
    report = {
        "files": 30,
        "dropped": {"near_empty": 10},
        "splits": {"train": side, "validation": side},
        "tokenizer": {"vocab_size": 512, "training_bytes": 1_000, "proof": {"bytes": 100_000}},
        "seconds": {"read": 6.4, "vocabulary": 5.0, "proof": 1.6, "publish": 1.0, "total": 14.0},
    }
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents/train-00000.parquet").write_bytes(bytes(700))
    source = trial.Source(units=3, num_bytes=1_000_000, text_bytes=10_000, scale=100.0)
    tried = trial.Trial(tmp_path, report, {"code": source}, work_bytes=4_000)
    cluster = ("engine=spark", "workers=2", "spark.cores=64", "dedup.near={}")
    loaded = recipe.load(RECIPE, [*cluster, "shards.part_bytes=300000"])
    plan = planning.estimate(loaded, tried)
    # 100 times as much, by 32 times as many cores; the vocabulary reads all it may, here, and the
    # proof 20 times as much, which is its limit.
    assert plan["seconds"] == {"read": 20.0, "vocabulary": 500.0, "proof": 1.0, "publish": 100.0}
    assert plan["workers"] == 64
    assert plan["parts"] == 4
    assert plan["shuffle_bytes"] == 100 * 700 + 3_000 * (96 + 16 * 50)
    alone = planning.estimate(recipe.load(RECIPE, ["workers=2"]), tried)
    assert alone["seconds"]["read"] == 640.0
    assert alone["shuffle_bytes"] == 100 * 700 + 3_000 * 96


def test_plan_asks_for_the_cores_of_the_cluster(source_folder: Path, tmp_path: Path) -> None:
    cluster = ("engine=spark", "spark.master=spark://host:7077", "--sample-mb=0.4")
    shown = call("plan", source_folder, tmp_path / "out", *cluster)
    assert "cores of the cluster" in shown
    assert "set `spark.cores`" in shown


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
