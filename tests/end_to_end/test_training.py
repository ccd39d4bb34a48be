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
from omegaconf import OmegaConf

from foundry_plugins.loggers.curves import read_metrics

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]
TINY = [
    *("variables.sequence_length=64", "variables.vocab_size=512"),
    *("model.d_model=32", "model.n_heads=4", "model.n_layers=2"),
    *("model.ffn_config.ffn_hidden_size=64", "max_duration=24ba", "scheduler.t_warmup=4ba"),
    *("eval_interval=12ba", "eval_subset_num_batches=2", "save_interval=4ba"),
    *("global_train_batch_size=8", "device_eval_batch_size=4", "progress_bar=false"),
]


def recipe(out: Path, kind: str) -> Path:
    """The shipped YAML; ``plain`` is without dropout and the callback that insists on some."""
    config = OmegaConf.load(REPOSITORY / "yamls/quickstart/train.yaml")
    if kind == "plain":
        config.model.resid_pdrop = 0.0
        del config.callbacks.early_dropout
    out.mkdir(exist_ok=True)
    OmegaConf.save(config, out / "train.yaml")
    return out / "train.yaml"


def command(root: Path, out: Path, ranks: int, kind: str, *settings: str) -> list[str]:
    return [
        *("composer", "-n", str(ranks), "-c", "llmfoundry", "train", str(recipe(out, kind))),
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


@pytest.fixture(scope="module")
def alone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One process, with and without dropout."""
    outs = {name: tmp_path_factory.mktemp(name) for name in ("plain", "dropout")}
    for kind, out in outs.items():
        launch(command(root, out, 1, kind))
    return outs


@pytest.mark.parametrize("fsdp", [False, True], ids=["ddp", "fsdp2"])
@pytest.mark.parametrize("kind", ["plain", "dropout"])
def test_two_ranks_follow_the_curve_of_one(
    root: Path, alone: dict[str, Path], tmp_path: Path, kind: str, fsdp: bool
) -> None:
    settings = ["device_train_microbatch_size=4"]
    if fsdp:
        settings.append("fsdp_config.state_dict_type=full")
    extra = {"FSDP_VERSION": "2"} if fsdp else {}
    launch(command(root, tmp_path, 2, kind, *settings), **extra)
    one, two = curve(alone[kind]), curve(tmp_path)
    assert one.keys() == two.keys()
    # Composer seeds dropout by rank, so that curve can only be near.
    tolerance = 1e-5 if kind == "plain" else 0.03
    worst = max(abs(two[batch] / one[batch] - 1) for batch in one)
    assert worst <= tolerance


def test_killed_at_random_moments_ends_the_same(root: Path, tmp_path: Path) -> None:
    # Dropout to the end: a resumed run must draw the masks of the one that ran through.
    longer = (
        *("max_duration=500ba", "eval_interval=250ba", "save_interval=20ba"),
        "callbacks.early_dropout.t_end=600ba",
    )
    launch(command(root, tmp_path / "whole", 1, "dropout", *longer))
    out = tmp_path / "killed"
    argv = command(root, out, 1, "dropout", *longer)
    rng = random.Random(17)
    for _ in range(3):
        process = subprocess.Popen(argv, start_new_session=True, stderr=subprocess.DEVNULL)
        # A random moment after it has saved its next checkpoint.
        wait_for_checkpoint(process, out / "checkpoints")
        time.sleep(rng.random())
        assert process.poll() is None, "it ended before it could be killed: train longer"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    launch(argv)
    assert curve(out) == curve(tmp_path / "whole")
    expected = weights(tmp_path / "whole")
    for name, tensor in weights(out).items():
        assert torch.equal(tensor, expected[name]), name


def wait_for_checkpoint(process: subprocess.Popen[bytes], folder: Path) -> None:
    before = sorted(folder.glob("*.pt"))
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        if sorted(folder.glob("*.pt")) != before:
            return
        time.sleep(0.02)
