# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents out of a written shard, with everything else as it was.

A removed fragment keeps its place and its length: its tokens become padding, which no loss counts,
and of its record only the end stays. So samples keep their ids, their order and their size, and a
run that stopped before the removal resumes after it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.mds import HASH
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sample import FRAGMENT, REMOVED, DatasetMetadata

Range = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Edit:
    """What to take out of one shard.

    Attributes:
        folder: Of the split.
        entry: The shard's entry in ``index.json``.
        ranges: Sample id -> the ranges of tokens to blank, each a whole fragment.
        metadata: Of the split.
    """

    folder: Path
    entry: dict[str, Any]
    ranges: Mapping[int, Sequence[Range]]
    metadata: DatasetMetadata


def file_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The file that is stored for a shard: the compressed one if there is one."""
    return entry["zip_data"] or entry["raw_data"]


def rewrite(edit: Edit, target: Path) -> dict[str, Any]:
    """Writes the edited shard below ``target``; its new entry for the index."""
    entry = edit.entry
    name = file_of(entry)["basename"]
    data = (edit.folder / name).read_bytes()
    compressed = entry["zip_data"] is not None
    raw = blank(_decompress(data) if compressed else data, edit, name)
    stored = _compress(raw, entry["compression"]) if compressed else raw
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    (target / name).write_bytes(stored)
    changed = {**entry, "raw_data": _described(entry["raw_data"], raw)}
    if compressed:
        changed["zip_data"] = _described(entry["zip_data"], stored)
    return changed


def blank(raw: bytes, edit: Edit, name: str) -> bytes:
    """A shard's bytes with the ranges of tokens blanked.

    Raises:
        UserError: if the shard does not hold such samples and fragments.
    """
    data = bytearray(raw)
    count = int(np.frombuffer(raw, "<u4", 1)[0])
    offsets = np.frombuffer(raw, "<u4", count + 1, 4).tolist()
    left = dict(edit.ranges)
    for begin, end in itertools.pairwise(offsets):
        columns = _columns(memoryview(data)[begin:end], edit.entry)
        number = int(np.frombuffer(columns["sample_id"], "<u8")[0])
        for first, stop in left.pop(number, ()):
            _blank_fragment(columns, first, stop, edit.metadata, f"{name}, sample {number}")
    if left:
        raise UserError(
            f"{edit.folder / name} does not hold sample {min(left)}, which the map of samples to "
            "files says it does; run `convert_dataset run` with its recipe again."
        )
    return bytes(data)


def _columns(sample: memoryview, entry: Mapping[str, Any]) -> dict[str, memoryview]:
    """A sample's columns: sizes of the variable ones first, then all in order."""
    sizes = entry["column_sizes"]
    num_variable = sum(size is None for size in sizes)
    variable = iter(np.frombuffer(sample, "<u4", num_variable).tolist())
    position = 4 * num_variable
    found = {}
    for name, size in zip(entry["column_names"], sizes, strict=True):
        length = next(variable) if size is None else size
        found[name] = sample[position : position + length]
        position += length
    return found


def _blank_fragment(
    columns: Mapping[str, memoryview], first: int, stop: int, metadata: DatasetMetadata, name: str
) -> None:
    fragments = np.frombuffer(columns["fragments"], FRAGMENT)
    place = int(np.searchsorted(fragments["end"], stop))
    start = int(fragments["end"][place - 1]) if place else 0
    if place == len(fragments) or (start, int(fragments["end"][place])) != (first, stop):
        raise UserError(
            f"{name}: there is no fragment of tokens {first} to {stop}, as the map of samples to "
            "files says; run `convert_dataset run` with its recipe again."
        )
    record = np.zeros((), dtype=FRAGMENT)
    # Like padding, it has no target: `target` at its end means none lies inside.
    record["end"] = record["target"] = stop
    record["flags"] = REMOVED
    fragments[place] = record
    tokens = np.frombuffer(columns["tokens"], metadata.token_dtype)
    tokens[first:stop] = metadata.pad_token_id


def _described(file: Mapping[str, Any], data: bytes) -> dict[str, Any]:
    digests = {HASH: hashlib.new(HASH, data).hexdigest()}
    return {**file, "bytes": len(data), "hashes": digests}


def _decompress(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdDecompressor().decompress(data)


def _compress(data: bytes, compression: str) -> bytes:
    import zstandard

    level = int(compression.partition(":")[2] or 3)
    return zstandard.ZstdCompressor(level=level).compress(data)
