# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Real launches: the report sums over ranks, with DDP and FSDP2."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from foundry_plugins.loggers.curves import read_metrics
from tests.conftest import BIN, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
GLOBAL_BATCH = 8


def report(root: Path, out: Path, ranks: int, fsdp: bool) -> dict[str, float]:
    """Trains one batch, evaluates 32 samples; the metrics of that."""
    config = OmegaConf.load(ROOT / "yamls/quickstart/train.yaml")
    config.model.resid_pdrop = 0.0
    del config.callbacks.early_dropout
    config.callbacks.fim_report = {"interval_batches": 1}
    config.eval_loader.dataset.report = True
    config.eval_loader.dataset.fim = {"rate": 0.7, "seed": 3, "reseed_each_epoch": False}
    out.mkdir()
    OmegaConf.save(config, out / "train.yaml")
    per_rank = GLOBAL_BATCH // ranks
    settings = [
        *("variables.sequence_length=64", "variables.vocab_size=512", f"variables.root={root}"),
        *("model.d_model=32", "model.n_heads=4", "model.n_layers=2"),
        *("model.ffn_config.ffn_hidden_size=64", "max_duration=1ba", "scheduler.t_warmup=0ba"),
        *("eval_interval=1ba", "eval_subset_num_batches=4", "save_interval=1ba"),
        *(f"global_train_batch_size={GLOBAL_BATCH}", f"device_eval_batch_size={per_rank}"),
        *(f"device_train_microbatch_size={per_rank}", "progress_bar=false"),
        *(f"save_folder={out / 'checkpoints'}", f"loggers.training_curves.folder={out}"),
    ]
    if fsdp:
        settings.append("fsdp_config.state_dict_type=full")
    path = f"{BIN}:{os.environ['PATH']}"  # where the launcher looks for llmfoundry
    command = [str(BIN / "composer"), "-n", str(ranks), "-c", "llmfoundry", "train"]
    done = subprocess.run(
        [*command, str(out / "train.yaml"), *settings],
        env=os.environ | {"PATH": path} | ({"FSDP_VERSION": "2"} if fsdp else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[str, float] = {}
    for row in read_metrics(out / "metrics.jsonl"):
        found |= {
            name: value
            for name, value in row.items()
            if name.startswith(("metrics/eval/loss/", "metrics/eval/bits_per_byte/", "fim/"))
        }
    return found


def test_ranks_report_what_one_process_does(root: Path, tmp_path: Path) -> None:
    alone = report(root, tmp_path / "alone", 1, fsdp=False)
    assert {"metrics/eval/bits_per_byte/psm/Python", "metrics/eval/loss/left_to_right"} < {*alone}
    assert 0 < alone["fim/dropped_token_share"] < 0.5
    for name, fsdp in (("ddp", False), ("fsdp2", True)):
        found = report(root, tmp_path / name, 2, fsdp=fsdp)
        assert found == pytest.approx(alone, rel=1e-4)
