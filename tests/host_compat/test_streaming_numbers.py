# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Pins what `EpochStreamingDataset` relies on to number the showings of a sample."""

from __future__ import annotations

import inspect
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streaming import MDSWriter, Stream, StreamingDataset
from streaming.base import batching
from streaming.base.world import World

from foundry_plugins.host import EpochStreamingDataset, occurrences

METHODS = sorted(batching.batching_methods)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two data sets of several shards each."""
    out = tmp_path_factory.mktemp("numbers")
    for name, count in (("a", 37), ("b", 24)):
        with MDSWriter(out=str(out / name), columns={"x": "int"}, size_limit=140) as writer:
            for x in range(count):
                writer.write({"x": x})
    return out


def dataset(
    kind: type[StreamingDataset], folder: Path, method: str = "random", **settings: Any
) -> Any:
    weights = settings.pop("weights", [{"repeat": 3.4}, {"repeat": 2.0}])
    streams = [
        Stream(local=str(folder / name), **weight)
        for name, weight in zip("ab", weights, strict=True)
    ]
    options = {
        "batch_size": 4,
        "num_canonical_nodes": 2,
        "shuffle": True,
        "batching_method": method,
    }
    return kind(streams=streams, **{**options, **settings})


def order(source: Any, method: str, world: World, epoch: int = 0, seen: int = 0) -> np.ndarray:
    """Numbers in the order of training: of each batch, over all devices."""
    source._set_shuffle_block_size(world)
    work = batching.generate_work(method, source, world, epoch, seen)
    assert work.dtype == np.int64
    return work.transpose(3, 2, 0, 1, 4).flatten()


@pytest.mark.parametrize("sampling", ["balanced", "fixed"])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_the_order_is_the_hosts_and_showings_count_from_0(
    folder: Path, method: str, shuffle: bool, sampling: str
) -> None:
    ours = dataset(EpochStreamingDataset, folder, method, shuffle=shuffle, sampling_method=sampling)
    host = dataset(StreamingDataset, folder, method, shuffle=shuffle, sampling_method=sampling)
    for epoch in (0, 3):
        numbers = order(ours, method, World(1, 2, 3, 0), epoch)
        expected = order(host, method, World(1, 2, 3, 0), epoch)
        assert np.array_equal(np.where(numbers < 0, -1, numbers % ours.num_samples), expected)
        real = numbers[numbers >= 0]
        places = [ours.place(number) for number in real.tolist()]
        for number, place in zip(real.tolist(), places, strict=True):
            first = int(ours.sample_offset_per_stream[place.stream])
            assert number == first + place.position + place.occurrence * ours.num_samples
        # Batching methods may leave out showings at the end, and the host may show one twice to
        # fill up ranks: but what it was asked to show is what `repeat` says.
        _, asked = ours.resample_streams(epoch)
        assert len(set(asked.tolist())) == len(asked) == ours.epoch_size
        assert set(real.tolist()) <= set(asked.tolist())
        shown = Counter((asked % ours.num_samples).tolist())
        for index, count in shown.items():
            mine = np.sort(asked[asked % ours.num_samples == index] // ours.num_samples)
            assert mine.tolist() == list(range(count))


def test_every_batching_method_asks_resample_streams_and_nothing_else() -> None:
    for method in METHODS:
        source = inspect.getsource(batching.batching_methods[method])
        assert "small_per_big = dataset.resample_streams(epoch" in source
        assert "spanner" not in source


@pytest.mark.parametrize("world", [(1, 1, 1), (1, 1, 4), (1, 2, 1), (2, 1, 2), (2, 2, 1)])
def test_no_world_changes_the_numbers(folder: Path, world: tuple[int, int, int]) -> None:
    source = dataset(EpochStreamingDataset, folder)
    alone = order(source, "random", World(1, 1, 1, 0), 1)
    alone = alone[alone >= 0]
    for seen in (0, 32):
        # The batch of all devices together stays the same.
        source.batch_size = 8 // (world[0] * world[1])
        source.initial_physical_nodes = 1
        numbers = order(source, "random", World(*world, 0), 1, seen)
        # Ranks are filled up with a few samples again.
        expected = alone[seen:]
        whole = len(expected) // 8 * 8
        assert np.array_equal(np.sort(numbers[:whole]), np.sort(expected[:whole]))
        for start in range(0, whole, 8):
            batch = slice(start, start + 8)
            assert set(numbers[batch].tolist()) == set(expected[batch].tolist())


def test_fetching_reads_a_sample_by_any_of_its_numbers(folder: Path) -> None:
    source = dataset(EpochStreamingDataset, folder)
    for index in range(source.num_samples):
        assert source[index] == source[index + 3 * source.num_samples]
    place = source.place(37 + 5 + 2 * source.num_samples)
    assert place == (1, 5, 2)
    assert source.first_of(1) == {"x": 0}


def test_numbers_reach_the_host_by_spanner_and_get_item_only() -> None:
    """Every other use of a number would need the index."""
    users = {
        name
        for name, member in inspect.getmembers(StreamingDataset, inspect.isfunction)
        if "sample_id" in inspect.getsource(member)
    }
    assert users == {
        # Makes them, before `resample_streams` of ours.
        "resample_streams",
        # Pass them along.
        *("_share_work", "_attach_work", "_get_work", "_each_sample_id", "__iter__"),
        # Ask `spanner` where they are.
        *("_prepare_thread", "_ready_thread", "get_item"),
    }
    for name in ("_prepare_thread", "_ready_thread", "get_item"):
        source = inspect.getsource(getattr(StreamingDataset, name))
        assert "self.spanner[sample_id]" in source


@given(st.lists(st.integers(0, 5), max_size=40))
def test_occurrences_count_what_came_before(values: list[int]) -> None:
    expected = [values[:i].count(value) for i, value in enumerate(values)]
    assert occurrences(np.array(values, dtype=np.int64)).tolist() == expected
