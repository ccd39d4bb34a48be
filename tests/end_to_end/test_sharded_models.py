# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Two ranks with FSDP2, activation checkpointing and mixed initialisation follow one plain rank.

And so does one with ``compile_config``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]
MODELS: dict[str, dict[str, Any]] = {
    "alibi_parallel": {"block_type": "parallel"},
    "t5_untied": {
        "tie_word_embeddings": False,
        "attn_config": {"attn_type": "causal_attention", "alibi": False, "t5_bias": True},
    },
    "rope_grouped_window": {
        "block_type": "parallel",
        "no_bias": False,
        "norm_type": "layernorm",
        "attn_config": {
            **{"attn_type": "causal_attention", "alibi": False, "rope": True},
            **{"kv_n_heads": 2, "sliding_window_size": 15},
        },
    },
    "documents": {"attn_config": {"attn_uses_sequence_id": True}},
    "learned": {"attn_config": {"attn_type": "causal_attention", "alibi": False}},
}


def recipe(root: Path, out: Path, model: dict[str, Any], **settings: Any) -> Path:
    config = OmegaConf.load(REPOSITORY / "yamls/quickstart/train.yaml")
    config.model.resid_pdrop = 0.0
    for section in ("callbacks", "loggers", "eval_loader"):
        del config[section]
    tiny = {
        "variables": {"root": str(root), "sequence_length": 64, "vocab_size": 512},
        "model": {
            **{"d_model": 32, "n_heads": 4, "n_layers": 2, "ffn_config": {"ffn_hidden_size": 64}},
        },
        **{"scheduler": {"t_warmup": "2ba"}, "max_duration": "6ba", "global_train_batch_size": 8},
        **{"device_train_microbatch_size": 4, "save_folder": None, "progress_bar": False},
        **{"autoresume": False, "eval_interval": "6ba"},
    }
    if model.get("attn_config", {}).get("attn_uses_sequence_id"):
        tiny["train_loader"] = {"dataset": {"sequence_id": True}}
    merged = OmegaConf.merge(config, tiny, {"model": model}, settings)
    OmegaConf.save(merged, out)
    return out


def run(ranks: int, yaml: Path, out: Path, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [
            *(Path(sys.executable).parent / "composer", "-n", str(ranks)),
            *(Path(__file__).with_name("sharded_training.py"), out, yaml),
        ],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(out.read_text())


def test_compile_config_changes_no_loss(root: Path, tmp_path: Path) -> None:
    model = MODELS["t5_untied"]
    plain = recipe(root, tmp_path / "plain.yaml", model)
    compiled = recipe(root, tmp_path / "compiled.yaml", model, compile_config={})
    losses = [run(1, yaml, tmp_path / "out.json")["losses"] for yaml in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_two_sharded_ranks_follow_one(name: str, root: Path, tmp_path: Path) -> None:
    model = MODELS[name]
    plain = recipe(root, tmp_path / "plain.yaml", model, device_train_microbatch_size=8)
    alone = run(1, plain, tmp_path / "plain.json")
    sharding = {"activation_checkpointing": True, "state_dict_type": "full"}
    sharded = recipe(
        *(root, tmp_path / "sharded.yaml", {**model, "init_device": "mixed"}),
        fsdp_config=sharding,
    )
    two = run(2, sharded, tmp_path / "sharded.json", FSDP_VERSION="2")
    assert (alone["sharded"], alone["checkpointed"]) == (0, 0)
    assert two["sharded"] == two["checkpointed"] == two["blocks"] == 2
    assert len(two["losses"]) == 6
    assert two["losses"] == pytest.approx(alone["losses"], rel=2e-5)
