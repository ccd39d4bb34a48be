# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

YAMLS = Path(__file__).parents[3] / "yamls" / "quickstart"


def read(name: str) -> Any:
    return OmegaConf.to_container(OmegaConf.load(YAMLS / name), resolve=True)


def test_the_model_is_the_one_that_was_trained() -> None:
    trained, evaluated = read("train.yaml"), read("eval.yaml")
    for config in (trained, evaluated):
        # These act in training only, or differ on purpose.
        for key in ("resid_pdrop", "emb_pdrop", "use_train_metrics"):
            config["model"].pop(key, None)
        config["model"]["attn_config"].pop("attn_pdrop", None)
    assert evaluated["model"] == trained["model"]
    assert evaluated["tokenizer"] == trained["tokenizer"]
    assert evaluated["load_path"].startswith(trained["save_folder"])


def test_both_losses_are_of_the_samples_that_training_validates_on() -> None:
    validation = read("train.yaml")["eval_loader"]["dataset"]
    validation.pop("fim", None)
    for loader in read("eval.yaml")["eval_loader"]:
        loader["dataset"].pop("fim")
        assert loader["dataset"] == validation


def test_the_eval_loaders_get_metrics() -> None:
    """Foundry's eval command gives them the model's training metrics and no others."""
    assert read("eval.yaml")["model"]["use_train_metrics"] is True
