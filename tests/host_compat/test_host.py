# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Pins the host behaviour that `foundry_plugins/host.py` and the components rely on."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def test_streaming_hands_the_epoch_to_every_iteration() -> None:
    from streaming import StreamingDataset

    source = inspect.getsource(StreamingDataset.__iter__)
    assert "epoch, sample_in_epoch = self._resume_incr_epoch()" in source
    assert inspect.signature(StreamingDataset.get_item).parameters.keys() == {
        *("self", "sample_id", "retry")
    }


def test_mpt_passes_the_result_of_attn_bias_to_every_block() -> None:
    from llmfoundry.models.mpt.modeling_mpt import MPTModel

    assert [*inspect.signature(MPTModel._attn_bias).parameters] == [
        *("self", "device", "dtype", "attention_mask", "sequence_id")
    ]
    source = inspect.getsource(MPTModel.forward)
    assert "attn_bias, attention_mask = self._attn_bias(" in source
    assert "attn_bias=attn_bias," in source


def test_training_reads_its_config_as_check_does() -> None:
    from llmfoundry.command_utils import train
    from llmfoundry.utils.config_utils import TRAIN_CONFIG_KEYS, TrainConfig

    module = inspect.getmodule(train)
    assert module is not None
    assert "make_dataclass_and_log_config(" in inspect.getsource(train)
    assert {"train_loader", "callbacks", "loggers"} <= set(TRAIN_CONFIG_KEYS)
    assert TrainConfig.__dataclass_fields__["device_train_batch_size"]


def _reduce(rank: int, path: str) -> None:
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    dist.init_process_group("gloo", init_method=f"file://{path}", rank=rank, world_size=2)
    out = torch.zeros(1)
    dist.reduce_scatter_tensor(out, torch.ones(2), op=dist.ReduceOp.AVG)
    # If this ever gives 1, gloo averages and `average_over_ranks` must go.
    assert out.item() == 2.0
    dist.destroy_process_group()


def test_gloo_sums_where_fsdp2_asks_for_an_average(tmp_path: Path) -> None:
    mp.start_processes(_reduce, args=(str(tmp_path / "store"),), nprocs=2, start_method="fork")


def test_composer_restores_random_states_only_at_the_start_of_an_epoch() -> None:
    """Why ``early_dropout`` seeds its masks by batch."""
    from composer import Trainer

    source = inspect.getsource(Trainer._train_loop)
    assert "if self.state.timestamp.batch_in_epoch == 0 and self._rng_state is not None" in source


def test_streaming_names_the_finished_epoch_when_it_is_asked_after_its_last_batch() -> None:
    """Why ``EpochStreamingDataset.state_dict`` moves on by one."""
    from streaming import StreamingDataset

    assert "epoch = self.next_epoch - 1" in inspect.getsource(StreamingDataset.state_dict)
