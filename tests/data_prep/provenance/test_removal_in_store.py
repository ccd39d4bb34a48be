# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Removal from a dataset in a real S3 server leaves what removal from the folder leaves."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data_prep import cli, store, transfer, upload, verify
from data_prep.licenses.opt_out import OptOut
from data_prep.provenance import removal, removal_in_store, removed
from data_prep.provenance.dataset import Dataset
from data_prep.stores.s3 import S3Store
from foundry_plugins.contract.errors import UserError
from tests.data_prep.s3_server import S3Server


@pytest.fixture(autouse=True)
def _few_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "WORKERS", 2)


@pytest.fixture
def alice(tmp_path: Path) -> OptOut:
    path = tmp_path / "opt_out.txt"
    path.write_text("alice")
    return OptOut.read([str(path)])


@pytest.fixture
def small(build: Any, corpus: Any, tmp_path: Path) -> Path:
    parts = {name: [d for d in found if len(d.text) < 2500] for name, found in corpus.items()}
    return build(tmp_path / "small", parts)


def visible(root: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
    content = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    return {name: data for name, data in content.items() if not name.startswith(".")}


def stored(server: S3Server, url: str) -> dict[str, bytes]:
    return {key.removeprefix("data/"): data for key, data in server.objects(url).items()}


def test_a_store_ends_as_a_folder_does(
    s3_server: S3Server, bucket: str, small: Path, tmp_path: Path, alice: OptOut
) -> None:
    url = f"{bucket}/data"
    upload.publish(small, url)
    before = stored(s3_server, bucket)
    planned = removal_in_store.remove(f"{url}/", alice, dry_run=True)
    assert planned == removal.remove(small, alice, dry_run=True)
    assert stored(s3_server, bucket) == before

    summary = removal_in_store.remove(url, alice)
    with pytest.raises(UserError, match=r"still holds \d+ documents .* took out of s3://.*; run"):
        upload.publish(small, url)
    assert summary == removal.remove(small, alice)
    assert summary["documents"] == planned["documents"] > 1
    assert stored(s3_server, bucket) == visible(small)
    assert upload.publish(small, url)["sent"] == 0
    assert verify.verify(url)["num_faults"] == verify.verify(small)["num_faults"]
    report = tmp_path / "report.json"
    words = ["remove", "--data", url, "--opt-out", str(tmp_path / "opt_out.txt")]
    done = CliRunner().invoke(cli.app, [*words, "--report", str(report)])
    assert "nothing was changed" in done.output
    again = json.loads(report.read_text())
    assert (again["documents"], again["finished"], again["dry_run"]) == (0, 0, False)
    assert stored(s3_server, bucket) == visible(small)


def test_only_what_is_affected_travels(
    s3_server: S3Server, bucket: str, small: Path, tmp_path: Path
) -> None:
    """What is not affected need not even be there."""
    url = f"{bucket}/data"
    upload.publish(small, url)
    opt_out = tmp_path / "one.txt"
    record = next(r for r in Dataset.open(small).describe("train-00001", range(3)))
    opt_out.write_text(record["swhid"])
    names = OptOut.read([str(opt_out)])
    gone = removal.by_part(removal.affected(Dataset.open(small), names))
    assert list(gone) == ["train-00001"]
    for name in stored(s3_server, bucket):
        if name.startswith(("train/00000/", "validation/00000/", "documents/train-00000")):
            store.delete(f"{url}/{name}")
    summary = removal_in_store.remove(url, names)
    assert summary["shards"] == removal.remove(small, names)["shards"]
    now, expected = stored(s3_server, bucket), visible(small)
    assert all(expected[name] == content for name, content in now.items())


def killed(number: int, work: Callable[[], object]) -> bool:
    """Whether the work and its workers were killed, all at once, before a change of the store."""
    child = os.fork()
    if child == 0:
        os.setsid()
        left = multiprocessing.Value("i", number)

        def around(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any) -> Any:
                with left.get_lock():
                    left.value -= 1
                    if left.value == 0:
                        os.killpg(0, signal.SIGKILL)
                return function(*arguments)

            return call

        S3Store.put, S3Store.delete = around(S3Store.put), around(S3Store.delete)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.slow
def test_killed_anywhere_the_next_one_finishes_it(
    s3_server: S3Server, bucket: str, small: Path, tmp_path: Path, alice: OptOut
) -> None:
    expected = Path(shutil.copytree(small, tmp_path / "expected"))
    assert removal.remove(expected, alice)["documents"] > 1
    nobody = tmp_path / "nobody.txt"
    nobody.write_text("nobody")
    upload.publish(small, f"{bucket}/data")
    objects = s3_server.objects(bucket)
    number, was_killed = -1, True
    while was_killed:
        number += 7
        target = s3_server.new_bucket()
        s3_server.fill(target, objects)
        was_killed = killed(
            number, lambda url=target: removal_in_store.remove(f"{url}/data", alice)
        )
        if store.exists(f"{target}/data/{removed.PENDING}"):
            # Whatever the next list is, the first is finished.
            found = removal_in_store.remove(f"{target}/data", OptOut.read([str(nobody)]))
            assert found["finished"] > 1
        removal_in_store.remove(f"{target}/data", alice)
        assert stored(s3_server, target) == visible(expected), number
    assert number > 15


def test_no_dataset(bucket: str, alice: OptOut) -> None:
    with pytest.raises(UserError, match=r"holds no map of samples to files .* uploaded to"):
        removal_in_store.remove(f"{bucket}/nothing", alice)
