# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Publishing to a real S3 server that is killed, refuses and comes back."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from data_prep import store, upload
from data_prep.stores import s3
from foundry_plugins.contract.errors import UserError
from tests.data_prep import small_dataset
from tests.data_prep.s3_server import READER_KEY, READER_SECRET, S3Server

INDEXES = {"train/index.json", "validation/index.json"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_dataset.build(tmp_path / "data")


def visible(folder: Path) -> dict[str, bytes]:
    """What has to be in the store: every file but the work folder's."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    content = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: data for name, data in content.items() if not name.startswith(".")}


def stored(server: S3Server, url: str) -> dict[str, bytes]:
    """What is in the store, below ``data/`` of a bucket."""
    return {key.removeprefix("data/"): data for key, data in server.objects(url).items()}


class Outage(threading.Thread):
    """Kills the server once it has taken so many objects; starts it again if told to."""

    def __init__(self, server: S3Server, objects: int, *, seconds: float | None) -> None:
        super().__init__()
        self.server = server
        self.after = server.num_stored + objects
        self.seconds = seconds
        self.start()

    def run(self) -> None:
        while self.server.num_stored < self.after:
            time.sleep(0.005)
        self.server.kill()
        if self.seconds is not None:
            time.sleep(self.seconds)
            self.server.start()


def test_everything_arrives_and_a_second_run_sends_nothing(
    s3_server: S3Server, bucket: str, folder: Path
) -> None:
    figures = upload.publish(folder, f"{bucket}/data", workers=3)
    assert stored(s3_server, bucket) == visible(folder)
    total = sum(map(len, visible(folder).values()))
    assert figures == {
        "url": f"{bucket}/data",
        "files": len(visible(folder)),
        "bytes": total,
        "sent": len(visible(folder)),
        "sent_bytes": total,
        "others": 0,
    }
    s3_server.fill(bucket, {"data/notes.txt": b"of somebody else"})
    again = upload.publish(folder, f"{bucket}/data/", workers=3)
    assert again == {**figures, "sent": 0, "sent_bytes": 0, "others": 1}
    assert stored(s3_server, bucket).pop("notes.txt") == b"of somebody else"


def test_the_host_streams_what_was_uploaded(
    s3_server: S3Server, bucket: str, folder: Path, tmp_path: Path
) -> None:
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    upload.publish(folder, f"{bucket}/data")
    for split in ("train", "validation"):
        clean_stale_shared_memory()
        ours = StreamingDataset(local=str(folder), split=split, batch_size=1)
        cache = tmp_path / "cache"
        theirs = StreamingDataset(
            remote=f"{bucket}/data",
            local=str(cache),
            split=split,
            batch_size=1,
            validate_hash="sha256",
        )
        assert len(ours) == len(theirs) > 25
        for number in range(len(ours)):
            left, right = ours[number], theirs[number]
            assert left["sample_id"] == right["sample_id"]
            assert left["fragments"] == right["fragments"]
            assert (left["tokens"] == right["tokens"]).all()


def test_shards_that_a_reader_decompressed_stay_here(
    s3_server: S3Server, bucket: str, folder: Path
) -> None:
    before = visible(folder)
    (folder / "train/00000/shard.00000.mds").write_bytes(b"decompressed")
    upload.publish(folder, f"{bucket}/data")
    assert stored(s3_server, bucket) == before


def test_the_server_is_killed_and_comes_back(
    s3_server: S3Server, bucket: str, folder: Path
) -> None:
    outage = Outage(s3_server, 4, seconds=1.0)
    figures = upload.publish(folder, f"{bucket}/data", workers=2)
    outage.join()
    assert figures["sent"] == len(visible(folder))
    for name, data in visible(folder).items():
        # Not by a listing: after a kill this server's may lack what it holds.
        assert store.read_bytes(f"{bucket}/data/{name}") == data


def test_no_index_when_the_server_stays_away_and_a_rerun_sends_the_rest(
    s3_server: S3Server, bucket: str, folder: Path
) -> None:
    outage = Outage(s3_server, 5, seconds=None)
    with pytest.raises(UserError, match=r"(write|reach) s3://.*: gave up after"):
        upload.publish(folder, f"{bucket}/data", workers=2, patience_seconds=2)
    outage.join()
    s3_server.start()
    there = stored(s3_server, bucket)
    assert 0 < len(there) < len(visible(folder))
    assert not there.keys() & INDEXES
    figures = upload.publish(folder, f"{bucket}/data", workers=2)
    assert figures["sent"] == len(visible(folder)) - len(there)
    for name, data in visible(folder).items():
        assert store.read_bytes(f"{bucket}/data/{name}") == data


def test_the_uploader_is_killed(s3_server: S3Server, bucket: str, folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    before = s3_server.num_stored
    uploader = context.Process(target=upload.publish, args=(folder, f"{bucket}/data"))
    uploader.start()
    while s3_server.num_stored < before + 4:
        time.sleep(0.005)
    uploader.kill()
    uploader.join()
    there = stored(s3_server, bucket)
    assert 0 < len(there) < len(visible(folder))
    assert not there.keys() & INDEXES
    upload.publish(folder, f"{bucket}/data")
    assert stored(s3_server, bucket) == visible(folder)


def test_a_changed_dataset_has_no_index_until_it_is_whole(
    s3_server: S3Server, bucket: str, folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    upload.publish(folder, f"{bucket}/data")
    changed = small_dataset.build(tmp_path / "changed", seed=2)
    for path in (changed / "validation").rglob("*"):
        if path.is_file():
            path.write_bytes((folder / path.relative_to(changed)).read_bytes())

    def refuse(self: s3.S3Store, local: Path, url: str) -> None:
        raise UserError(f"Access denied: may not write {url}.")

    with monkeypatch.context() as patch:
        patch.setattr(s3.S3Store, "put", refuse)
        with pytest.raises(UserError, match="Access denied"):
            upload.publish(changed, f"{bucket}/data")
    there = stored(s3_server, bucket)
    # The untouched split stays readable.
    assert there.keys() & INDEXES == {"validation/index.json"}
    upload.publish(changed, f"{bucket}/data")
    there = stored(s3_server, bucket)
    assert {name: there[name] for name in visible(changed)} == visible(changed)


def test_a_damaged_object_of_equal_size_is_sent_again(
    s3_server: S3Server, bucket: str, folder: Path
) -> None:
    upload.publish(folder, f"{bucket}/data")
    name = "data/train/00001/shard.00000.mds.zstd"
    data = bytearray(s3_server.objects(bucket)[name])
    data[100] ^= 1
    s3_server.fill(bucket, {name: bytes(data)})
    figures = upload.publish(folder, f"{bucket}/data")
    # The shard, and the index that was withdrawn meanwhile.
    assert figures["sent"] == 2
    assert stored(s3_server, bucket) == visible(folder)


def test_a_transfer_that_arrives_damaged_is_repeated(
    s3_server: S3Server, bucket: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object is overwritten behind the uploader's back, as by a store that lies."""
    file = folder / "report.json"
    put, damaged = s3.S3Store._equal, []

    def damage(self: s3.S3Store, local: Path, etag: str, found: store.Found) -> bool:
        if not damaged:
            damaged.append(found.url)
            s3_server.fill(bucket, {"report.json": b"x" * found.size})
            found = store.info(found.url) or found
        return put(self, local, etag, found)

    monkeypatch.setattr(s3.S3Store, "_equal", damage)
    store.upload_file(file, f"{bucket}/report.json")
    assert damaged
    assert s3_server.objects(bucket) == {"report.json": file.read_bytes()}


@pytest.mark.parametrize("remote", [False, True])
def test_an_incomplete_folder_is_not_uploaded(
    request: pytest.FixtureRequest, folder: Path, tmp_path: Path, remote: bool
) -> None:
    url = request.getfixturevalue("bucket") if remote else str(tmp_path / "target")
    shard = folder / "train/00001/shard.00000.mds.zstd"
    data = shard.read_bytes()
    shard.write_bytes(data[:-1])
    with pytest.raises(UserError, match=rf"shard.00000.mds.zstd should have {len(data)} bytes and"):
        upload.publish(folder, url)
    shard.unlink()
    with pytest.raises(UserError, match=r"00001/shard.00000.mds.zstd should .* is missing; run"):
        upload.publish(folder, url)
    (folder / "train/index.json").write_text("{}")
    with pytest.raises(UserError, match=r"train/index.json is not an index of shards"):
        upload.publish(folder, url)
    assert not store.files_below(url)


def test_publishing_to_a_folder(folder: Path, tmp_path: Path) -> None:
    upload.publish(folder, str(tmp_path / "copy"))
    assert visible(tmp_path / "copy") == visible(folder)
    assert upload.publish(folder, str(tmp_path / "copy"))["sent"] == 0


def test_mistakes(
    bucket: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"There is no folder .*/nothing to upload"):
        upload.publish(tmp_path / "nothing", bucket)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no file to upload"):
        upload.publish(tmp_path / "empty", bucket)
    with pytest.raises(UserError, match="There is no bucket 'nowhere' for s3://nowhere/data/"):
        upload.publish(folder, "s3://nowhere/data")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", READER_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", READER_SECRET)
    with pytest.raises(UserError, match="Access denied: may not list s3://"):
        upload.publish(folder, bucket)
    assert json.loads((folder / "report.json").read_text())
