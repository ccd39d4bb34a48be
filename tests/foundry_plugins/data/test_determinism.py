# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Every token of an epoch, whatever the ranks, workers, batches and interruptions."""

from __future__ import annotations

import json
import os
import pickle
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist
import torch.multiprocessing as mp

from tests.foundry_plugins.data.written_shards import load_tokenizer, loader, rows

GLOBAL_BATCH = 8
SEEN = 64
FIM = {
    "rate": 0.9,
    "spm_rate": 0.5,
    "seed": 3,
    "spans": {"random": 0.5, "line": 0.3, "to_line_end": 0.2},
}
Rows = list[tuple[Any, ...]]


def section(root: Path) -> dict[str, Any]:
    """Two streams, of which one is shown two to three times in an epoch."""
    local = str(root / "data")
    index = json.loads((root / "data/validation/index.json").read_text())
    count = index["metadata"]["num_samples"]
    # So that no step lacks a row.
    often = 2 * count + count // 2 // GLOBAL_BATCH * GLOBAL_BATCH + -2 * count % GLOBAL_BATCH
    return {
        "streams": {
            "often": {"local": local, "split": "validation", "choose": often},
            "once": {"local": local, "split": "train", "choose": 64, "fim": {"spm_rate": 1.0}},
        },
        "shuffle": True,
        "shuffle_seed": 5,
        "sequence_id": True,
        "report": True,
        "fim": FIM,
    }


def read(spec: Any) -> Rows:
    """Every row of the next epoch with everything that it holds."""
    names = ("input_ids", "labels", "sequence_id", "report_group", "report_bytes", "num_bytes")
    return [
        tuple(tuple(r[n]) if isinstance(r[n], list) else r[n] for n in names) for r in rows(spec)
    ]


def global_batches(parts: Sequence[Rows]) -> list[list[Any]]:
    """The rows of each step, over all ranks; ranks may share them out in any way."""
    size = GLOBAL_BATCH // len(parts)
    steps = range(0, len(parts[0]), size)
    return [sorted(row for rank in parts for row in rank[step : step + size]) for step in steps]


@pytest.fixture(scope="module")
def alone(root: Path) -> list[Rows]:
    """Two epochs of one process, one worker."""
    spec = loader(load_tokenizer(root), batch_size=GLOBAL_BATCH, **section(root))
    epochs = [read(spec), read(spec)]
    assert len(epochs[0]) == len(epochs[1])
    assert len(epochs[0]) % GLOBAL_BATCH == 0
    return epochs


@pytest.mark.parametrize(("workers", "batch_size"), [(4, GLOBAL_BATCH), (0, 2), (3, 5)])
def test_workers_and_batch_size(
    root: Path, alone: list[Rows], workers: int, batch_size: int
) -> None:
    spec = loader(load_tokenizer(root), batch_size=batch_size, workers=workers, **section(root))
    for expected in alone:
        assert read(spec) == expected


def _rank(rank: int, root: Path, folder: Path, state: dict[str, Any] | None, workers: int) -> None:
    settings = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": 2}
    os.environ.update({name: str(value) for name, value in settings.items()})
    dist.init_process_group(
        "gloo", init_method=f"file://{folder / 'meet'}", rank=rank, world_size=2
    )
    spec = loader(
        load_tokenizer(root), batch_size=GLOBAL_BATCH // 2, workers=workers, **section(root)
    )
    if state is not None:
        spec.dataloader.dataset.load_state_dict(state)
    epochs = [read(spec), read(spec)]
    # As Composer asks in the middle of an epoch.
    resumable = spec.dataloader.dataset.state_dict(SEEN, True)
    (folder / f"{rank}").write_bytes(pickle.dumps((epochs, resumable)))
    dist.destroy_process_group()


def two_ranks(
    root: Path, folder: Path, state: dict[str, Any] | None = None, workers: int = 0
) -> tuple[list[list[Rows]], dict[str, Any]]:
    """For two epochs the rows of each rank, and the state in the middle of the second."""
    folder.mkdir()
    arguments = (root, folder, state, workers)
    mp.start_processes(_rank, args=arguments, nprocs=2, start_method="fork")
    found = [pickle.loads((folder / f"{rank}").read_bytes()) for rank in range(2)]
    epochs = [[ranks[0][epoch] for ranks in found] for epoch in range(2)]
    return epochs, found[0][1]


def test_two_ranks_and_changes_in_mid_epoch(root: Path, alone: list[Rows], tmp_path: Path) -> None:
    epochs, state = two_ranks(root, tmp_path / "ranks", workers=2)
    for parts, expected in zip(epochs, alone, strict=True):
        assert global_batches(parts) == global_batches([expected])
    # From two ranks to one.
    spec = loader(load_tokenizer(root), batch_size=GLOBAL_BATCH, **section(root))
    spec.dataloader.dataset.load_state_dict(state)
    assert global_batches([read(spec)]) == global_batches([alone[1][SEEN:]])
    # From one rank to two.
    spec = loader(load_tokenizer(root), batch_size=GLOBAL_BATCH, **section(root))
    read(spec)
    state = spec.dataloader.dataset.state_dict(SEEN, True)
    (rest, following), _ = two_ranks(root, tmp_path / "resumed", state)
    assert global_batches(rest) == global_batches([alone[0][SEEN:]])
    assert global_batches(following) == global_batches([alone[1]])


def test_resumed_in_mid_epoch(root: Path, alone: list[Rows]) -> None:
    first = loader(load_tokenizer(root), batch_size=GLOBAL_BATCH, **section(root))
    read(first)
    state = first.dataloader.dataset.state_dict(SEEN, True)
    for workers in (0, 3):
        spec = loader(
            load_tokenizer(root), batch_size=GLOBAL_BATCH, workers=workers, **section(root)
        )
        spec.dataloader.dataset.load_state_dict(state)
        assert read(spec) == alone[0][SEEN:]
        assert read(spec) == alone[1]


def test_epochs_and_showings_differ(root: Path, alone: list[Rows]) -> None:
    """By the samples' own numbers, which rows do not hold."""
    spec = loader(load_tokenizer(root), batch_size=GLOBAL_BATCH, **section(root))
    dataset = spec.dataloader.dataset
    shown: dict[tuple[int, int], list[tuple[int, ...]]] = defaultdict(list)
    per_epoch: list[dict[tuple[int, int, int], tuple[int, ...]]] = []
    for _ in range(2):
        per_epoch.append({})
        for row in dataset:
            place = dataset.place(row["number"])
            tokens = tuple(row["input_ids"].tolist())
            per_epoch[-1][place] = tokens
            shown[place.stream, place.position].append(tokens)
    counts = Counter(place[:2] for place in per_epoch[0])
    assert set(counts.values()) == {1, 2, 3}
    repeated = [key for key, count in counts.items() if count > 1]
    # A row without a fragment that can be cut, or drawn to stay, may look the same twice.
    same = sum(len(set(shown[key][: counts[key]])) < counts[key] for key in repeated)
    assert same <= 0.1 * len(repeated)
    common = per_epoch[0].keys() & per_epoch[1].keys()
    same = sum(per_epoch[0][key] == per_epoch[1][key] for key in common)
    assert same <= 0.1 * len(common)


def test_a_data_set_listed_twice_is_cut_twice(root: Path, tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(root / "data")
    streams = {
        name: {"local": str(local), "split": "validation"}
        for name, local in (("a", root / "data"), ("b", tmp_path / "again"))
    }
    spec = loader(load_tokenizer(root), streams=streams, fim={"rate": 1.0})
    found = [row["input_ids"] for row in rows(spec)]
    half = len(found) // 2
    same = sum(a == b for a, b in zip(found[:half], found[half:], strict=True))
    assert same <= 0.1 * half
