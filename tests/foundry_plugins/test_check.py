# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""`foundry-plugins check` finds in seconds what a launch would find late or never."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from foundry_plugins.check import check_training
from foundry_plugins.contract.errors import UserError

TRAIN = Path(__file__).resolve().parents[2] / "yamls/quickstart/train.yaml"
MISSPELT = (
    "icl_tasks=[{label: own, icl_task_type: code_evaluation, dataset_uri: own_problems, "
    "metric_names: [pass_at_1], num_fewshot: [0], benchmark: humaneval, max_new_tokens: 4, "
    "judge: later}]"
)
SIZES = ["variables.sequence_length=64", "variables.vocab_size=512", "model.d_model=32"]


def test_reports_what_it_found(root: Path) -> None:
    found = dict(check_training(TRAIN, [f"variables.root={root}", *SIZES]))
    assert found["model"].startswith("code_mpt_causal_lm, ")
    assert found["optimizer"] == "LionW"
    assert "samples" in found["train_loader"]
    assert "early_dropout" in found["callbacks"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train_loader.dataset.fim.rate=1.5", r"train_loader.*fim.rate.*\[0, 1\], got 1.5"),
        ("model.n_layerz=3", "model.*n_layerz.*did you mean 'n_layers'"),
        ("modle.n_layers=3", "modle"),
        ("optimizer.weight_decai=3", "optimizer.*weight_decai"),
        ("optimizer.name=lion", "optimizer.*lion"),
        ("scheduler.cooldown=sqroot", "scheduler.*sqroot"),
        ("scheduler.t_cooldown=0.99dur", "scheduler"),
        ("callbacks.early_dropout.t_edn=3ba", "callbacks.early_dropout.*t_edn"),
        ("model.resid_pdrop=0.0", "early_dropout|EarlyDropout"),
        ("algorithms=null", "gradient_clip"),
        ("variables.sequence_length=128", "is 128, but the samples in .* hold 64"),
        ("variables.vocab_size=256", "model.vocab_size"),
        ("model.max_seq_len=32", "is 32, but .train_loader.dataset.max_seq_len. is 64"),
        ("loggers.training_curves.foldr=x", "loggers.training_curves.*foldr"),
        ("tokenizer.name=/nowhere", "tokenizer.*/nowhere"),
        (MISSPELT, "icl_tasks.*metric_names. of own/0-shot must .* got 'pass_at_1'"),
        ("train_loader.dataset.split=tests", "train_loader.*no shards at .*tests"),
    ],
)
def test_names_the_key_of_a_mistake(root: Path, override: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_training(TRAIN, [f"variables.root={root}", *SIZES, override])


def test_pad_equal_to_eos(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "data/tokenizer", tmp_path / "tokenizer")
    path = tmp_path / "tokenizer/tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"pad_token": config["eos_token"]}))
    special = tmp_path / "tokenizer/special_tokens_map.json"
    names = json.loads(special.read_text())
    special.write_text(json.dumps(names | {"pad_token": names["eos_token"]}))
    override = f"tokenizer.name={tmp_path / 'tokenizer'}"
    with pytest.raises(UserError, match=r"same .pad_token. and .eos_token."):
        check_training(TRAIN, [f"variables.root={root}", *SIZES, override])


def test_kernel_that_cannot_compute_in_the_precision(root: Path) -> None:
    overrides = ["model.attn_config.kernel=sdpa", "precision=amp_bf16"]
    with pytest.raises(UserError, match=r"model.*kernel: sdpa. takes fp32 only, got bf16"):
        check_training(TRAIN, [f"variables.root={root}", *SIZES, *overrides])


def test_missing_file() -> None:
    with pytest.raises(UserError, match=r"There is no file nowhere.yaml"):
        check_training(Path("nowhere.yaml"), [])
