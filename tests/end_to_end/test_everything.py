# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""All that changes how a run trains, in one YAML: killed and resumed it ends bit for bit the same.

Optimizer options, schedule, clipping, dropouts, spike guard, weight averaging and
fill-in-the-middle at once, on one rank and on two. Compared are weights, optimizer, callbacks'
states, every number that was logged, the ledger of the spike guard and the averaged weights.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from foundry_plugins.loggers.curves import read_metrics
from tests.end_to_end.test_training import launch, wait_for_checkpoint

YAML = Path(__file__).with_name("everything.yaml")
COMPOSER, FOUNDRY = (Path(sys.executable).with_name(name) for name in ("composer", "llmfoundry"))
SHORT: dict[str, Any] = {"max_duration": "24ba", "eval_interval": "8ba", "save_interval": "5ba"}


def config(root: Path, out: Path, **settings: Any) -> Any:
    variables = {"variables": {"root": str(root), "out": str(out)}}
    return OmegaConf.merge(OmegaConf.load(YAML), variables, settings)


def checkpoint(out: Path, rank: int = 0) -> dict[str, Any]:
    path = out / f"checkpoints/latest-rank{rank}.pt"
    return torch.load(path, map_location="cpu", weights_only=False)["state"]


def rows(out: Path) -> dict[tuple[int, str], float]:
    """Every number that was logged, by batch and name."""
    found = {}
    for row in read_metrics(out / "metrics.jsonl"):
        for name, value in row.items():
            found[row["batch"], name] = value
    return found


def assert_equal(one: Any, two: Any, where: str) -> None:
    """Compares nested states, tensors bit for bit."""
    assert type(one) is type(two), where
    if isinstance(one, torch.Tensor):
        assert one.dtype == two.dtype, where
        assert torch.equal(one, two), where
    elif isinstance(one, dict):
        assert one.keys() == two.keys(), where
        for key in one:
            assert_equal(one[key], two[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(two), where
        for index, pair in enumerate(zip(one, two, strict=True)):
            assert_equal(pair[0], pair[1], f"{where}[{index}]")
    else:
        assert one == two, where


def assert_same_end(whole: Path, killed: Path) -> None:
    one, two = checkpoint(whole), checkpoint(killed)
    for part in ("model", "optimizers", "schedulers"):
        assert_equal(one[part], two[part], part)
    ours = ("GradientClipWarmup", "WeightAveraging", "EarlyDropout", "SpikeGuard")
    for name in ours:
        assert_equal(dict(one["callbacks"])[name], dict(two["callbacks"])[name], name)
    # In what a rank logs there is no time by the clock.
    logged = rows(whole)
    assert logged == rows(killed)
    assert sum(name == "loss/train/total" for _, name in logged) > 20
    name = "checkpoints.spike_guard.jsonl"
    ledger = (whole / name).read_text()
    assert '"action": "skip"' in ledger, "the guard had nothing to do: lower its threshold"
    assert (killed / name).read_text() == ledger
    means = sorted(path.name for path in (whole / "means").iterdir())
    assert means
    for mean in means:
        pair = [torch.load(out / "means" / mean)["state"]["model"] for out in (whole, killed)]
        assert_equal(pair[0], pair[1], mean)


class Killed(BaseException):
    """Ends a run where it stands, as no handler of exceptions sees it."""


def test_interrupted_in_one_process(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmfoundry.command_utils import train

    from foundry_plugins.optim.lion import LionW

    outs = {name: tmp_path / name for name in ("whole", "killed")}
    train(config(root, outs["whole"], **SHORT)).close()
    step, steps = LionW.step, 0

    def stopping(self: LionW, closure: Any = None) -> Any:
        nonlocal steps
        steps += 1
        if steps == 14:
            raise Killed
        return step(self, closure)

    monkeypatch.setattr(LionW, "step", stopping)
    with pytest.raises(Killed):
        train(config(root, outs["killed"], **SHORT))
    # As a kill in the middle of the next save leaves it.
    (outs["killed"] / "checkpoints/ep0-ba15-rank0.pt").touch()
    train(config(root, outs["killed"], **SHORT)).close()
    assert (outs["killed"] / "checkpoints/set_aside/ep0-ba15-rank0.pt").exists()
    assert_same_end(outs["whole"], outs["killed"])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_at_random_moments(root: Path, tmp_path: Path, ranks: int) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    launch(command(root, whole, ranks))
    argv = command(root, killed, ranks)
    rng = random.Random(ranks)
    for _ in range(3):
        with (tmp_path / "output").open("w") as output:
            process = subprocess.Popen(argv, start_new_session=True, stdout=output, stderr=output)
        wait_for_checkpoint(process, killed / "checkpoints")
        time.sleep(rng.random())
        assert process.poll() is None, (tmp_path / "output").read_text()[-3000:]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    launch(argv)
    assert_same_end(whole, killed)


def command(root: Path, out: Path, ranks: int) -> list[str]:
    out.mkdir(exist_ok=True)
    OmegaConf.save(config(root, out), out / "everything.yaml")
    yaml = str(out / "everything.yaml")
    return [str(COMPOSER), "-n", str(ranks), "-c", str(FOUNDRY), "train", yaml]
