# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One door to files: the same answers from a folder, a real S3 server and ``pyarrow.fs``."""

from __future__ import annotations

import gzip
import io
import multiprocessing
import os
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep import store
from data_prep.stores import s3
from data_prep.stores.arrow import ArrowStore
from data_prep.stores.ranged import RangedFile
from foundry_plugins.contract.errors import UserError
from tests.data_prep.s3_server import PAGE, S3Server

OBJECTS = {
    name: name.encode()
    for name in (
        "a/b/c/deep.jsonl",
        "a/b/x.bin",
        "a/[1].jsonl",
        "a/1.jsonl",
        "a/y.jsonl",
        "a/.hidden/t.jsonl",
        "a/.dot.jsonl",
        "lang=Python/part-0.parquet",
        "lang=C/part-0.parquet",
        "top.jsonl",
        "with space/ü%20+#&.txt",
    )
}
PATTERNS = {
    "top.jsonl": ["top.jsonl"],
    "a": ["a/1.jsonl", "a/[1].jsonl", "a/b/c/deep.jsonl", "a/b/x.bin", "a/y.jsonl"],
    "a/": ["a/1.jsonl", "a/[1].jsonl", "a/b/c/deep.jsonl", "a/b/x.bin", "a/y.jsonl"],
    "a/*.jsonl": ["a/1.jsonl", "a/[1].jsonl", "a/y.jsonl"],
    "a/?.jsonl": ["a/1.jsonl", "a/y.jsonl"],
    "a/[1y].jsonl": ["a/1.jsonl", "a/y.jsonl"],
    "a/[!1].jsonl": ["a/y.jsonl"],
    "a/[1].jsonl": ["a/[1].jsonl"],  # a file of that name goes before the pattern
    "a/.*.jsonl": ["a/.dot.jsonl"],
    "a/.hidden": ["a/.hidden/t.jsonl"],
    "a/.hidden/*": ["a/.hidden/t.jsonl"],
    "**/*.jsonl": ["a/1.jsonl", "a/[1].jsonl", "a/b/c/deep.jsonl", "a/y.jsonl", "top.jsonl"],
    "a/**": ["a/1.jsonl", "a/[1].jsonl", "a/b/c/deep.jsonl", "a/b/x.bin", "a/y.jsonl"],
    "a/**/c/*": ["a/b/c/deep.jsonl"],
    "*/b": ["a/b/c/deep.jsonl", "a/b/x.bin"],
    "*/b/*.bin": ["a/b/x.bin"],
    "lang=*/part-?.parquet": ["lang=C/part-0.parquet", "lang=Python/part-0.parquet"],
    "lang=*": ["lang=C/part-0.parquet", "lang=Python/part-0.parquet"],
    "with space/ü%20+#&.txt": ["with space/ü%20+#&.txt"],
}


def files_in(folder: Path) -> str:
    for name, data in OBJECTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return str(folder)


@pytest.fixture(scope="module")
def local_root(tmp_path_factory: pytest.TempPathFactory) -> str:
    return files_in(tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_find_in_a_folder(local_root: str, pattern: str) -> None:
    found = store.find(f"{local_root}/{pattern}")
    assert [f.url.removeprefix(f"{local_root}/") for f in found] == PATTERNS[pattern]
    assert [f.size for f in found] == [len(OBJECTS[name]) for name in PATTERNS[pattern]]


def test_find_takes_relative_paths_and_file_urls(
    local_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(local_root)
    assert [f.url for f in store.find("*.jsonl")] == ["top.jsonl"]
    assert [f.url for f in store.find("a/*/x.bin")] == ["a/b/x.bin"]
    assert [f.url for f in store.find(f"file://{local_root}/top.jsonl")] == [
        f"{local_root}/top.jsonl"
    ]


def test_links_to_files_are_found_and_links_to_folders_are_not(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs/1").write_text("data")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.parquet").symlink_to("../blobs/1")
    (tmp_path / "data/loop").symlink_to(".")
    (tmp_path / "data/dangling").symlink_to("nowhere")
    (found,) = store.find(str(tmp_path / "data"))
    assert (found.url, found.size) == (str(tmp_path / "data/a.parquet"), 4)


def test_find_in_s3(s3_server: S3Server, bucket: str) -> None:
    s3_server.fill(bucket, OBJECTS)
    for pattern, names in PATTERNS.items():
        found = store.find(f"{bucket}/{pattern}")
        assert [f.url.removeprefix(f"{bucket}/") for f in found] == names, pattern
        assert [f.size for f in found] == [len(OBJECTS[name]) for name in names]
    assert len(store.find(bucket)) == len([n for n in OBJECTS if "/." not in n])
    # Replaced: another stamp. Equal content: the same.
    (before,) = store.find(f"{bucket}/top.jsonl")
    s3_server.fill(bucket, {"top.jsonl": b"TOP.JSONL"})
    assert store.find(f"{bucket}/top.jsonl")[0].stamp != before.stamp
    s3_server.fill(bucket, {"top.jsonl": OBJECTS["top.jsonl"]})
    assert store.find(f"{bucket}/top.jsonl") == [before]


def test_more_objects_than_one_page_of_a_listing(s3_server: S3Server, bucket: str) -> None:
    names = [f"many/{number:04}" for number in range(2 * PAGE + 1)]
    s3_server.fill(bucket, dict.fromkeys(names, b""))
    assert [f.url for f in store.find(f"{bucket}/many/*")] == [f"{bucket}/{n}" for n in names]


def test_find_through_arrow(local_root: str, tmp_path: Path) -> None:
    from pyarrow import fs

    arrow = ArrowStore("gs://bucket/", fs.LocalFileSystem(), f"{local_root}/")
    for pattern, names in PATTERNS.items():
        found = sorted(f.url for f in store._matches(arrow, f"gs://bucket/{pattern}"))
        assert found == [f"gs://bucket/{name}" for name in names], pattern
    arrow = ArrowStore("gs://bucket/", fs.LocalFileSystem(), f"{tmp_path}/")
    file = Path(local_root) / "top.jsonl"
    arrow.put(file, "gs://bucket/new/folder/top.jsonl")
    found = arrow.info("gs://bucket/new/folder/top.jsonl")
    assert found is not None
    assert arrow.holds(file, found)
    assert (tmp_path / "new/folder/top.jsonl").read_bytes() == b"top.jsonl"
    (tmp_path / "new/folder/top.jsonl").write_bytes(b"TOP.JSONL")
    assert not arrow.holds(file, found)
    with arrow.open("gs://bucket/new/folder/top.jsonl", 4) as opened:
        assert (opened.read(3), opened.seek(-2, 2), opened.read()) == (b"TOP", 7, b"NL")
    arrow.delete(found.url)
    arrow.delete(found.url)
    assert arrow.info(found.url) is None
    assert list(arrow.below("gs://bucket/nothing/")) == []


def test_arrow_writes_to_and_reads_from_a_server(
    s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    """The kind of store that gs:// is, on the server that is here."""
    from pyarrow import fs

    settings = s3_server.environment
    filesystem = fs.S3FileSystem(
        access_key=settings["AWS_ACCESS_KEY_ID"],
        secret_key=settings["AWS_SECRET_ACCESS_KEY"],
        endpoint_override=s3_server.endpoint,
        region="us-east-1",
    )
    arrow = ArrowStore("x://", filesystem, "")
    url = bucket.replace("s3://", "x://")
    file = tmp_path / "file"
    file.write_bytes(random.Random(5).randbytes(1_000_000))
    arrow.put(file, f"{url}/a/file")
    assert [f.url for f in store._matches(arrow, f"{url}/*/f*")] == [f"{url}/a/file"]
    with arrow.open(f"{url}/a/file", 1 << 16) as opened:
        assert opened.read() == file.read_bytes()


@given(
    size=st.integers(0, 300),
    buffer=st.integers(1, 70),
    moves=st.lists(st.tuples(st.integers(0, 2), st.integers(-400, 400), st.integers(-1, 400))),
)
def test_ranged_file_is_like_a_file(
    size: int, buffer: int, moves: list[tuple[int, int, int]]
) -> None:
    data = random.Random(size).randbytes(size)
    ours = io.BufferedReader(RangedFile(lambda start, stop: data[start:stop], size), buffer)
    theirs = io.BytesIO(data)
    for whence, offset, count in moves:
        base = (0, theirs.tell(), size)[whence]
        if base + offset >= 0:
            assert ours.seek(offset, whence) == theirs.seek(base + offset)
        assert ours.read(count) == theirs.read(count)
        assert ours.tell() == theirs.tell()


def test_reads_big_objects_and_ranges(s3_server: S3Server, bucket: str) -> None:
    data = random.Random(1).randbytes(20_000_000)
    s3_server.fill(bucket, {"big": data, "text.gz": gzip.compress(b"line\n" * 100_000)})
    assert store.read_bytes(f"{bucket}/big") == data
    with store.open_read(f"{bucket}/big", 1 << 16) as file:
        assert file.seek(-5, os.SEEK_END) == len(data) - 5
        assert file.read() == data[-5:]
        assert file.seek(12_345_678) == 12_345_678
        assert file.read(200_000) == data[12_345_678:][:200_000]
        assert file.read(1) == data[12_545_678:][:1]
        file.seek(0)
        parts = iter(lambda: file.read(999_999), b"")
        assert b"".join(parts) == data
    with store.open_read(f"{bucket}/text.gz") as file, gzip.open(file) as lines:
        assert sum(1 for _ in lines) == 100_000


def test_reads_parquet(s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"content": [f"text {n}" for n in range(5000)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1000)
    store.upload_file(tmp_path / "a.parquet", f"{bucket}/a.parquet")
    with store.open_read(f"{bucket}/a.parquet") as file:
        read = pq.ParquetFile(file)
        assert read.num_row_groups == 5
        assert read.read_row_group(3)["content"][0].as_py() == "text 3000"


def test_reading_goes_on_when_the_server_comes_back(s3_server: S3Server, bucket: str) -> None:
    data = random.Random(2).randbytes(3_000_000)
    s3_server.fill(bucket, {"big": data})
    with store.open_read(f"{bucket}/big", 1 << 18) as file:
        first = file.read(1_000_000)
        s3_server.kill()
        later = threading.Timer(1.0, s3_server.start)
        later.start()
        assert first + file.read() == data
        later.join()


def test_an_object_that_is_replaced_while_it_is_read(s3_server: S3Server, bucket: str) -> None:
    s3_server.fill(bucket, {"it": b"old" * 1000})
    with store.open_read(f"{bucket}/it", 100) as file:
        assert file.read(3) == b"old"
        s3_server.fill(bucket, {"it": b"new" * 1000})
        with pytest.raises(UserError, match=f"{bucket}/it was replaced while it was read"):
            file.read(1000)


def _child(url: str, queue: Any) -> None:
    queue.put(store.read_bytes(url))


def test_forked_processes_read_what_their_parent_listed(s3_server: S3Server, bucket: str) -> None:
    s3_server.fill(bucket, {"it": b"data"})
    (found,) = store.find(bucket)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=_child, args=(found.url, queue)) for _ in range(4)]
    for child in children:
        child.start()
    assert [queue.get(timeout=60) for _ in children] == [b"data"] * 4
    for child in children:
        child.join()


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_upload_and_holds(s3_server: S3Server, bucket: str, tmp_path: Path, size: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(random.Random(size).randbytes(size))
    store.upload_file(file, f"{bucket}/folder/file")
    assert s3_server.objects(bucket) == {"folder/file": file.read_bytes()}
    (found,) = store.find(f"{bucket}/folder")
    assert store.exists(found.url)
    assert not store.exists(f"{bucket}/folder")
    assert store.holds(file, found)
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    assert not store.holds(file, found)
    store.delete(found.url)
    store.delete(found.url)
    assert store.info(found.url) is None


def test_upload_in_parts(
    s3_server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PART_BYTES", 5 << 20)
    file = tmp_path / "file"
    file.write_bytes(random.Random(3).randbytes(11_000_000))
    store.upload_file(file, f"{bucket}/file")
    (found,) = store.find(f"{bucket}/file")
    assert found.etag.endswith("-3")
    assert store.holds(file, found)
    # An ETag made of other parts is no checksum that can be compared: the object is read back.
    monkeypatch.setattr(s3, "PART_BYTES", 6 << 20)
    assert store.holds(file, found)
    with file.open("r+b") as handle:
        handle.seek(7_000_000)
        handle.write(b"changed")
    assert not store.holds(file, found)


def test_upload_to_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"data")
    store.upload_file(file, str(tmp_path / "a/b"))
    (found,) = store.find(str(tmp_path / "a"))
    assert store.holds(file, found)
    (tmp_path / "a/b").write_bytes(b"atad")
    assert not store.holds(file, found)


def test_upload_waits_for_the_server(s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"data")
    store.upload_file(file, f"{bucket}/before")
    s3_server.kill()
    later = threading.Timer(1.0, s3_server.start)
    later.start()
    store.upload_file(file, f"{bucket}/after")
    later.join()
    assert store.read_bytes(f"{bucket}/after") == b"data"
