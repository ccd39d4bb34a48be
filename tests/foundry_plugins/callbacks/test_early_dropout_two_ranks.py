# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every kind of dropout under FSDP2: the same on resume and with activation checkpointing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch

from tests.conftest import BIN, ROOT

SETTINGS = """
variables.sequence_length=64 variables.vocab_size=512 model.d_model=32 model.n_heads=4
model.n_layers=2 model.ffn_config.ffn_hidden_size=64 model.emb_pdrop=0.1
model.attn_config.attn_pdrop=0.1 max_duration=6ba eval_interval=6ba eval_subset_num_batches=1
save_interval=3ba save_num_checkpoints_to_keep=-1 global_train_batch_size=8
device_train_microbatch_size=2 device_eval_batch_size=4 scheduler.t_warmup=2ba progress_bar=false
autoresume=false fsdp_config.state_dict_type=full callbacks.early_dropout.t_end=12ba
callbacks.early_dropout.stochastic_depth=0.3 callbacks.early_dropout.drop_head=0.2
callbacks.early_dropout.layer_drop=0.2 callbacks.early_dropout.token_dropout=0.1
"""


def train(root: Path, folder: Path, *settings: str) -> dict[str, torch.Tensor]:
    command = [BIN / "composer", "-n", "2", "-c", "llmfoundry", "train"]
    yaml = [ROOT / "yamls/quickstart/train.yaml", f"variables.root={root}", *SETTINGS.split()]
    done = subprocess.run(
        [*command, *yaml, f"save_folder={folder}", f"run_name={folder.name}", *settings],
        env={
            **os.environ,
            **{"PATH": f"{BIN}:{os.environ['PATH']}", "FSDP_VERSION": "2"},
            "GLOO_SOCKET_IFNAME": "lo",
        },
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return torch.load(folder / "ep0-ba6-rank0.pt", weights_only=False)["state"]["model"]


@pytest.mark.slow
def test_resume_and_activation_checkpointing_change_nothing(root: Path, tmp_path: Path) -> None:
    again, once = (f"fsdp_config.activation_checkpointing={v}" for v in ("true", "false"))
    checkpoint = f"load_path={tmp_path / 'whole/ep0-ba3-rank0.pt'}"
    whole = train(root, tmp_path / "whole", again)
    for name, settings in (("resumed", (again, checkpoint)), ("once", (once,))):
        found = train(root, tmp_path / name, *settings)
        torch.testing.assert_close(found, whole, rtol=0, atol=0)
