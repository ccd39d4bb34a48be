# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Continuing and clipping on two ranks, with DDP and FSDP2, give what one process gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.foundry_plugins.callbacks import continue_worker

WORKER = Path(continue_worker.__file__)


@pytest.fixture(scope="module")
def folder(once: Callable[..., Path]) -> Path:
    return once("continued_on_two_ranks", run_everything)


def run_everything(folder: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "composer", "-n", "2", WORKER, folder],
        env=os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    continue_worker.main(folder)


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[dict[str, Any]]:
    return [json.loads((folder / f"2-{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "1-0.json").read_text())


@pytest.mark.parametrize("kind", ["norm", "value"])
@pytest.mark.parametrize("mode", ["zclip", "along_lr"])
@pytest.mark.parametrize("wrapping", ["ddp", "fsdp2"])
def test_clipping_is_that_of_one_process(
    ranks: list[dict[str, Any]], alone: dict[str, Any], wrapping: str, mode: str, kind: str
) -> None:
    one = alone[f"plain-{mode}-{kind}"]
    assert 0 < sum(one["clipped"]) < 10
    for found in (rank[f"{wrapping}-{mode}-{kind}"] for rank in ranks):
        assert found["version"] == (2 if wrapping == "fsdp2" else 0)
        assert found["norm"] == pytest.approx(one["norm"], rel=1e-4)
        for metric in ("gradient_norm", "threshold", "clipped", "clipped_share"):
            assert found[metric] == pytest.approx(one[metric], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["norm", "value"])
def test_under_fsdp1_too(ranks: list[dict[str, Any]], alone: dict[str, Any], kind: str) -> None:
    before, after = alone["fsdp1"][kind]
    assert after == pytest.approx(before / 3, rel=1e-4)
    for found in ranks:
        assert found["fsdp1"][kind] == pytest.approx([before, after], rel=1e-4)


def test_a_sharded_checkpoint_that_knows_no_callback_is_continued(
    ranks: list[dict[str, Any]],
) -> None:
    whole = [rank["whole"] for rank in ranks]
    expected = [
        0.004 * share for share in (0.5, 0.5, 1, 1, *[1 - (k / 4) ** 0.5 for k in range(4)])
    ]
    for rank, found in enumerate(whole):
        assert found["version"] == 2
        assert found["lr"] == pytest.approx(expected)
        assert found["samples"] == [100 + 4 * k + rank for k in range(8)]
    assert whole[0]["weights"] == whole[1]["weights"]


def test_the_continuation_resumes_to_the_same_run(ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        whole, rest = found["whole"], found["rest"]
        assert rest["weights"] == whole["weights"]
        for key in (
            "lr",
            "samples",
            "norm",
            "gradient_norm",
            "threshold",
            "clipped",
            "clipped_share",
        ):
            assert rest[key] == whole[key][4:], key
