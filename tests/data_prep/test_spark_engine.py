# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The Spark engine on a real stand-alone cluster: the same bytes as the local engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_prep.dedup import planted
from data_prep.engines import spark, spark_session

pyspark = pytest.importorskip("pyspark", reason="needs the extra `spark`")
if not shutil.which("java"):
    pytest.skip("needs Debian package openjdk-17-jre-headless", allow_module_level=True)

SPARK_CLASS = Path(pyspark.__file__).parent / "bin/spark-class"
_PATIENCE_SECONDS = 60
LOCAL = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}


def wait_for(pattern: str, log: Path) -> re.Match[str]:
    """The first match in a log that is being written."""
    for _ in range(_PATIENCE_SECONDS * 10):
        if match := re.search(pattern, log.read_text(errors="replace")):
            return match
        time.sleep(0.1)
    pytest.fail(f"{pattern} did not show up:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a master with two workers of one core each, all on this machine."""
    folder = tmp_path_factory.mktemp("spark")
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> Path:
        log = folder / f"{name}.log"
        command = [str(SPARK_CLASS), f"org.apache.spark.deploy.{arguments[0]}", *arguments[1:]]
        with log.open("wb") as handle:
            process = subprocess.Popen(
                command, stdout=handle, stderr=subprocess.STDOUT, env=LOCAL, cwd=folder
            )
        running.append(process)
        return log

    host = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
    try:
        log = start("master", "master.Master", *host)
        url = wait_for(r"Starting Spark master at (spark://\S+)", log)[1]
        for n in range(2):
            size = ("--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"worker-{n}"))
            start(f"worker-{n}", "worker.Worker", *host, *size, url)
        for n in range(2):
            wait_for("Successfully registered with master", folder / f"worker-{n}.log")
        yield url
    finally:
        for process in running:
            process.kill()
            process.wait()


def on_spark(master: str) -> tuple[str, ...]:
    """Overrides that run a recipe there."""
    config = "{spark.executor.memory: 600m, spark.executor.cores: '1'}"
    return ("engine=spark", f"spark.master={master}", f"spark.config={config}")


@pytest.mark.slow
def test_cluster_writes_what_one_process_writes(
    convert: Callable[..., subprocess.CompletedProcess[str]],
    converted: Path,
    source_folder: Path,
    tmp_path: Path,
    tree: Callable[[Path], dict[str, bytes]],
    master: str,
) -> None:
    done = convert(source_folder, tmp_path / "out", *on_spark(master), env=LOCAL)
    # Work files too: an interrupted run may be continued by the other engine.
    assert tree(tmp_path / "out") == tree(converted)
    assert "read and filter" in done.stdout
    again = convert(source_folder, tmp_path / "out")
    assert "Nothing was left to do" in again.stdout


@pytest.fixture(scope="module")
def near_copies(source_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source folder, and of every third file a copy of some kind of `planted.KINDS`."""
    folder = tmp_path_factory.mktemp("near") / "source"
    shutil.copytree(source_folder, folder)
    files = sorted(folder.rglob("*.py"))[::3]
    texts = [file.read_text(encoding="utf-8") for file in files]
    kinds = list(planted.KINDS)
    for kind, number, copy in planted.plant(texts):
        if kind == kinds[number % len(kinds)]:
            file = files[number]
            file.with_name(f"{file.stem}_{kind}.py").write_text(copy, encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_near_duplicates_on_two_workers(
    convert: Callable[..., subprocess.CompletedProcess[str]],
    near_copies: Path,
    tmp_path: Path,
    tree: Callable[[Path], dict[str, bytes]],
    master: str,
) -> None:
    for preset in ("verified", "starcoder"):
        near = (f"dedup={{exact: true, near: {{preset: {preset}}}}}", "keep_dropped=true")
        local, cluster = tmp_path / f"local-{preset}", tmp_path / f"spark-{preset}"
        convert(near_copies, local, *near)
        convert(near_copies, cluster, *near, *on_spark(master), env=LOCAL)
        assert tree(cluster) == tree(local)
        dropped = json.loads((cluster / "report.json").read_text())["dropped"]
        assert dropped["near_duplicate"] > 5


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_driver_and_another_engine_change_nothing(
    command: Callable[..., list[str]],
    convert: Callable[..., subprocess.CompletedProcess[str]],
    source_folder: Path,
    tmp_path: Path,
    tree: Callable[[Path], dict[str, bytes]],
    master: str,
) -> None:
    whole = ("dedup={exact: true, near: {preset: verified}}", "redaction={}", "keep_dropped=true")
    convert(source_folder, tmp_path / "local", *whole)
    output = tmp_path / "spark"
    argv = command(source_folder, output, *on_spark(master), *whole)
    for stage in ("read", "near_buckets", "shuffle"):
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=LOCAL) as process:
            markers = output / ".work/ledger" / stage
            while process.poll() is None and not (markers.is_dir() and any(markers.iterdir())):
                time.sleep(0.01)
            process.kill()
        # What the killed driver had started may go on for some seconds, beside the next one.
    convert(source_folder, output, *on_spark(master), *whole, env=LOCAL)
    assert tree(output) == tree(tmp_path / "local")


def test_groups_go_to_partitions_one_by_one(tmp_path: Path) -> None:
    program = """
from pyspark.sql import functions as F
from data_prep.engines import spark, spark_session
with spark.SparkEngine(spark_session.Spark("local[2]")) as engine:
    rows = engine._session.range(100).select((F.col("id") % 20).alias(spark.GROUP))
    for count in (20, 7):
        found = spark._partitioned(rows, count).select(spark.GROUP, F.spark_partition_id())
        print("placed", all(p == g % count for g, p in found.collect()))
"""
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=LOCAL)
    assert done.stdout.splitlines()[-2:] == ["placed True"] * 2, done.stderr


def test_batches_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "BATCH_BYTES", 10_000)
    table = pa.table({"line": [b"x" * 999] * 100, "group": [0] * 100})
    batches = list(spark._batches(table))
    assert max(batch.nbytes for batch in batches) <= 11_000
    assert pa.Table.from_batches(batches).equals(table.combine_chunks())
    assert [len(batch) for batch in spark._batches(pa.table({"line": [b"x" * 99_999] * 3}))] == [
        1
    ] * 3
    assert list(spark._batches(table.slice(0, 0))) == []


@pytest.mark.parametrize(
    ("settings", "cores"),
    [
        ({"master": "local[8]"}, 8),
        ({"master": "local[6,3]"}, 6),
        ({"master": "local[*]"}, None),
        ({"config": {"spark.cores.max": "64"}}, 64),
        ({"config": {"spark.executor.instances": "8", "spark.executor.cores": "4"}}, 32),
        ({"master": "local[8]", "cores": 256}, 256),
        ({}, None),
    ],
)
def test_cores_of_the_cluster(settings: dict[str, Any], cores: int | None) -> None:
    assert spark_session.Spark(**settings).num_cores == cores


def test_no_such_master_is_a_sentence(
    convert: Callable[..., subprocess.CompletedProcess[str]], source_folder: Path, tmp_path: Path
) -> None:
    there = ("engine=spark", "spark.master=sparc://nowhere")
    done = convert(source_folder, tmp_path / "out", *there, check=False, env=LOCAL)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: Spark did not start")
    assert "`spark.master`, got 'sparc://nowhere'" in last


@pytest.mark.slow
def test_mistake_on_an_executor_is_a_sentence(
    convert: Callable[..., subprocess.CompletedProcess[str]],
    source_folder: Path,
    tmp_path: Path,
    master: str,
) -> None:
    too_large = "variables.vocab_size=60000"
    done = convert(
        source_folder, tmp_path / "out", *on_spark(master), too_large, check=False, env=LOCAL
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("Error: A vocabulary of 60000 entries")
    assert "Traceback" not in done.stderr
