# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("two_rank_worker.py")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    folder = tmp_path_factory.mktemp("two_ranks")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    workers = [
        subprocess.Popen(
            [sys.executable, str(WORKER), str(rank), str(folder / "meet"), str(folder / f"{rank}")],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = []
    for worker in workers:
        try:
            errors.append(worker.communicate(timeout=240)[1])
        finally:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(errors)
    return [json.loads((folder / f"{rank}").read_text(encoding="utf-8")) for rank in range(2)]


@pytest.mark.parametrize("kind", ["fsdp2", "ddp"])
def test_equals_one_process(ranks: list[dict[str, object]], kind: str) -> None:
    for found in ranks:
        assert found[f"{kind}_weights"] <= 1e-6  # pyright: ignore[reportOperatorIssue]
        assert found[f"{kind}_moments"] <= 1e-6  # pyright: ignore[reportOperatorIssue]


@pytest.mark.parametrize("kind", ["fsdp2", "ddp"])
def test_a_bad_gradient_on_one_rank_stops_the_step_on_both(
    ranks: list[dict[str, object]], kind: str
) -> None:
    for found in ranks:
        assert found[f"{kind}_skips"] == [True, True]
        assert found[f"{kind}_skipped_steps"] == 2
        assert found["no_gradients_skipped"] == 1


@pytest.mark.parametrize("kind", ["fsdp2", "ddp"])
def test_distributed_state_loads_and_moves_no_weight(
    ranks: list[dict[str, object]], kind: str
) -> None:
    for found in ranks:
        assert found[f"{kind}_loads"]
        assert found[f"{kind}_load_moves_nothing"]
