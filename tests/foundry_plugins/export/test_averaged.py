# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What `average` writes of language models is what the exporters read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.state_dict_saver import save

from foundry_plugins.averaging.average import average
from foundry_plugins.export.checkpoint import read_checkpoint


def without_empty(text: str | bytes) -> object:
    """Parsed, without entries that are empty mappings: a sharded checkpoint does not hold them."""
    return json.loads(text, object_hook=lambda m: {k: v for k, v in m.items() if v != {}})


def test_configuration_and_tokenizer_are_kept(
    make_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    one = make_checkpoint()
    content = torch.load(one, weights_only=False)
    model = content["state"]["model"]
    content["state"]["model"] = {name: tensor * 3 for name, tensor in model.items()}
    content["state"]["timestamp"] = {"Timestamp": {"batch": 2}}
    torch.save(content, tmp_path / "two.pt")
    save(
        {"state": content["state"]},
        storage_writer=FileSystemWriter(tmp_path / "shards"),
        no_dist=True,
    )
    for number, newest in enumerate((tmp_path / "two.pt", tmp_path / "shards")):
        output = tmp_path / f"mean{number}.pt"
        average([one, newest], output)
        found, before = read_checkpoint(output), read_checkpoint(one)
        assert found.config == before.config
        for file, text in before.tokenizer_files.items():
            assert without_empty(found.tokenizer_files[file]) == without_empty(text), file
        for name, tensor in before.weights.items():
            torch.testing.assert_close(found.weights[name], 2 * tensor)
