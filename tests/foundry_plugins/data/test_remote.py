# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Shards in a bucket, read through a cache that cannot hold them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.pack import TokenDocument
from tests.data_prep.s3_server import S3Server, bucket, s3_server
from tests.foundry_plugins.data.written_shards import load_tokenizer, loader, rows, write_own

__all__ = ["bucket", "s3_server"]  # fixtures

# Of this the index takes a third. Less, and shards would be evicted before they are read, which
# the host waits out for ever.
LIMIT = 60_000
SHARD = 2_500


@pytest.fixture
def shards(root: Path, tmp_path: Path) -> Path:
    """Some forty shards."""
    tokenizer = load_tokenizer(root)
    documents = [
        TokenDocument(
            np.array(tokenizer(f"def f{n}(x):\n    return {n}\n" * 4)["input_ids"]), bytes(20)
        )
        for n in range(400)
    ]
    return write_own(tmp_path / "written/train", tokenizer, documents, size_limit=SHARD)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("workers", "limit"), [(0, LIMIT), (2, None)])
def test_a_bucket_gives_the_same_rows(
    root: Path,
    tmp_path: Path,
    shards: Path,
    s3_server: S3Server,
    bucket: str,
    workers: int,
    limit: int | None,
) -> None:
    tokenizer = load_tokenizer(root)
    files = {f"data/train/{path.name}": path.read_bytes() for path in shards.iterdir()}
    assert sum(map(len, files.values())) > 1.5 * LIMIT
    s3_server.fill(bucket, files)
    common: dict[str, Any] = {"split": "train", "fim": {"rate": 0.9}, "shuffle": True}
    # In blocks of a shuffle that reach over a few shards.
    common |= {"shuffle_block_size": 60, "shuffle_algo": "py1br"}
    expected = loader(tokenizer, local=str(shards.parent), **common)
    cache = tmp_path / "cache"
    remote = loader(
        tokenizer,
        local=str(cache),
        remote=f"{bucket}/data",
        cache_limit=limit,
        predownload=8,
        workers=workers,
        **common,
    )
    for _ in range(2):
        assert rows(remote) == rows(expected)
        kept = sum(path.stat().st_size for path in cache.rglob("*.mds"))
        assert 0 < kept <= (limit or sum(map(len, files.values())))


def test_worker_processes_share_no_connection(
    root: Path, tmp_path: Path, shards: Path, s3_server: S3Server, bucket: str
) -> None:
    """The host's would, and mix up what they read."""
    from streaming import StreamingDataset

    files = {f"data/train/{path.name}": path.read_bytes() for path in shards.iterdir()}
    s3_server.fill(bucket, files)
    place = {"remote": f"{bucket}/data", "split": "train"}
    host = StreamingDataset(local=str(tmp_path / "host"), batch_size=4, **place)
    assert host.streams[0]._downloader._s3_client is not None
    ours = loader(load_tokenizer(root), local=str(tmp_path / "ours"), **place).dataloader.dataset
    assert ours.streams[0]._downloader._s3_client is None
    ours.first_of(0)
    assert ours.streams[0]._downloader._s3_client is None
