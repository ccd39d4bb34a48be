# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The same rows from an object store as from a folder: a real S3 server."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

from data_prep import store


def upload(folder: Path, url: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            store.upload_file(path, f"{url}/{path.relative_to(folder)}")


def test_rows_and_contents(
    bucket: str, read_source: Any, write_lines: Any, write_parquet: Any, tmp_path: Path
) -> None:
    texts = [b"a = 1\n", b"b = 2\n", b"c = 3\n"]
    ids = [hashlib.sha1(text).hexdigest() for text in texts]
    for blob_id, text in zip(ids, texts, strict=True):
        path = tmp_path / "all/contents" / blob_id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text))
    rows = [{"blob_id": b, "path": f"{b}.py", "language": "Python"} for b in [*ids, "0" * 40]]
    write_parquet("all/v2/data/Python/a.parquet", rows, group=2)
    stack = [
        {"content": "x = 1", "lang": "Python", "max_stars_repo_path": f"{n}.py"} for n in range(9)
    ]
    write_parquet("all/v1/data/python/a.parquet", stack, group=4)
    lines = write_lines("all/pajama/arxiv/a.jsonl", {"text": "x", "meta": {}}, b"{broken")
    packed = gzip.compress(lines.read_bytes() * 100)
    lines.with_suffix(".jsonl.gz").write_bytes(packed[: len(packed) - 20])
    upload(tmp_path / "all", bucket)

    def read(root: str) -> list[Any]:
        found = [
            *read_source("the_stack", paths=[f"{root}/v1"]),
            *read_source("redpajama", paths=[f"{root}/pajama/*/*"]),
            *read_source("the_stack_v2", paths=[f"{root}/v2"], content=f"{root}/contents"),
        ]
        return [repr(item).replace(root, "") for item in found]

    here = read(str(tmp_path / "all"))
    assert len(here) > 9 + 2 + 4
    assert sum("'truncated'" in item for item in here) == 1
    assert sum("'unreadable'" in item for item in here) == 1
    assert read(bucket) == here
