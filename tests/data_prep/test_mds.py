# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Shards: the same bytes as streaming's own writer, and readable by its reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep import mds
from data_prep.pack import TokenDocument, pack
from foundry_plugins.contract.sample import mds_columns, read_fragments, sample_id

LENGTH, VOCAB = 16, 300


@pytest.fixture(scope="module")
def packed() -> Any:
    rng = np.random.default_rng(3)
    documents = [
        TokenDocument(rng.integers(2, VOCAB, size).astype(np.uint32), rng.bytes(20))
        for size in rng.integers(0, 60, 40)
    ]
    byte_lengths = np.ones(VOCAB, dtype=np.int64)
    return pack(
        documents,
        sequence_length=LENGTH,
        eos=0,
        pad=1,
        byte_lengths=byte_lengths,
        dtype="uint16",
    )


@pytest.mark.parametrize("compression", [None, "zstd", "zstd:7"])
@pytest.mark.parametrize("limit", [1500, 1 << 26])
def test_equals_streamings_writer(
    packed: Any, tmp_path: Path, compression: str | None, limit: int
) -> None:
    from streaming import MDSWriter

    ours = mds.write_part(
        tmp_path / "ours",
        packed,
        part=3,
        vocab_size=VOCAB,
        size_limit=limit,
        compression=compression,
    )
    with MDSWriter(
        columns=mds_columns(LENGTH, VOCAB),
        out=str(tmp_path / "theirs"),
        compression=compression,
        hashes=[mds.HASH],
        size_limit=limit,
    ) as writer:
        for index, (tokens, fragments) in enumerate(
            zip(packed.tokens, packed.fragments, strict=True)
        ):
            number = np.uint64(sample_id(3, index))
            writer.write({"tokens": tokens, "sample_id": number, "fragments": fragments.tobytes()})
    theirs = json.loads((tmp_path / "theirs/index.json").read_text())
    assert len(ours) == len(theirs["shards"])
    assert (len(ours) > 1) == (limit == 1500)
    for mine, other in zip(ours, theirs["shards"], strict=True):
        # Two zstd libraries may compress differently; what is in the file may not differ.
        assert {**mine, "zip_data": None} == {**other, "zip_data": None}
        if compression is None:
            name = mine["raw_data"]["basename"]
            left, right = (tmp_path / side / name for side in ("ours", "theirs"))
            assert left.read_bytes() == right.read_bytes()


def test_streaming_reads_merged_parts(packed: Any, tmp_path: Path) -> None:
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    parts = {
        f"{part:05}": mds.write_part(
            tmp_path / f"train/{part:05}",
            packed,
            part=part,
            vocab_size=VOCAB,
            size_limit=1500,
            compression="zstd",
        )
        for part in (0, 2)
    }
    index = json.dumps(mds.merged_index(parts))
    (tmp_path / "train/index.json").write_text(index)
    clean_stale_shared_memory()
    dataset = StreamingDataset(
        local=str(tmp_path), split="train", batch_size=1, validate_hash=mds.HASH
    )
    count = len(packed.tokens)
    assert len(dataset) == 2 * count
    for position in (0, count - 1, count, 2 * count - 1):
        found = dataset[position]
        part, row = divmod(position, count)
        assert found["sample_id"] == sample_id(2 * part, row)
        assert found["tokens"].tolist() == packed.tokens[row].tolist()
        assert found["tokens"].dtype == np.uint16
        assert (read_fragments(found["fragments"]) == packed.fragments[row]).all()
