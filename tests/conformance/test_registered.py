# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What every registered name must do, whatever it is.

Its class docstring holds a YAML example. Merged into the quickstart's own training YAML (at tiny
sizes) it builds through Foundry, trains on CPU, saves, and resumes to exactly the weights and the
loss of an uninterrupted run.
"""

from __future__ import annotations

import gc
import importlib.metadata
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS = [
    point
    for point in importlib.metadata.distribution("foundry-plugins").entry_points
    if point.group.startswith("llmfoundry_")
]
IDS = [f"{point.group.removeprefix('llmfoundry_')}-{point.name}" for point in ENTRY_POINTS]
TINY = {
    "variables": {"sequence_length": 64, "vocab_size": 512},
    "model": {
        "d_model": 32,
        "n_heads": 4,
        "n_layers": 1,
        "ffn_config": {"ffn_hidden_size": 64},
    },
    "max_duration": "4ba",
    "eval_interval": "4ba",
    "eval_subset_num_batches": 1,
    "save_interval": "2ba",
    "save_num_checkpoints_to_keep": -1,
    "global_train_batch_size": 4,
    "device_train_microbatch_size": 2,
    "device_eval_batch_size": 4,
    "scheduler": {"t_warmup": "2ba"},
    "progress_bar": False,
    "autoresume": False,
}


# They continue another run's checkpoint, and refuse to begin without one.
CONTINUING = ("rewarm", "learning_rate_override")


def example(point: importlib.metadata.EntryPoint) -> str:
    """The YAML block of a docstring."""
    found = re.search(r"```yaml\n(.*?)```", inspect.getdoc(point.load()) or "", re.DOTALL)
    assert found, f"{point.value} has no ```yaml example in its docstring"
    return textwrap.dedent(found[1])


@pytest.fixture(scope="session")
def hf(root: Path) -> None:
    """A configuration of transformers, where the quickstart leaves its model."""
    from transformers import GPT2Config

    tiny = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 512, "vocab_size": 512}
    GPT2Config(**tiny, use_cache=False).save_pretrained(root / "hf")


def train(root: Path, yaml: str, **settings: Any) -> tuple[dict[str, torch.Tensor], float]:
    """Trains through Foundry; returns the final weights and the last batch's loss."""
    from llmfoundry.command_utils import train as foundry_train

    base, tiny = OmegaConf.load(ROOT / "yamls/quickstart/train.yaml"), OmegaConf.create(TINY)
    if "code_hf_causal_lm" in yaml:  # its model has keys of its own
        del base["model"], tiny["model"]
    merged = OmegaConf.merge(
        base,
        tiny,
        {"variables": {"root": str(root)}},
        OmegaConf.create(yaml.replace("runs/quickstart", str(root))),
        # Dropout lasts past the checkpoint, whose run must draw the same masks as the first.
        {"callbacks": {"early_dropout": {"t_end": "8ba"}}},
        settings,
    )
    trainer = foundry_train(merged)
    weights = {name: tensor.clone() for name, tensor in trainer.state.model.state_dict().items()}
    loss = float(trainer.state.loss)
    trainer.close()
    del trainer
    gc.collect()
    return weights, loss


@pytest.mark.parametrize("point", ENTRY_POINTS, ids=IDS)
def test_resumed_equals_uninterrupted(
    point: importlib.metadata.EntryPoint, root: Path, problems: Path, hf: None, tmp_path: Path
) -> None:
    yaml = example(point)
    start = {}
    if point.name in CONTINUING:
        train(root, "", run_name="first", save_folder=str(tmp_path / "first"))
        start["load_path"] = str(tmp_path / "first/latest-rank0.pt")
    whole, loss = train(root, yaml, save_folder=str(tmp_path / "whole"), **start)
    resumed, resumed_loss = train(
        root,
        yaml,
        save_folder=str(tmp_path / "resumed"),
        load_path=str(tmp_path / "whole/ep0-ba2-rank0.pt"),
    )
    assert loss == resumed_loss
    assert whole.keys() == resumed.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


@pytest.mark.parametrize("point", ENTRY_POINTS, ids=IDS)
def test_examples_with_shards_pin_the_number_of_canonical_nodes(
    point: importlib.metadata.EntryPoint,
) -> None:
    config = OmegaConf.to_container(OmegaConf.create(example(point)))
    assert isinstance(config, dict)
    for key in ("train_loader", "eval_loader"):
        if key in config:
            assert config[key]["dataset"]["num_canonical_nodes"] == 1


def test_names_do_not_shadow_the_hosts() -> None:
    """A look-up prefers entry points, so a shadowed name would change other people's runs."""
    import llmfoundry.layers_registry
    import llmfoundry.registry

    for point in ENTRY_POINTS:
        name = point.group.removeprefix("llmfoundry_")
        registry = getattr(llmfoundry.registry, name, None)
        registry = registry or getattr(llmfoundry.layers_registry, name)
        registry.entry_points = False
        try:
            assert point.name not in registry.get_all()
        finally:
            registry.entry_points = True
