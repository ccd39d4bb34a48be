# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The whole job, killed at random moments, ends in the same place as one that ran through."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent


def command(source: Path, out: Path) -> list[str | Path]:
    return [
        *(BIN / "foundry-plugins", "quickstart", "--source", source, "--out", out),
        *("--set", "vocab_size=1024", "--set", "batches=12"),
    ]


def results(out: Path) -> dict[str, Any]:
    evaluation = json.loads((out / "evaluation.json").read_text())
    return {
        "gguf": hashlib.sha256((out / "model.gguf").read_bytes()).hexdigest(),
        "weights": hashlib.sha256((out / "hf/model.safetensors").read_bytes()).hexdigest(),
        "metrics": [row["metrics"] for row in evaluation["evaluators"]],
        "baselines": json.loads((out / "baselines.json").read_text()),
        "generated": json.loads((out / "generated.json").read_text()),
        "problems": (out / "infilling_problems.jsonl").read_text(),
    }


@pytest.mark.timeout(3600)
def test_killed_anywhere_it_ends_in_the_same_place(source_folder: Path, tmp_path: Path) -> None:
    whole = subprocess.run(
        command(source_folder, tmp_path / "whole"), capture_output=True, text=True, check=False
    )
    assert whole.returncode == 0, whole.stdout[-3000:] + whole.stderr[-3000:]
    rng = random.Random(5)
    for moment in (3, 12, 40, 70, 110, 150):
        process = subprocess.Popen(
            command(source_folder, tmp_path / "killed"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + moment * (0.5 + rng.random())
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        # Only the driver: what it started is left running, for the next run to end.
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(
        command(source_folder, tmp_path / "killed"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
    again = subprocess.run(
        command(source_folder, tmp_path / "killed"), capture_output=True, text=True, check=False
    )
    assert again.stdout.count("skipped") >= 6
