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
            [sys.executable, str(WORKER), str(rank), str(folder)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        errors = [worker.communicate(timeout=120)[1] for worker in workers]
    finally:
        # One that waits for the other would wait for ever.
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(errors)
    return [json.loads((folder / f"{rank}").read_text(encoding="utf-8")) for rank in range(2)]


@pytest.mark.parametrize("kind", ["fsdp2", "fsdp1", "ddp"])
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


def test_fsdp1_skips_together_and_refuses_int8(ranks: list[dict[str, object]]) -> None:
    for found in ranks:
        assert found["fsdp1_skips"]
        assert found["fsdp1_skipped_steps"] == 1
        assert "`optimizer.momentum_dtype` int8" in str(found["fsdp1_int8"])


@pytest.mark.parametrize("kind", ["int8", "bf16"])
def test_options_do_not_depend_on_the_number_of_ranks(
    ranks: list[dict[str, object]], kind: str
) -> None:
    for found in ranks:
        assert found[f"{kind}_equals_one_rank"]


@pytest.mark.parametrize("kind", ["int8", "bf16"])
@pytest.mark.parametrize("change", ["one_to_two", "two_to_one"])
def test_sharded_checkpoints_load_on_another_number_of_ranks(
    ranks: list[dict[str, object]], kind: str, change: str
) -> None:
    for found in ranks:
        assert found[f"{kind}_{change}"]
