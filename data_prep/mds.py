# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Samples to MDS shards, the format of mosaicml-streaming.

Written directly: the format is a header of offsets, a JSON description and the samples' bytes
(streaming 0.12, ``base/format/mds``), while importing its writer costs ten seconds of CPU and
holds every sample as Python objects. Equal to that writer's output, byte for byte; a test compares.

A shard, all integers little-endian u32::

    num_samples | offsets[num_samples + 1] | description (JSON) | sample 0 | sample 1 | ...

and a sample: the sizes of its columns of variable size, then its columns' bytes in order of name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.pack import Packed
from foundry_plugins.contract.sample import mds_columns, sample_id

HASH = "sha256"
_SIZES = {"uint64": 8, "bytes": None}


def write_part(
    folder: Path,
    packed: Packed,
    *,
    part: int,
    vocab_size: int,
    size_limit: int,
    compression: str | None,
) -> list[dict[str, Any]]:
    """Writes one part's samples as shards in a new folder.

    Returns:
        The shards' entries for ``index.json``, basenames relative to ``folder``.
    """
    folder.mkdir(parents=True)
    columns = mds_columns(packed.tokens.shape[1], vocab_size)
    description = describe(
        columns, packed.tokens.nbytes // len(packed.tokens), size_limit, compression
    )
    header = json.dumps(description, sort_keys=True).encode()
    return [
        _write_shard(folder, number, samples, header, description)
        for number, samples in enumerate(
            _shards(_encode(packed, part), size_limit, 8 + len(header))
        )
    ]


def describe(
    columns: dict[str, str], token_bytes: int, size_limit: int, compression: str | None
) -> dict[str, Any]:
    """What a shard says of itself, in its header and in the index."""
    names = sorted(columns)
    encodings = [columns[name] for name in names]
    return {
        "version": 2,
        "format": "mds",
        "compression": compression,
        "hashes": [HASH],
        "size_limit": size_limit,
        "column_names": names,
        "column_encodings": encodings,
        "column_sizes": [_SIZES.get(encoding, token_bytes) for encoding in encodings],
    }


def merged_index(parts: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The index of a folder whose subfolders are parts; basenames become relative to it."""
    return {
        "version": 2,
        "shards": [_moved(entry, name) for name in sorted(parts, key=int) for entry in parts[name]],
    }


def _moved(entry: dict[str, Any], folder: str) -> dict[str, Any]:
    moved = dict(entry)
    for key in ("raw_data", "zip_data"):
        if entry[key] is not None:
            moved[key] = {**entry[key], "basename": f"{folder}/{entry[key]['basename']}"}
    return moved


def _encode(packed: Packed, part: int) -> Iterator[bytes]:
    for index, fragments in enumerate(packed.fragments):
        data = fragments.tobytes()
        yield b"".join(
            (
                np.uint32(len(data)).tobytes(),
                data,
                np.uint64(sample_id(part, index)).tobytes(),
                packed.tokens[index].tobytes(),
            )
        )


def _shards(samples: Iterator[bytes], limit: int, overhead: int) -> Iterator[list[bytes]]:
    shard: list[bytes] = []
    size = overhead
    for sample in samples:
        # Four bytes more each, for the offset in the header.
        if shard and size + len(sample) + 4 > limit:
            yield shard
            shard, size = [], overhead
        shard.append(sample)
        size += len(sample) + 4
    if shard:
        yield shard


def _write_shard(
    folder: Path, number: int, samples: list[bytes], header: bytes, description: dict[str, Any]
) -> dict[str, Any]:
    offsets = np.cumsum([0, *map(len, samples)]) + 4 + 4 * (len(samples) + 1) + len(header)
    raw = b"".join(
        (np.uint32(len(samples)).tobytes(), offsets.astype("<u4").tobytes(), header, *samples)
    )
    name = f"shard.{number:05}.mds"
    entry = {**description, "samples": len(samples), "raw_data": _file(raw, name), "zip_data": None}
    if description["compression"] is not None:
        name, raw = f"{name}.zstd", _compress(raw, description["compression"])
        entry["zip_data"] = _file(raw, name)
    (folder / name).write_bytes(raw)
    return entry


def _file(data: bytes, name: str) -> dict[str, Any]:
    digests = {HASH: hashlib.new(HASH, data).hexdigest()}
    return {"basename": name, "bytes": len(data), "hashes": digests}


def _compress(data: bytes, compression: str) -> bytes:
    import zstandard

    level = int(compression.partition(":")[2] or 3)
    return zstandard.ZstdCompressor(level=level).compress(data)
