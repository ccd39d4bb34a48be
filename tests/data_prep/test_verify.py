# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Sound datasets pass; what is wrong with a file is named, and faults are counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zstandard

from data_prep import upload, verify
from data_prep.verify_shard import runs
from foundry_plugins.contract.errors import UserError
from tests.data_prep import small_dataset
from tests.data_prep.damaged_dataset import SHARD, faults, rewrite, sample_editor, set_field
from tests.data_prep.s3_server import S3Server
from tests.data_prep.small_dataset import LENGTH

# Sound


@pytest.mark.parametrize("compression", [None, "zstd", "zstd:9"])
def test_a_sound_dataset(tmp_path: Path, compression: str | None) -> None:
    root = small_dataset.build(tmp_path / "data", compression=compression)
    result = verify.verify(root, workers=2)
    verify.require_sound(result)
    report = json.loads((root / "report.json").read_text())["splits"]
    assert result["num_faults"] == 0
    for split in ("train", "validation"):
        figures = result["splits"][split]
        assert {name: figures[name] for name in report[split]} == report[split]
        files = list((root / split).rglob("shard.*"))
        assert figures["shards"] == len(files) > 2
        assert figures["stored_bytes"] == sum(path.stat().st_size for path in files)
        assert (figures["unlisted_files"], figures["faults"]) == (0, 0)


def test_one_split_alone_and_a_home_path(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify.verify(dataset / "train")["splits"].keys() == {""}
    assert faults(dataset / "train") == []
    monkeypatch.setenv("HOME", str(dataset.parent))
    assert faults("~/data/") == []
    monkeypatch.chdir(dataset)
    assert faults(".") == []


def test_blocks_change_nothing(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = verify.verify(dataset)
    monkeypatch.setattr("data_prep.verify_shard._BLOCK_TOKENS", 3 * LENGTH)
    parts = verify.verify(dataset)
    assert {**whole, "seconds": 0} == {**parts, "seconds": 0}


def test_another_writers_shards(tmp_path: Path) -> None:
    from streaming import MDSWriter

    options = {"compression": "zstd", "hashes": ["sha1", "xxh3_64"], "size_limit": 2000}
    with MDSWriter(out=str(tmp_path), columns={"text": "str", "n": "int"}, **options) as writer:
        for number in range(100):
            writer.write({"text": "word " * number, "n": number})
    assert faults(tmp_path) == []
    result = verify.verify(tmp_path)["splits"][""]
    assert (result["samples"], result["tokens"]) == (100, 0)
    name = "shard.00002.mds.zstd"
    flip(tmp_path / name)
    assert {file for file, _, _ in faults(tmp_path)} == {name}


def test_in_an_object_store(s3_server: S3Server, bucket: str, dataset: Path) -> None:
    upload.publish(dataset, f"{bucket}/a/data")
    here, there = verify.verify(dataset), verify.verify(f"{bucket}/a/data/", workers=2)
    assert there["url"] == f"{bucket}/a/data"
    assert here["splits"] == there["splits"]
    assert faults(f"{bucket}/a/data/train") == []
    damaged = bytearray((dataset / SHARD).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    s3_server.fill(bucket, {f"a/data/{SHARD}": bytes(damaged)})
    s3_server.client.delete_object(
        Bucket=bucket.removeprefix("s3://"), Key="a/data/train/00000/shard.00000.mds.zstd"
    )
    found = faults(f"{bucket}/a/data")
    assert ("train/00000/shard.00000.mds.zstd", None, "is missing") in found
    assert {file for file, _, _ in found} == {SHARD, "train/00000/shard.00000.mds.zstd"}


# Files


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("compression", [None, "zstd"])
def test_a_flipped_bit(tmp_path: Path, place: float, compression: str | None) -> None:
    root = small_dataset.build(tmp_path / "data", compression=compression)
    name = SHARD if compression else SHARD.removesuffix(".zstd")
    flip(root / name, place)
    found = faults(root)
    assert {file for file, _, _ in found} == {name}
    assert "has the sha256" in found[0][2]


def test_a_missing_shard(dataset: Path) -> None:
    (dataset / SHARD).unlink()
    assert faults(dataset) == [(SHARD, None, "is missing")]


def test_a_truncated_and_a_lengthened_shard(dataset: Path) -> None:
    size = (dataset / SHARD).stat().st_size
    content = (dataset / SHARD).read_bytes()
    (dataset / SHARD).write_bytes(content[:-7])
    text = f"has {size - 7} bytes, and {size} by the index"
    assert faults(dataset) == [(SHARD, None, text)]
    (dataset / SHARD).write_bytes(content + b"x")
    assert faults(dataset) == [(SHARD, None, f"has {size + 1} bytes, and {size} by the index")]
    (dataset / SHARD).write_bytes(b"")
    assert faults(dataset) == [(SHARD, None, f"has 0 bytes, and {size} by the index")]


def test_a_broken_copy_that_a_reader_decompressed(dataset: Path) -> None:
    copy = dataset / SHARD.removesuffix(".zstd")
    raw = zstandard.decompress((dataset / SHARD).read_bytes())
    copy.write_bytes(raw)
    assert faults(dataset) == []
    copy.write_bytes(raw[:-1])
    text = "the decompressed copy beside it has"
    assert [(f, t[: len(text)]) for f, _, t in faults(dataset)] == [(SHARD, text)]


def test_files_that_no_index_names_are_counted(dataset: Path) -> None:
    (dataset / "train/00001/shard.00099.mds.zstd").write_bytes(b"of a run that died")
    result = verify.verify(dataset)
    assert result["num_faults"] == 0
    assert result["splits"]["train"]["unlisted_files"] == 1


# What is said


def test_all_faults_are_counted_and_the_first_are_shown(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def spoil(raw: bytearray, offsets: np.ndarray) -> None:
        for sample in range(len(offsets) - 1):
            sample_editor(sample, set_field("target", 99))(raw, offsets)

    count = len(_offsets(dataset, SHARD)) - 1
    rewrite(dataset, SHARD, spoil)
    result = verify.verify(dataset)
    assert result["num_faults"] == count > len(result["faults"]) == 10
    verify.show(result, tmp_path / "verify.json")
    shown = capsys.readouterr().out
    assert f"{SHARD}, sample 0: has a fragment whose target is outside of it" in shown
    assert f"{count} faults" in shown
    assert json.loads((tmp_path / "verify.json").read_text()) == result
    with pytest.raises(UserError, match=rf"data has {count} faults: {SHARD}, sample 0: has a frag"):
        verify.require_sound(result)


def _offsets(root: Path, name: str) -> np.ndarray:
    raw = zstandard.decompress((root / name).read_bytes())
    return np.frombuffer(raw, "<u4", int.from_bytes(raw[:4], "little") + 1, 4)


def test_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no dataset \(index.json\); give the folder of one"):
        verify.verify(tmp_path)


def test_runs() -> None:
    assert runs(np.array([5, 6, 7, 9, 3, 4], dtype=np.uint64)) == [(5, 3), (9, 1), (3, 2)]
    assert runs(np.array([2**63 + 1], dtype=np.uint64)) == [(2**63 + 1, 1)]
