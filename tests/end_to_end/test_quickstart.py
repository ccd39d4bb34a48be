# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The whole job, killed at random moments, ends in the same place as one that ran through."""

from __future__ import annotations

import hashlib
import json
import random
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
    report = json.loads((out / "report/report.json").read_text())
    return {
        "answers": sorted(
            line
            for path in (out / "evaluation").rglob("samples-*.jsonl")
            for line in path.read_text().splitlines()
        ),
        "figures": [row["shares"] for row in report["rows"]],
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
    out = tmp_path / "killed"
    for name in ("data", "train", "train", "evaluate", "export", "generate", "report"):
        process = subprocess.Popen(
            command(source_folder, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline and process.poll() is None:
            if (out / f".steps/{name}.started").exists():
                break
            time.sleep(0.01)
        # Imports take up to twenty seconds of a step, its work the rest.
        time.sleep(rng.random() * {"data": 1, "train": 40, "generate": 3}.get(name, 20))
        # Only the driver: what it started is left running, for the next run to end.
        process.kill()
        process.wait()
    done = subprocess.run(command(source_folder, out), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert results(out) == results(tmp_path / "whole")
    again = subprocess.run(command(source_folder, out), capture_output=True, text=True, check=False)
    assert again.stdout.count("skipped") >= 7
