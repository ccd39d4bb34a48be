# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Each YAML of the zoo builds the published model, and trains when made tiny."""

from __future__ import annotations

import contextlib
import gc
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

FOLDER = Path(__file__).resolve().parents[2] / "yamls/pretrain"
YAMLS = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
# Parameters, those of tied embeddings once, and the tokens of the whole run. Counts: config.json
# and weights on the hub; of refact2b-mqa-lion 32 norms of 2,048 fewer than Refact-1.6B's; of the
# thesis by hand from 12 d^2 + 13 d a layer, 50,304 d and the last norm.
PUBLISHED = {
    "replit-code-v1-3b": (2_600_634_880, 525e9),
    "replit-code-v1_5-3b": (3_322_088_448, 1e12),
    "refact-1.6b": (1_585_842_176, 1.2e12),
    "refact-1.6b-rms": (1_585_842_176, 1.2e12),
    "refact2b-mqa-lion": (1_585_842_176 - 32 * 2048, 1e12),
    "santacoder": (1_124_886_528, 236e9),
    "starcoderbase-1b": (1_137_207_296, 1e12),
    "starcoderbase-3b": (3_043_311_104, 1e12),
    "starcoderbase-7b": (7_327_263_232, 1e12),
    "starcoderbase-15b": (15_517_456_384, 1e12),
    "starcoder2-3b": (3_030_371_328, 3.1e12),
    "starcoder2-7b": (7_173_923_840, 3.5e12),
    "starcoder2-15b": (15_957_889_024, 4.1e12),
    "thesis-300m": (24 * (12 * 1024**2 + 13 * 1024) + 50304 * 1024 + 2 * 1024, 150e9),
    "thesis-2.5b": (32 * (12 * 2560**2 + 13 * 2560) + 50304 * 2560 + 2 * 2560, 300e9),
    "thesis-6b": (32 * (12 * 4096**2 + 13 * 4096) + 50304 * 4096 + 2 * 4096, 300e9),
    "gpt2-medium": (354_823_168, 4.9e9),
    "gpt2-large": (774_030_080, 4.9e9),
    "gpt2-xl": (1_557_611_200, 4.9e9),
    "openllama-3b": (3_426_473_600, 1e12),
    "openllama-3b-13-layers": (1_815_638_400, 8.4e9),
}
# One each of LionW, early dropout, ALiBi, parallel blocks and streams; and of AdamW, cosine,
# grouped heads, RoPE and a window. The others are slow only for their number.
FAST = ("refact2b-mqa-lion", "starcoder2-3b")


def settings(name: str) -> list[str]:
    variables = OmegaConf.load(YAMLS[name]).variables
    return [key for key, value in variables.items() if OmegaConf.is_dict(value)]


def resolved(name: str, setting: str | None = None) -> Any:
    config = OmegaConf.load(YAMLS[name])
    if setting:
        config.variables.setting = setting
    return OmegaConf.to_container(config, resolve=True)


def test_the_zoo_is_complete() -> None:
    assert YAMLS.keys() == PUBLISHED.keys()


@pytest.mark.parametrize("name", YAMLS)
def test_has_exactly_the_published_parameters(name: str) -> None:
    from llmfoundry.utils.builders import build_composer_model

    section = resolved(name)["model"]
    model = build_composer_model(
        name=section.pop("name"),
        cfg=section | {"init_device": "meta"},
        tokenizer=None,
        init_context=contextlib.nullcontext(),
    )
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == PUBLISHED[name][0]
    assert f"# Parameters: {count:,}" in YAMLS[name].read_text()


@pytest.mark.parametrize("name", YAMLS)
def test_sees_the_published_tokens(name: str) -> None:
    config = resolved(name)
    batches = int(config["max_duration"].removesuffix("ba"))
    tokens = batches * config["global_train_batch_size"] * config["max_seq_len"]
    assert tokens == pytest.approx(PUBLISHED[name][1], rel=0.06)


@pytest.mark.parametrize("name", YAMLS)
def test_every_setting_is_whole(name: str) -> None:
    from composer.utils.parallelism import FSDPConfig

    assert settings(name)[-1] == "smoke"
    FSDPConfig(**resolved(name)["fsdp_config"])
    for setting in settings(name):
        config = resolved(name, setting)
        assert config["model"]["max_seq_len"] == config["train_loader"]["dataset"]["max_seq_len"]
        assert config["model"]["vocab_size"] > 0
        assert config["run_name"] == name
        block = config["variables"][setting]
        assert config["device_train_microbatch_size"] == block["microbatch"]
        # Every number of the block is used.
        text = YAMLS[name].read_text()
        for key in block:
            assert f"${{variables.${{variables.setting}}.{key}}}" in text, key


def overrides(root: Path, out: Path) -> list[str]:
    return [
        *("variables.setting=smoke", f"variables.data={root / 'data'}", f"variables.output={out}"),
        *("variables.smoke.sequence_length=64", "variables.smoke.vocab_size=512"),
    ]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in FAST else pytest.mark.slow) for n in YAMLS]
)
def test_the_smoke_setting_trains(name: str, root: Path, tmp_path: Path) -> None:
    from llmfoundry.command_utils import train_from_yaml

    trainer = train_from_yaml(str(YAMLS[name]), overrides(root, tmp_path))
    assert trainer.state.timestamp.batch == 4
    assert trainer.state.loss.isfinite()
    assert (tmp_path / "checkpoints/latest-rank0.pt").exists()
    assert sum(p.numel() for p in trainer.state.model.parameters()) < 1_000_000
    trainer.close()
    gc.collect()


@pytest.mark.parametrize("name", FAST)
def test_the_smoke_setting_passes_the_check(name: str, root: Path, tmp_path: Path) -> None:
    from foundry_plugins.check import check_training

    found = dict(check_training(YAMLS[name], overrides(root, tmp_path)))
    assert "code_mpt_causal_lm" in found["model"]
