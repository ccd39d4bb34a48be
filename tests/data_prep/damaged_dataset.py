# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A dataset with one thing wrong, and what `verify` finds in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zstandard

from data_prep import verify
from foundry_plugins.contract.files import write_json
from foundry_plugins.contract.sample import FRAGMENT
from tests.data_prep.small_dataset import LENGTH

SHARD = "train/00001/shard.00001.mds.zstd"
INDEX = "train/index.json"


def faults(folder: Path | str, **options: Any) -> list[tuple[str, int | None, str]]:
    """What verify finds, as (file, sample, fault)."""
    result = verify.verify(folder, **options)
    found = [(f["file"], f["sample"], f["fault"]) for f in result["faults"]]
    assert result["num_faults"] >= len(found)
    assert sum(figures["faults"] for figures in result["splits"].values()) <= result["num_faults"]
    return found


def edit_json(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    write_json(path, content)


def entry_of(index: dict[str, Any], name: str) -> dict[str, Any]:
    names = {shard["zip_data"]["basename"]: shard for shard in index["shards"]}
    return names[name.partition("/")[2]]


def rewrite(root: Path, name: str, change: Callable[[bytearray, np.ndarray], None]) -> None:
    """Changes a shard's samples and makes file and index agree again: only the content is wrong."""
    raw = bytearray(zstandard.decompress((root / name).read_bytes()))
    count = int.from_bytes(raw[:4], "little")
    change(raw, np.frombuffer(bytes(raw), "<u4", count + 1, 4))
    stored = zstandard.compress(bytes(raw))
    (root / name).write_bytes(stored)

    def update(index: dict[str, Any]) -> None:
        entry = entry_of(index, name)
        for key, content in (("raw_data", bytes(raw)), ("zip_data", stored)):
            entry[key]["bytes"] = len(content)
            entry[key]["hashes"] = {"sha256": hashlib.sha256(content).hexdigest()}

    edit_json(root / "train/index.json", update)


def sample_editor(
    sample: int, change: Callable[[np.ndarray, np.ndarray], None]
) -> Callable[[bytearray, np.ndarray], None]:
    """Changes the fragments and tokens of one sample in place."""

    def edit(raw: bytearray, offsets: np.ndarray) -> None:
        begin, end = int(offsets[sample]), int(offsets[sample + 1])
        size = int.from_bytes(raw[begin : begin + 4], "little")
        fragments = np.frombuffer(raw, FRAGMENT, size // FRAGMENT.itemsize, begin + 4)
        tokens = np.frombuffer(raw, "<u2", LENGTH, end - 2 * LENGTH)
        change(fragments, tokens)

    return edit


def set_field(field: str, value: int, place: int = 0) -> Callable[[np.ndarray, np.ndarray], None]:
    def change(fragments: np.ndarray, tokens: np.ndarray) -> None:
        fragments[field][place] = value

    return change
