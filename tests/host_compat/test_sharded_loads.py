# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What `make_callback_state_optional` relies on, and what it does."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from composer.utils.parallelism import FSDP2Config, FSDPConfig
from torch.distributed import checkpoint as dist_cp
from torch.distributed.checkpoint import CheckpointException

from foundry_plugins.host import make_callback_state_optional


def fsdp2() -> FSDP2Config:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FSDP2Config()


def state_dict(**callbacks: dict[str, Any]) -> dict[str, Any]:
    return {"state": {"model": {"w": torch.zeros(2)}, "callbacks": dict(callbacks)}}


@pytest.fixture
def saved(tmp_path: Path) -> dist_cp.FileSystemReader:
    whole = state_dict(Known={"n": 7})
    whole["state"]["model"]["w"] += 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dist_cp.save(whole, storage_writer=dist_cp.FileSystemWriter(tmp_path), no_dist=True)
    return dist_cp.FileSystemReader(tmp_path)


def load(wanted: dict[str, Any], reader: Any, planner: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dist_cp.load(wanted, storage_reader=reader, planner=planner, no_dist=True)
    return wanted["state"]


@pytest.mark.parametrize("config", [fsdp2, FSDPConfig])
def test_a_checkpoint_without_a_callbacks_state(saved: Any, config: Any) -> None:
    run = SimpleNamespace(fsdp_config=config())
    assert run.fsdp_config.load_planner is None
    with pytest.raises(CheckpointException, match=r"Missing key.*state\.callbacks\.New\.n"):
        load(state_dict(New={"n": 1}), saved, None)
    make_callback_state_optional(run)  # type: ignore[arg-type]
    planner = run.fsdp_config.load_planner
    found = load(state_dict(New={"n": 1}, Known={"n": 0}), saved, planner)
    assert found["callbacks"] == {"New": {"n": 1}, "Known": {"n": 7}}
    assert found["model"]["w"].tolist() == [1, 1]


def test_all_else_stays_required(saved: Any) -> None:
    run = SimpleNamespace(fsdp_config=fsdp2())
    make_callback_state_optional(run)  # type: ignore[arg-type]
    wanted = state_dict()
    wanted["state"]["model"]["v"] = torch.zeros(2)
    with pytest.raises(CheckpointException, match=r"Missing key.*state\.model\.v"):
        load(wanted, saved, run.fsdp_config.load_planner)


def test_a_planner_of_the_users_and_no_sharding_are_left_alone() -> None:
    own = dist_cp.DefaultLoadPlanner()
    run = SimpleNamespace(fsdp_config=FSDPConfig(load_planner=own))
    make_callback_state_optional(run)  # type: ignore[arg-type]
    assert run.fsdp_config.load_planner is own
    make_callback_state_optional(SimpleNamespace(fsdp_config=None))  # type: ignore[arg-type]
