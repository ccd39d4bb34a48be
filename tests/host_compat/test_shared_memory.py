# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Names of shared memory: what the host takes, and what killed runs leave in its way."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from streaming import MDSWriter, StreamingDataset
from streaming.base.constant import LOCALS, NEXT_EPOCH
from streaming.base.shared import prefix

from foundry_plugins.host import EpochStreamingDataset

MEMORY = Path("/dev/shm")


def is_unused(number: int) -> bool:
    folders = (MEMORY, Path(tempfile.gettempdir()))
    return not any(list(folder.glob(f"{number:06}_*")) for folder in folders)


def test_what_a_killed_run_left_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MDSWriter(out=str(tmp_path), columns={"x": "int"}) as writer:
        writer.write({"x": 1})
    first = next(n for n in prefix._each_prefix_int() if all(map(is_unused, (n, n + 1, n + 2))))
    # Data sets of other tests may still hold some of the names before it.
    monkeypatch.setattr(prefix, "_each_prefix_int", lambda: itertools.count(first))
    # The first numbers that are free for some names are not free for others.
    for number, name in ((first, NEXT_EPOCH), (first + 1, LOCALS)):
        (MEMORY / prefix._get_path(number, name)).write_bytes(bytes(8))
    with pytest.raises(FileExistsError):
        StreamingDataset(local=str(tmp_path), batch_size=1)
    dataset = EpochStreamingDataset(local=str(tmp_path), batch_size=1)
    assert dataset._shm_prefix_int == first + 2
