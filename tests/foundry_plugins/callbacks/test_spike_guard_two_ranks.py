# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Under the host's launcher and FSDP2, from a sharded checkpoint written without the guard."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import BIN
from tests.foundry_plugins.callbacks.guarded_run import SPIKE

WORKER = Path(__file__).with_name("guarded_run.py")


def launch(folder: Path, mode: str, status: int) -> list[dict[str, Any]]:
    done = subprocess.run(
        [BIN / "composer", "-n", "2", WORKER, mode, folder / "checkpoints", folder / "out"],
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", "FSDP_VERSION": "2"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == status, done.stdout + done.stderr
    outs = [folder / f"out.{rank}" for rank in range(2)]
    return [json.loads(out.read_text(encoding="utf-8")) for out in outs if out.exists()]


@pytest.mark.slow
def test_two_ranks_go_back_together_and_pass_the_batch_by(tmp_path: Path) -> None:
    launch(tmp_path, "before", status=0)
    for out in tmp_path.glob("out.*"):
        out.unlink()
    assert launch(tmp_path, "guarded", status=75) == []
    ranks = launch(tmp_path, "guarded", status=0)
    assert ranks[0] == ranks[1]
    sums = dict(zip(ranks[0]["batches"], ranks[0]["sums"], strict=True))
    # The checkpoint of batch 9 was saved before the spike.
    assert min(sums) == SPIKE
    moves = [b for b in sums if b - 1 in sums and sums[b] != sums[b - 1]]
    assert moves == [10, 11, 12, 13]
    ledger = (tmp_path / "checkpoints.spike_guard.jsonl").read_text(encoding="utf-8")
    records = [json.loads(line) for line in ledger.splitlines()]
    (spike,) = (r for r in records if r["kind"] == "spike")
    assert spike["samples"] == [36, 37, 38, 39]
    assert [r["batch"] for r in records if r["kind"] == "skipped"] == [SPIKE]
    assert max(sums.values()) - min(sums.values()) < 1
    _check_averages(tmp_path)


def _check_averages(folder: Path) -> None:
    """Of the run's sharded checkpoints, as one file and for another sharded run."""
    from foundry_plugins.averaging.average import average

    found = average([folder / "checkpoints"], folder / "mean.pt", "lawa", window=3)
    assert [entry["batch"] for entry in found.inputs] == [9, 12, 14]
    average([folder / "checkpoints"], folder / "mean", "lawa", window=3)
    (begun,) = {rank["begun"] for rank in launch(folder, str(folder / "mean"), status=0)}
    whole = torch.load(folder / "mean.pt", weights_only=True)["state"]["model"]
    assert begun == pytest.approx(sum(float(tensor.sum()) for tensor in whole.values()), abs=1e-4)
