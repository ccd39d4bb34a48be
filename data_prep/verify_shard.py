# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One shard, read again: is the file what the index says, and its samples what they should be.

The file's bytes and hashes, as stored and decompressed; the structure (`data_prep.mds`); then, for
samples of this project's kind, everything that `foundry_plugins.contract.sample` promises. Samples
are looked at in blocks, so that memory is one shard and a constant, whatever its length.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from data_prep import store
from data_prep.verify_samples import Block, Counts, check_block
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sample import FRAGMENT, DatasetMetadata, mds_columns
from foundry_plugins.contract.token_bytes import token_bytes

# Of one shard, the first faults are shown and all are counted.
FAULTS_SHOWN = 10
_BLOCK_TOKENS = 1 << 22


@dataclasses.dataclass(frozen=True, slots=True)
class Shard:
    """What to check.

    Attributes:
        folder: Url of the split.
        name: Of the stored file, from the dataset's root.
        entry: Of the index.
        metadata: Of the split; None for another writer's samples.
        tokenizer: Url of ``tokenizer.json``; None if there is none.
        decompressed: Whether a reader left a decompressed copy beside the file.
    """

    folder: str
    name: str
    entry: dict[str, Any]
    metadata: DatasetMetadata | None
    tokenizer: str | None
    decompressed: bool


@dataclasses.dataclass
class Findings:
    """What a shard holds, and what is wrong with it.

    Attributes:
        counts: Of its samples.
        ids: Runs of consecutive sample ids: first, number of them.
        faults: The first ones: sample (place in the shard) or None, and a sentence.
        num_faults: All.
    """

    counts: Counts = dataclasses.field(default_factory=Counts)
    ids: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    faults: list[tuple[int | None, str]] = dataclasses.field(default_factory=list)
    num_faults: int = 0

    def add(self, fault: str, sample: int | None = None) -> None:
        """Notes a fault."""
        self.num_faults += 1
        if len(self.faults) < FAULTS_SHOWN:
            self.faults.append((sample, fault))


def check_shard(shard: Shard) -> Findings:
    """Reads a shard and checks all of it."""
    findings = Findings()
    raw = _raw(shard, findings)
    if raw is not None and (offsets := _offsets(raw, shard.entry, findings)) is not None:
        findings.counts.samples = len(offsets) - 1
        if shard.metadata is not None:
            _check_samples(raw, offsets, shard, shard.metadata, findings)
    return findings


def _raw(shard: Shard, findings: Findings) -> bytes | None:
    """The decompressed bytes, if they can be had."""
    zipped, raw_file = shard.entry.get("zip_data"), shard.entry["raw_data"]
    stored = zipped or raw_file
    data = _read(store.join(shard.folder, stored["basename"]), stored, findings, "")
    if shard.decompressed:
        # Readers prefer it to the compressed one.
        url = store.join(shard.folder, raw_file["basename"])
        _read(url, raw_file, findings, "the decompressed copy beside it ")
    if data is None or not zipped:
        return data
    raw = _decompress(data, shard.entry["compression"], raw_file["bytes"], findings)
    if raw is not None:
        _compare(raw, raw_file, findings, "decompressed, it ")
    return raw


def _read(url: str, file: dict[str, Any], findings: Findings, subject: str) -> bytes | None:
    if store.info(url) is None:
        findings.add(f"{subject}is missing")
        return None
    try:
        data = store.read_bytes(url)
    except UserError as error:
        if store.is_remote(url):
            raise
        # A disk that cannot read one file may well read the others.
        findings.add(f"{subject}cannot be read ({error})")
        return None
    return data if _compare(data, file, findings, subject) else None


def _compare(data: bytes, file: dict[str, Any], findings: Findings, subject: str) -> bool:
    """Size and hashes against the index; whether it is worth looking inside."""
    if len(data) != file["bytes"]:
        findings.add(f"{subject}has {len(data)} bytes, and {file['bytes']} by the index")
        return False
    for algorithm, expected in file["hashes"].items():
        found = _digest(data, algorithm)
        if found is None:
            findings.add(f"{subject}has a hash of an unknown kind, {algorithm}")
        elif found != expected:
            findings.add(
                f"{subject}has the {algorithm} {found[:16]}..., and {expected[:16]}... by the index"
            )
    return True


def _digest(data: bytes, algorithm: str) -> str | None:
    if algorithm in hashlib.algorithms_available:
        return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    import xxhash

    if algorithm in xxhash.algorithms_available:
        return getattr(xxhash, algorithm)(data).hexdigest()
    return None


def _decompress(data: bytes, compression: str, size: int, findings: Findings) -> bytes | None:
    import zstandard

    if compression.partition(":")[0] != "zstd":
        findings.add(f"is compressed by {compression}, which cannot be checked here")
        return None
    try:
        # One byte more than expected is enough to see that it is too long.
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as reader:
            raw = reader.read(size + 1)
    except zstandard.ZstdError as error:
        findings.add(f"does not decompress ({error})")
        return None
    if len(raw) != size:
        length = f"{len(raw)} bytes" if len(raw) < size else f"more than {size} bytes"
        findings.add(f"has {length} when decompressed, and {size} by the index")
        return None
    return raw


def _offsets(raw: bytes, entry: dict[str, Any], findings: Findings) -> np.ndarray | None:
    """Where the samples start, and the end; None unless they fill the shard in order."""
    count = int.from_bytes(raw[:4], "little")
    if count != entry["samples"]:
        findings.add(f"holds {count} samples, and {entry['samples']} by the index")
    start = 4 + 4 * (count + 1)
    if len(raw) < start:
        findings.add(f"is too short for the offsets of {count} samples")
        return None
    offsets = np.frombuffer(raw, "<u4", count + 1, 4).astype(np.int64)
    if offsets[0] < start or offsets[-1] != len(raw) or (np.diff(offsets) <= 0).any():
        findings.add("has offsets that do not lead through its samples in order")
        return None
    try:
        described = json.loads(raw[start : offsets[0]])
    except ValueError:
        described = None
    names = ("column_names", "column_encodings", "column_sizes")
    if not isinstance(described, dict) or any(described.get(n) != entry.get(n) for n in names):
        findings.add("describes its columns in another way than the index")
        return None
    return offsets


def _check_samples(
    raw: bytes, offsets: np.ndarray, shard: Shard, metadata: DatasetMetadata, findings: Findings
) -> None:
    columns = mds_columns(metadata.sequence_length, metadata.vocab_size)
    found = dict(zip(shard.entry["column_names"], shard.entry["column_encodings"], strict=True))
    if found != columns:
        findings.add(f"has the columns {found}, and {columns} by its metadata")
        return
    table = _byte_lengths(shard.tokenizer) if shard.tokenizer else None
    ids = []
    for block in _blocks(raw, offsets, metadata, findings):
        for sample, fault in check_block(block, metadata, table, findings.counts):
            findings.add(fault, sample)
        ids.append(block.ids)
    if ids:
        findings.ids = runs(np.concatenate(ids))


def _blocks(
    raw: bytes, offsets: np.ndarray, metadata: DatasetMetadata, findings: Findings
) -> Iterator[Block]:
    """The samples, some at a time; those whose columns do not fit are a fault and left out."""
    width = metadata.sequence_length * np.dtype(metadata.token_dtype).itemsize
    step = max(1, _BLOCK_TOKENS // metadata.sequence_length)
    for first in range(0, len(offsets) - 1, step):
        places, fragments, ids, tokens = [], [], [], []
        bounds = offsets[first : first + step + 1].tolist()
        for place, (begin, end) in enumerate(itertools.pairwise(bounds), first):
            size = int.from_bytes(raw[begin : begin + 4], "little")
            if end - begin != 4 + size + 8 + width or size % FRAGMENT.itemsize or size == 0:
                findings.add("has columns that do not add up to its size", place)
                continue
            places.append(place)
            fragments.append(raw[begin + 4 : begin + 4 + size])
            ids.append(raw[end - width - 8 : end - width])
            tokens.append(raw[end - width : end])
        if places:
            yield Block.join(places, fragments, ids, tokens, metadata)


@functools.cache
def _byte_lengths(url: str) -> np.ndarray | None:
    """Bytes of every token id; None for a vocabulary that does not tell."""
    data = store.read_bytes(url)
    try:
        table = token_bytes(data.decode())
    except (ValueError, KeyError, TypeError, AttributeError):
        # A broken file is told of where its fingerprint is compared.
        return None
    return np.array([len(token) for token in table], dtype=np.int32)


def runs(ids: np.ndarray) -> list[tuple[int, int]]:
    """Consecutive ids as (first, number of them)."""
    breaks = np.flatnonzero(np.diff(ids) != 1) + 1
    starts = np.concatenate([[0], breaks])
    lengths = np.diff(np.concatenate([starts, [len(ids)]]))
    return [(int(ids[s]), int(n)) for s, n in zip(starts, lengths, strict=True)]
