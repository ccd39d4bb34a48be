# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Reading checkpoints: those that Composer's trainer writes, and everything that is not one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.export.checkpoint import read_checkpoint


@pytest.fixture(scope="module")
def trained(build: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model and the folder in which Composer's trainer saved it."""
    from composer import Trainer

    model = build()
    folder = tmp_path_factory.mktemp("trainer")
    optimizer = torch.optim.AdamW(model.parameters())
    trainer = Trainer(model=model, optimizers=optimizer, max_duration="1ba", device="cpu")
    trainer.save_checkpoint(str(folder / "ep0-ba1-rank0.pt"))
    trainer.close()
    (folder / "latest-rank0.pt").symlink_to("ep0-ba1-rank0.pt")
    return model, folder


def test_reads_what_the_trainer_saved(trained: Any, tokenizer_folder: Path) -> None:
    model, folder = trained
    checkpoint = read_checkpoint(folder / "latest-rank0.pt")
    expected = model.model.state_dict()
    assert checkpoint.weights.keys() == expected.keys()
    for name, tensor in checkpoint.weights.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, expected[name])
    assert checkpoint.config["model_type"] == "code_mpt"
    saved = json.loads((tokenizer_folder / "tokenizer.json").read_text())
    assert json.loads(checkpoint.tokenizer_json)["model"] == saved["model"]
    assert [checkpoint.special_token_id(n) for n in ("eos_token", "pad_token")] == [0, 1]
    assert checkpoint.special_token_id("bos_token") is None


def test_written_tokenizer_gives_the_same_ids(
    trained: Any, tokenizer_folder: Path, tmp_path: Path
) -> None:
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    read_checkpoint(trained[1] / "ep0-ba1-rank0.pt").write_tokenizer(tmp_path)
    text = "def f():\r\n\treturn 'ünïcode <fim_prefix> 123'"
    written, original = map(AutoTokenizer.from_pretrained, (tmp_path, tokenizer_folder))
    assert written(text).input_ids == original(text).input_ids


def test_low_precision_weights_become_fp32(trained: Any, tmp_path: Path) -> None:
    content = torch.load(trained[1] / "ep0-ba1-rank0.pt", weights_only=False)
    state = content["state"]["model"]
    content["state"]["model"] = {name: tensor.bfloat16() for name, tensor in state.items()}
    torch.save(content, tmp_path / "bf16.pt")
    weights = read_checkpoint(tmp_path / "bf16.pt").weights
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


class _WritesFile:
    """Unpickled by the standard library, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_in_the_file_is_executed(trained: Any, tmp_path: Path) -> None:
    content = torch.load(trained[1] / "ep0-ba1-rank0.pt", weights_only=False)
    content["state"]["callbacks"] = {"Spy": _WritesFile(tmp_path / "executed")}
    torch.save(content, tmp_path / "spy.pt")
    assert read_checkpoint(tmp_path / "spy.pt").weights
    assert not (tmp_path / "executed").exists()
    torch.load(tmp_path / "spy.pt", weights_only=False)
    assert (tmp_path / "executed").exists(), "the spy itself is broken"


def _without_transformers(content: dict[str, Any]) -> None:
    del content["state"]["integrations"]["huggingface"]


def _without_tokenizer(content: dict[str, Any]) -> None:
    content["state"]["integrations"]["huggingface"]["tokenizer"] = {}


def _one_rank(content: dict[str, Any]) -> None:
    content["state"]["model"]["model.transformer.norm_f.weight"] = Path("a shard")


def _other_file(content: dict[str, Any]) -> None:
    del content["state"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_transformers, "state.integrations.huggingface"),
        (_without_tokenizer, "tokenizer.json"),
        (_one_rank, "norm_f.weight"),
        (_other_file, "state.model"),
    ],
)
def test_other_files_are_refused(
    trained: Any, tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = torch.load(trained[1] / "ep0-ba1-rank0.pt", weights_only=False)
    change(content)
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(UserError, match=message):
        read_checkpoint(tmp_path / "other.pt")


def test_shards_can_be_joined_as_the_message_says(trained: Any, tmp_path: Path) -> None:
    from torch.distributed.checkpoint import format_utils
    from torch.distributed.checkpoint.state_dict_saver import save

    content = torch.load(trained[1] / "ep0-ba1-rank0.pt", weights_only=False)
    kept = {key: content["state"][key] for key in ("model", "integrations")}
    save({"state": kept}, checkpoint_id=tmp_path / "ep0-ba1", no_dist=True)
    with pytest.raises(UserError, match=r"format_utils dcp_to_torch .*ep0-ba1 joined\.pt"):
        read_checkpoint(tmp_path / "ep0-ba1")
    format_utils.dcp_to_torch_save(tmp_path / "ep0-ba1", tmp_path / "joined.pt")
    joined = read_checkpoint(tmp_path / "joined.pt")
    whole = read_checkpoint(trained[1] / "ep0-ba1-rank0.pt")
    assert joined.config == whole.config
    # Keys come back in another order, and keys of empty sections not at all.
    assert json.loads(joined.tokenizer_json) == json.loads(whole.tokenizer_json)
    assert joined.special_token_id("eos_token") == 0
    assert all(torch.equal(joined.weights[name], whole.weights[name]) for name in whole.weights)


def test_missing_folder_and_damaged_files_are_refused(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint at"):
        read_checkpoint(tmp_path / "none.pt")
    with pytest.raises(UserError, match="folder of checkpoint shards"):
        read_checkpoint(tmp_path)
    (tmp_path / "text.pt").write_text("not a checkpoint")
    (tmp_path / "empty.pt").touch()
    whole = (trained[1] / "ep0-ba1-rank0.pt").read_bytes()
    (tmp_path / "half.pt").write_bytes(whole[: len(whole) // 2])
    torch.save({"state": 1}, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    for name in ("text.pt", "empty.pt", "half.pt", "legacy.pt"):
        with pytest.raises(UserError, match="cannot be read as a checkpoint"):
            read_checkpoint(tmp_path / name)
