# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Names, times and wholeness of checkpoints, without a run."""

from __future__ import annotations

import functools
import io
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foundry_plugins.callbacks.checkpoint_files import (
    Content,
    Place,
    content,
    is_later,
    saved_in,
    set_aside,
    time_of_name,
)
from foundry_plugins.callbacks.checkpoint_repair import _settle
from foundry_plugins.contract.errors import UserError

COUNT = st.integers(0, 10**12)


@functools.cache
def a_file() -> bytes:
    buffer = io.BytesIO()
    torch.save({"weights": torch.arange(200), "time": {"batch": 3}}, buffer)
    return buffer.getvalue()


def shards(folder: Path) -> Path:
    from torch.distributed.checkpoint.filesystem import FileSystemWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save({"w": torch.arange(50.0)}, storage_writer=FileSystemWriter(folder), no_dist=True)
    return folder


@pytest.mark.parametrize(
    ("name", "form", "time"),
    [
        ("ep1-ba20-rank0.pt", "ep{epoch}-ba{batch}-rank0.pt", {"epoch": 1, "batch": 20}),
        ("ep1-ba20-rank1.pt", "ep{epoch}-ba{batch}-rank0.pt", None),
        ("ba7", "ba{batch}", {"batch": 7}),
        ("ba7-ba7", "ba{batch}-ba{batch}", {"batch": 7}),
        ("ba7-ba8", "ba{batch}-ba{batch}", None),
        ("ba0007", "ba{batch:04d}", {"batch": 7}),
        ("ba7-12.5s", "ba{batch}-{total_wct}s", {"batch": 7}),
        ("a+b.pt", "a+b.pt", {}),
        ("ba7.pt.1", "ba{batch}.pt", None),
        ("baXpt", "ba{batch}.pt", None),
    ],
)
def test_times_are_read_off_names(name: str, form: str, time: dict[str, int] | None) -> None:
    assert time_of_name(name, form) == time


@given(COUNT, COUNT, COUNT)
def test_what_is_written_is_read(epoch: int, batch: int, token: int) -> None:
    form = "t{token}-ep{epoch}-ba{batch}.pt"
    time = time_of_name(form.format(epoch=epoch, batch=batch, token=token), form)
    assert time == {"epoch": epoch, "batch": batch, "token": token}


def test_later_by_what_both_know() -> None:
    assert is_later({"epoch": 1, "batch": 20}, {"epoch": 0, "batch": 19})
    assert is_later({"epoch": 1, "batch": 20}, {"batch": 19})
    assert not is_later({"epoch": 1, "batch": 20}, {"epoch": 1, "batch": 20})
    assert not is_later({"epoch": 1, "batch_in_epoch": 2}, {"epoch": 2, "batch_in_epoch": 1})
    assert not is_later({"token": 5}, {"batch": 1})


@settings(max_examples=40)
@given(st.integers(0, len(a_file()) - 1))
def test_any_beginning_of_a_file_is_torn(length: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.pt"
        path.write_bytes(a_file()[:length])
        assert content(path, 1) is Content.TORN
        path.write_bytes(a_file())
        assert content(path, 1) is Content.WHOLE


def test_a_hole_in_the_middle_is_seen(tmp_path: Path) -> None:
    """As a loss of power leaves pages that were never written."""
    path = tmp_path / "file.pt"
    half = len(a_file()) // 2
    path.write_bytes(bytes(half) + a_file()[half:])
    assert content(path, 1) is Content.TORN


def test_shards_are_whole_when_all_are_as_long_as_the_index_says(tmp_path: Path) -> None:
    folder = shards(tmp_path / "ep0-ba1")
    (shard,) = folder.glob("*.distcp")
    assert content(folder, 1) is content(folder, 2) is Content.WHOLE
    os.truncate(shard, shard.stat().st_size - 1)
    assert content(folder, 1) is Content.TORN
    shard.unlink()
    assert content(folder, 1) is Content.TORN
    # It may lie on the other one.
    assert content(folder, 2) is Content.UNSEEN
    for index in (b"", (folder / ".metadata").read_bytes()[:100], bytes(100)):
        (folder / ".metadata").write_bytes(index)
        assert content(folder, 2) is Content.TORN
    (folder / ".metadata").unlink()
    assert content(folder, 2) is Content.TORN


def place(folder: Path, name: str, machines: int = 1) -> Place:
    return Place(folder, name, folder / "latest", machines)


def test_spread_shards_are_believed_when_linked_and_refused_when_not(tmp_path: Path) -> None:
    for batch in (1, 2):
        (shard,) = shards(tmp_path / f"ba{batch}").glob("*.distcp")
        shard.unlink()
    here = place(tmp_path, "ba{batch}", machines=2)
    here.latest.symlink_to("ba1")
    assert _settle(here) == {"batch": 1}
    here.latest.unlink()
    with pytest.raises(UserError, match=rf"ba2 is one cannot.*`ln -sfn ba2 {here.latest}`"):
        _settle(here)


def test_compressed_ones_are_believed_too(tmp_path: Path) -> None:
    for batch in (1, 2):
        (tmp_path / f"ba{batch}.pt.gz").write_bytes(b"x")
    here = place(tmp_path, "ba{batch}.pt.gz")
    here.latest.symlink_to("ba1.pt.gz")
    assert _settle(here) == {"batch": 1}
    here.latest.unlink()
    with pytest.raises(UserError, match="since it is compressed"):
        _settle(here)


def test_what_lies_in_a_folder_comes_oldest_first(tmp_path: Path) -> None:
    for name in ("ba10", "ba9", "ba100", "latest", "set_aside", "ba1.tmp"):
        (tmp_path / name).touch()
    found: list[Any] = [one.path.name for one in saved_in(place(tmp_path, "ba{batch}"))]
    assert found == ["ba9", "ba10", "ba100"]
    assert saved_in(place(tmp_path / "none", "ba{batch}")) == []


def test_what_another_machine_has_moved_is_passed_by(tmp_path: Path) -> None:
    assert set_aside(tmp_path / "gone") is None
