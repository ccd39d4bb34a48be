# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The same bytes for any number of workers, and after kill -9 at any moment."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Tree = Callable[[Path], dict[str, bytes]]


@pytest.mark.parametrize("workers", [2, 5])
def test_workers_change_nothing(
    convert: Callable[..., object],
    converted: Path,
    source_folder: Path,
    tmp_path: Path,
    tree: Tree,
    workers: int,
) -> None:
    convert(source_folder, tmp_path / "out", f"variables.workers={workers}")
    assert tree(tmp_path / "out") == tree(converted)


def test_kills_change_nothing(
    command: Callable[..., list[str]],
    convert: Callable[..., subprocess.CompletedProcess[str]],
    converted: Path,
    source_folder: Path,
    tmp_path: Path,
    tree: Tree,
) -> None:
    rng = random.Random(17)
    output = tmp_path / "out"
    argv = command(source_folder, output, "variables.workers=2")
    kills = 0
    for stage in ("read", "exact_duplicates", "survivors", "vocabulary", "shards"):
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            # Until the stage has a first marker, then a random moment more.
            markers = output / ".work/ledger" / stage
            while process.poll() is None and not (markers.is_dir() and any(markers.iterdir())):
                time.sleep(0.002)
            time.sleep(rng.random() * 0.05)
            kills += process.poll() is None
            # Only the parent: its workers must follow, and leave nothing that trips the next run.
            os.kill(process.pid, signal.SIGKILL)
    assert kills >= 3
    convert(source_folder, output, "variables.workers=2")
    assert tree(output) == tree(converted)


# Everything a recipe can do at once.
WHOLE = (
    "dedup={exact: true, normalized: true, near: {preset: verified}, keep: longest}",
    "redaction={replacement: synthetic}",
    "licenses={policy: any}",
    "keep_dropped=true",
    "sample={language_limit_share: {HTML: 0.2}}",
)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_kills_change_nothing(
    command: Callable[..., list[str]],
    convert: Callable[..., subprocess.CompletedProcess[str]],
    source_folder: Path,
    tmp_path: Path,
    tree: Tree,
) -> None:
    problems = tmp_path / "problems.jsonl"
    prompt = (source_folder / "json/scanner.py").read_text()[600:1000]
    problems.write_text(json.dumps({"task_id": "p", "prompt": prompt}) + "\n")
    whole = (*WHOLE, f"decontamination={{benchmarks: {{p: {problems}}}}}")
    start = time.monotonic()
    convert(source_folder, tmp_path / "whole", "variables.workers=1", *whole)
    seconds = time.monotonic() - start

    rng = random.Random(18)
    argv = command(source_folder, tmp_path / "killed", "variables.workers=3", *whole)
    kills = 0
    while kills < 20:
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                process.wait(rng.random() * seconds * 0.7)
                # Done before the kill: another beginning.
                shutil.rmtree(tmp_path / "killed")
            except subprocess.TimeoutExpired:
                kills += 1
                os.kill(process.pid, signal.SIGKILL)
    convert(source_folder, tmp_path / "killed", "variables.workers=3", *whole)
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")
    report = json.loads((tmp_path / "whole/report.json").read_text())
    assert {"contaminated", "near_duplicate", "exact_duplicate"} & set(report["dropped"])
