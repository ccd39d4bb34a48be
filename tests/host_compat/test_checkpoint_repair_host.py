# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What `checkpoint_repair` relies on in the trainer, its saver, torch's writer and Foundry."""

from __future__ import annotations

import inspect
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from composer import Trainer
from composer.callbacks import CheckpointSaver
from omegaconf import DictConfig
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.state_dict_saver import save

from foundry_plugins.host import shard_sizes


def in_order(source: str, *parts: str) -> bool:
    places = [source.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def test_before_load_comes_before_the_search_and_after_the_saver_and_the_sharding() -> None:
    assert in_order(
        inspect.getsource(Trainer.__init__),
        "self.state.callbacks.append(self._checkpoint_saver)",
        "self._wrap_model_for_distributed(",
        "run_event(Event.BEFORE_LOAD)",
        "Searching for a previous checkpoint to autoresume",
        "os.readlink(latest_checkpoint_path)",
        "self._get_autoresume_checkpoint(",
        "checkpoint.load_checkpoint(",
    )
    assert in_order(
        inspect.getsource(Trainer.__init__),
        "self._checkpoint_saver = _checkpoint_savers[0]",
        "save_folder = self._checkpoint_saver.folder",
    )


def test_a_checkpoint_is_written_under_its_name_then_linked() -> None:
    source = inspect.getsource(CheckpointSaver._save_checkpoint)
    assert in_order(source, "checkpoint.save_checkpoint(", "os.remove(symlink)", "os.symlink(")
    # A link in a bucket comes after what it names, and replaces the last one.
    assert in_order(source, "self._upload_checkpoint(", "check_remote_files_exist_async(")


def test_names_are_format_strings_in_which_times_stay(tmp_path: Path) -> None:
    from composer.utils import format_name_with_dist

    saver = CheckpointSaver(folder=str(tmp_path / "{run_name}"), latest_filename="l-rank{rank}")
    assert saver.folder == str(tmp_path / "{run_name}")
    assert saver.filename.filename == "ep{epoch}-ba{batch}-rank{rank}.pt"
    assert saver.latest_filename is not None
    assert saver.latest_filename.filename == "l-rank{rank}"
    assert format_name_with_dist(saver.filename.filename, "x") == "ep{epoch}-ba{batch}-rank0.pt"


def test_a_folder_in_a_bucket_is_a_new_one_here(monkeypatch: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "none")
    saver = CheckpointSaver(folder="s3://bucket/run")
    assert saver.remote_uploader is not None
    assert saver.folder.startswith(tempfile.gettempdir())
    assert not os.path.exists(saver.folder)


def test_the_index_of_shards_is_written_last_and_renamed(tmp_path: Path) -> None:
    finish = inspect.getsource(FileSystemWriter.finish)
    assert in_order(finish, ".tmp", "pickle.dump(", "self.fs.rename(tmp_path, self.metadata_path)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = {"a": torch.arange(50.0), "b": {"c": [1, "text"]}}
        save(content, storage_writer=FileSystemWriter(tmp_path), no_dist=True)
    assert shard_sizes(tmp_path) == {
        path.name: path.stat().st_size for path in tmp_path.glob("*.distcp")
    }


def test_foundry_hands_the_training_yaml_over_and_resumes_as_it_says() -> None:
    from llmfoundry.command_utils.train import train
    from llmfoundry.utils.builders import build_callback

    for yaml in ({"autoresume": True}, {"autoresume": False}, {}):
        built: Any = build_callback("checkpoint_repair", {}, train_config=DictConfig(yaml))
        assert built.acts is yaml.get("autoresume", False)
    source = inspect.getsource(train)
    assert "train_config=logged_cfg" in source
    assert "autoresume=train_cfg.autoresume" in source
