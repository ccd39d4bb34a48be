# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every command in the README runs, at reduced size; the make targets under `make test-slow`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
MAKE = [line for block in BLOCKS for line in block.splitlines() if line.startswith("make ")]
COMMANDS = [block for block in BLOCKS if not block.startswith("make ")]

SIZES = "variables.sequence_length=64 variables.vocab_size=512"
TRAIN = f"{SIZES} model.n_layers=1 max_duration=4ba eval_subset_num_batches=1 progress_bar=false"
# What makes a command small, by how it starts.
REDUCED = {
    "convert_dataset run": f"{SIZES} variables.validation_share=0.1",
    "convert_dataset plan": f"{SIZES} variables.validation_share=0.1",
    "foundry-plugins check": TRAIN,
    "composer -n 1": TRAIN,
    "llmfoundry eval": f"{SIZES} model.n_layers=1 eval_subset_num_batches=1",
    "foundry-plugins infilling-problems": "--count 8",
    "foundry-plugins generate": "--max-tokens 8",
}


def reduced(line: str) -> str:
    extra = [more for start, more in REDUCED.items() if line.startswith(start)]
    return " ".join([line, *extra])


def test_readme_shows_commands() -> None:
    assert len(MAKE) >= 3
    assert sum(len(block.splitlines()) for block in COMMANDS) >= 10


@pytest.mark.timeout(900)
def test_commands_run_as_written(source_folder: Path, tmp_path: Path) -> None:
    for name in ("yamls", "README.md"):
        (tmp_path / name).symlink_to(ROOT / name)
    # The environment of this test stands for .venv, wherever it lies.
    (tmp_path / ".venv/bin").mkdir(parents=True)
    activate = tmp_path / ".venv/bin/activate"
    activate.write_text(f'export PATH="{Path(sys.executable).parent}:$PATH"\n')
    (tmp_path / "path/to").mkdir(parents=True)
    (tmp_path / "path/to/code").symlink_to(source_folder)
    script = "\n".join(reduced(line) for block in COMMANDS for line in block.splitlines())
    done = subprocess.run(
        ["bash", "-e", "-x", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    made = (
        "curves/curves.png",
        "model.gguf",
        "hf/config.json",
        "generated.json",
        "report/index.html",
    )
    for written in made:
        assert (tmp_path / "runs/mine" / written).exists()
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("line", MAKE)
def test_make_targets(line: str, source_folder: Path, tmp_path: Path) -> None:
    line = line.replace("path/to/code", str(source_folder))
    if "quickstart" in line:
        line += f" OUT={tmp_path / 'out'}"
    for _ in range(2 if "quickstart" in line else 1):
        done = subprocess.run(line.split(), cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    if "quickstart" in line:
        assert "skipped" in done.stdout
        assert "Quickstart complete" in done.stdout


def test_measured_figures_are_those_of_the_benchmarks() -> None:
    """`python -m benchmarks.readme` prints the table."""
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks.readme"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() in (ROOT / "README.md").read_text()
    memory = json.loads((ROOT / "benchmarks/results/data_prep.json").read_text())["memory"]
    words = " ".join((ROOT / "README.md").read_text().split())
    assert f"{memory['1x']['peak_mb']:.0f} MB in the largest process" in words
    assert f"{memory['10x']['peak_mb']:.0f} MB for 100 MB" in words
