# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Each YAML that continues a checkpoint has its source's numbers, and continues a real one."""

from __future__ import annotations

import contextlib
import gc
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

FOLDER = Path(__file__).resolve().parents[2] / "yamls"
# Parameters, tokens of the run, and the run of yamls/pretrain that it continues.
CONTINUED = {
    "repltuned-v1-3b": (2_600_634_880, 111e9, "replit-code-v1-3b"),
    "starcoder-15b": (15_517_456_384, 35e9, "starcoderbase-15b"),
    "alibi-context-8k": (2_600_634_880, 2.1e9, "replit-code-v1-3b"),
}


def load(name: str, *overrides: str) -> Any:
    config = OmegaConf.merge(
        OmegaConf.load(FOLDER / f"continue/{name}.yaml"), OmegaConf.from_dotlist(list(overrides))
    )
    return OmegaConf.to_container(config, resolve=True)


def train(path: str, *overrides: str) -> Any:
    from llmfoundry.command_utils import train_from_yaml

    trainer = train_from_yaml(str(FOLDER / path), ["variables.setting=smoke", *overrides])
    trainer.close()
    gc.collect()
    return trainer


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=False)["state"]["model"]


@pytest.fixture(scope="module")
def data(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two data sets: streaming does not let one folder be read twice in a process."""
    copy = tmp_path_factory.mktemp("old") / "data"
    shutil.copytree(root / "data", copy)
    return root / "data", copy


def sizes(data: Path, out: Path) -> list[str]:
    return [
        *(f"variables.data={data}", f"variables.output={out}"),
        *("variables.smoke.sequence_length=64", "variables.smoke.vocab_size=512"),
    ]


def test_all_are_tested() -> None:
    names = {path.stem for path in (FOLDER / "continue").glob("*.yaml")}
    assert names == {*CONTINUED, "cooldowns"}


@pytest.mark.parametrize("name", [*CONTINUED, "cooldowns"])
def test_the_model_and_the_tokens_are_those_written_down(name: str) -> None:
    from llmfoundry.utils.builders import build_composer_model

    config = load(name)
    model = build_composer_model(
        name=config["model"].pop("name"),
        cfg=config["model"] | {"init_device": "meta"},
        tokenizer=None,
        init_context=contextlib.nullcontext(),
    )
    count = sum(parameter.numel() for parameter in model.parameters())
    assert f"# Parameters: {count:,}" in (FOLDER / f"continue/{name}.yaml").read_text()
    if name in CONTINUED:
        parameters, tokens, _ = CONTINUED[name]
        assert count == parameters
        batches = int(config["max_duration"].removesuffix("ba"))
        seen = batches * config["global_train_batch_size"] * config["max_seq_len"]
        assert seen == pytest.approx(tokens, rel=0.03)


@pytest.mark.parametrize("name", CONTINUED)
def test_what_is_continued_is_that_of_the_first_training(name: str) -> None:
    """The YAMLs of both agree in all that a checkpoint holds."""
    first = OmegaConf.load(FOLDER / f"pretrain/{CONTINUED[name][2]}.yaml")
    old: Any = OmegaConf.to_container(first, resolve=True)
    new = load(name)
    assert new["load_path"] == f"{old['save_folder']}/latest-rank0.pt"
    assert new["run_name"] != old["run_name"]
    assert new["optimizer"]["name"] == old["optimizer"]["name"]
    length = {"max_seq_len": new["max_seq_len"]}
    assert new["model"] == old["model"] | length
    assert new["fsdp_config"] == old["fsdp_config"]


@pytest.mark.parametrize(
    "name",
    [
        "repltuned-v1-3b",
        pytest.param("starcoder-15b", marks=pytest.mark.slow),
        pytest.param("alibi-context-8k", marks=pytest.mark.slow),
    ],
)
def test_the_smoke_setting_continues_the_first_training(
    name: str, data: tuple[Path, Path], tmp_path: Path
) -> None:
    new, old = data
    first = CONTINUED[name][2]
    train(f"pretrain/{first}.yaml", *sizes(old, tmp_path / "first"))
    start = tmp_path / "first/checkpoints/latest-rank0.pt"
    second = train(
        f"continue/{name}.yaml",
        *sizes(new, tmp_path / "second"),
        f"variables.checkpoint={start}",
        *{
            "repltuned-v1-3b": [f"variables.replay={old}"],
            "starcoder-15b": [f"variables.old={old}"],
        }.get(name, []),
    )
    assert second.state.timestamp.batch == 4
    assert second.state.loss.isfinite()
    peak = load(name, "variables.setting=smoke")["optimizer"]["lr"]
    group = second.state.optimizers[0].param_groups[0]
    assert group["initial_lr"] == second.state.schedulers[0].base_lrs[0] == peak
    assert (tmp_path / "second/curves/learning_rate.png").is_file()
    before, after = weights(start), weights(tmp_path / "second/checkpoints/latest-rank0.pt")
    assert before.keys() == after.keys()
    # Four steps of at most 1e-3 (and the decay) away from where the first training ended.
    for key, weight in before.items():
        assert 0 < (weight - after[key]).abs().max() < 0.01, key


@pytest.mark.slow
def test_alibi_goes_on_at_twice_the_length(root: Path, tmp_path: Path) -> None:
    first = train(
        "pretrain/replit-code-v1-3b.yaml",
        *sizes(root / "data", tmp_path / "first"),
        "model.max_seq_len=64",
    )
    second = train(
        "continue/alibi-context-8k.yaml",
        *sizes(root / "data", tmp_path / "second"),
        f"variables.checkpoint={tmp_path / 'first/checkpoints/latest-rank0.pt'}",
        "model.max_seq_len=128",
    )
    lengths = [run.state.model.config.max_seq_len for run in (first, second)]
    assert lengths == [64, 128]


def test_cooldowns_branch_off_the_stable_run(root: Path, tmp_path: Path) -> None:
    def branch(name: str) -> dict[str, torch.Tensor]:
        arguments = [*sizes(root / "data", tmp_path), f"variables.branch={name}"]
        train("continue/cooldowns.yaml", *arguments)
        return weights(tmp_path / name / "checkpoints/latest-rank0.pt")

    stable, short, long = (branch(name) for name in ("stable", "short", "long"))
    trunk = tmp_path / "stable/checkpoints"
    for name, at in (("short", 2), ("long", 4)):
        first = torch.load(trunk / f"ba{at}-rank0.pt", weights_only=False)["state"]
        group = next(iter(first["optimizers"].values()))["param_groups"][0]
        assert group["lr"] == 1e-3  # what the branch's first step uses
        last = tmp_path / name / f"checkpoints/ba{at + 2}-rank0.pt"
        rate = next(iter(torch.load(last, weights_only=False)["state"]["optimizers"].values()))
        assert rate["param_groups"][0]["lr"] == 0
    # Both saw batches 2 and 3; the second of them at 1 - sqrt(1/2).
    assert stable.keys() == short.keys() == long.keys()
    for key in stable:
        moved = [
            (other[key] - weights(trunk / "ba2-rank0.pt")[key]).norm() for other in (stable, short)
        ]
        assert moved[1] < moved[0], key
