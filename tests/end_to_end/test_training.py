# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Real launches of the shipped training YAML at tiny sizes: ranks, FSDP2, and kill -9."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.loggers.training_curves import read_metrics

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]
TINY = [
    *("variables.sequence_length=64", "variables.vocab_size=512"),
    *("model.d_model=32", "model.n_heads=4", "model.n_layers=2"),
    *("model.ffn_config.ffn_hidden_size=64", "max_duration=24ba", "scheduler.t_warmup=4ba"),
    *("eval_interval=12ba", "eval_subset_num_batches=2", "save_interval=4ba"),
    *("global_train_batch_size=8", "device_eval_batch_size=4", "progress_bar=false"),
]


def command(root: Path, out: Path, ranks: int, *settings: str) -> list[str]:
    return [
        *("composer", "-n", str(ranks), "-c", "llmfoundry", "train"),
        str(REPOSITORY / "yamls/quickstart/train.yaml"),
        *(f"variables.root={root}", f"save_folder={out / 'checkpoints'}"),
        *(f"loggers.training_curves.folder={out}", *TINY, *settings),
    ]


def launch(argv: list[str], **environment: str) -> None:
    done = subprocess.run(
        argv, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def curve(out: Path, name: str = "loss/train/total") -> dict[int, float]:
    rows = read_metrics(out / "metrics.jsonl")
    return {row["batch"]: row[name] for row in rows if name in row}


def weights(out: Path) -> dict[str, torch.Tensor]:
    path = out / "checkpoints/latest-rank0.pt"
    state: dict[str, Any] = torch.load(path, weights_only=False)["state"]
    return state["model"]


def without_dropout() -> tuple[str, ...]:
    """The YAML without early dropout, which refuses a model that has none."""
    return ("model.resid_pdrop=0.0", "callbacks={gradient_clip_warmup:{mode:along_lr}}")


@pytest.fixture(scope="module")
def alone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One process, with and without dropout."""
    outs = {name: tmp_path_factory.mktemp(name) for name in ("plain", "dropout")}
    launch(command(root, outs["plain"], 1, *without_dropout()))
    launch(command(root, outs["dropout"], 1))
    return outs


@pytest.mark.parametrize("fsdp", [False, True], ids=["ddp", "fsdp2"])
@pytest.mark.parametrize("kind", ["plain", "dropout"])
def test_two_ranks_follow_the_curve_of_one(
    root: Path, alone: dict[str, Path], tmp_path: Path, kind: str, fsdp: bool
) -> None:
    settings = without_dropout() if kind == "plain" else ()
    extra = {"FSDP_VERSION": "2"} if fsdp else {}
    if fsdp:
        settings += ("fsdp_config={state_dict_type:full}",)
    settings += ("device_train_microbatch_size=4",)
    launch(command(root, tmp_path, 2, *settings), **extra)
    one, two = curve(alone[kind]), curve(tmp_path)
    assert one.keys() == two.keys()
    # Composer seeds dropout by rank, so that curve can only be near.
    tolerance = 1e-5 if kind == "plain" else 0.03
    worst = max(abs(two[batch] / one[batch] - 1) for batch in one)
    assert worst <= tolerance


def test_killed_at_random_moments_ends_the_same(
    root: Path, alone: dict[str, Path], tmp_path: Path
) -> None:
    argv = command(root, tmp_path, 1)
    rng = random.Random(17)
    metrics = tmp_path / "metrics.jsonl"
    for _ in range(3):
        before = metrics.stat().st_size if metrics.exists() else 0
        process = subprocess.Popen(argv, start_new_session=True, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 240
        # Wait until it trains, then a random moment more.
        while time.monotonic() < deadline and process.poll() is None:
            if metrics.exists() and metrics.stat().st_size != before:
                break
            time.sleep(0.05)
        time.sleep(rng.random() * 1.5)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    launch(argv)
    assert curve(tmp_path) == curve(alone["dropout"])
    expected = weights(alone["dropout"])
    for name, tensor in weights(tmp_path).items():
        assert torch.equal(tensor, expected[name]), name
