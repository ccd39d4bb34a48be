# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The search as shuffles under an engine: equal to the search in memory, whatever the groups."""

from __future__ import annotations

import dataclasses
import multiprocessing
import resource
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.dedup import components, keys, near, pairs
from data_prep.dedup.settings import NearDuplicates
from data_prep.engines import rows
from data_prep.engines.local import LocalEngine
from data_prep.ledger import Ledger, Outcome, digest
from data_prep.pipeline import Conversion
from data_prep.stages import arrays, near_candidates, near_duplicates
from data_prep.stages.exact_duplicates import LOSER, NEAR

NUM_PARTS = 7
RANKS = 5


@pytest.fixture(scope="module")
def data() -> list[bytes]:
    """Chains of documents, each a few words on from the last."""
    texts = []
    for chain in range(40):
        for step in range(chain % 6 + 1):
            words = [f"c{chain}w{n}" for n in range(10 * step, 10 * step + 100)]
            texts.append(" ".join(words).encode())
    order = np.random.default_rng(17).permutation(len(texts))
    return [texts[number] for number in order]


def write_parts(folder: Path, records: np.ndarray) -> tuple[list[Outcome], np.ndarray]:
    """What the stage read leaves, and the documents' ids."""
    folder.mkdir(parents=True)
    outcomes, ids = [], []
    for part, numbers in enumerate(np.array_split(np.arange(len(records)), NUM_PARTS)):
        records[numbers].tofile(folder / f"{part:05}.near")
        table = np.zeros(len(numbers), dtype=keys.KEY)
        table["rank"][:, 1] = -(numbers % RANKS)
        table.tofile(folder / f"{part:05}.keys")
        figures = {"documents": len(numbers)}
        outcomes.append(Outcome((f"{part:05}.near",), digest(part), figures))
        ids += [keys.document_id(part, row) for row in range(len(numbers))]
    return outcomes, np.array(ids)


def search(
    output: Path, settings: NearDuplicates, parts: list[Outcome], marks: Sequence[Sequence[Path]]
) -> dict[int, int]:
    """Lost document -> the one that stays."""
    recipe: Any = types.SimpleNamespace(
        dedup=types.SimpleNamespace(near=settings),
        section=lambda name: dataclasses.asdict(settings),
    )
    with LocalEngine(1) as engine:
        conversion = Conversion(recipe, Ledger(output), engine)
        folder = output.parent / "read"
        outcomes = near_duplicates.run(conversion, recipe, parts, folder, marks)
        again = near_duplicates.run(conversion, recipe, parts, folder, marks)
    assert again == outcomes
    found = Ledger(output).folder(near_duplicates.STAGE)
    losers = np.concatenate([np.fromfile(found / o.files[0], dtype=LOSER) for o in outcomes])
    assert (losers["reason"] == NEAR).all()
    return dict(zip(losers["id"].tolist(), losers["kept"].tolist(), strict=True))


def expected(
    records: np.ndarray, settings: NearDuplicates, ids: np.ndarray, lost: Sequence[int] = ()
) -> dict[int, int]:
    stay = np.array([number for number in range(len(records)) if number not in lost])
    found = near.find_pairs(records[stay], settings)
    members: dict[int, list[int]] = {}
    for vertex, root in components.connected_components(found).items():
        members.setdefault(root, []).append(int(stay[vertex]))
    losers = {}
    for numbers in members.values():
        best = min(numbers, key=lambda number: (-(number % RANKS), number))
        losers |= {int(ids[n]): int(ids[best]) for n in numbers if n != best}
    return losers


@pytest.mark.parametrize("preset", ["verified", "starcoder"])
@pytest.mark.parametrize("group_bytes", [32_000_000, 20_000, 1_500])
def test_equal_to_the_search_in_memory(
    preset: str,
    group_bytes: int,
    data: list[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arrays, "GROUP_BYTES", group_bytes)
    monkeypatch.setattr(near_candidates, "_EMIT_BYTES", group_bytes)
    settings = NearDuplicates(preset)
    records = near.records_of(data, settings)
    parts, ids = write_parts(tmp_path / "read", records)
    losers = search(tmp_path / "out", settings, parts, [[] for _ in parts])
    assert losers == expected(records, settings, ids)
    assert len(losers) > 50


def test_rows_that_are_lost_already_take_no_part(data: list[bytes], tmp_path: Path) -> None:
    settings = NearDuplicates()
    records = near.records_of(data, settings)
    parts, ids = write_parts(tmp_path / "read", records)
    lost = [0, 1, 20, 21, 22, len(records) - 1]
    marks: list[list[Path]] = []
    for part in range(NUM_PARTS):
        lost_rows = np.zeros(sum(ids[n] >> 32 == part for n in lost), dtype=LOSER)
        lost_rows["id"] = [ids[n] for n in lost if ids[n] >> 32 == part]
        lost_rows["reason"] = 1
        marks.append([tmp_path / f"{part}.marks"])
        lost_rows.tofile(marks[-1][0])
    losers = search(tmp_path / "out", settings, parts, marks)
    assert losers == expected(records, settings, ids, lost)
    assert not set(losers) & {int(ids[n]) for n in lost}


def test_no_documents_and_no_duplicates(tmp_path: Path) -> None:
    settings = NearDuplicates()
    for name, texts in (("none", []), ("one", [b"only a short one"])):
        records = near.records_of(texts, settings)
        parts, _ = write_parts(tmp_path / name / "read", records)
        assert search(tmp_path / name / "out", settings, parts, [[] for _ in parts]) == {}


def _peak(folder: Path, documents: int, answer: Any) -> None:
    """Searches documents of one and the same signature; answers how many are lost, and memory."""
    # Small pieces, so that what is held as a whole shows.
    arrays.GROUP_BYTES, arrays.BATCH_BYTES, rows._BUFFER_BYTES = 2_000_000, 1_000_000, 2_000_000
    near_candidates._EMIT_BYTES, pairs._ROWS_AT_ONCE = 200_000, 8192
    settings = NearDuplicates(bands=2, rows=5)
    one = near.records_of([b" ".join(b"%d" % n for n in range(20))], settings)
    parts, ids = write_parts(folder / "read", np.repeat(one, documents))
    losers = search(folder / "out", settings, parts, [[] for _ in parts])
    kept = set(losers.values()) == {int(ids[RANKS - 1])}
    answer.send((len(losers), kept, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3))


@pytest.mark.slow
def test_memory_of_a_large_bucket_is_bounded(tmp_path: Path) -> None:
    peaks = []
    # A fresh interpreter, whose workers share none of the memory of this one.
    spawned = multiprocessing.get_context("spawn")
    for documents in (2_000, 200_000):
        ours, theirs = spawned.Pipe()
        arguments = (tmp_path / str(documents), documents, theirs)
        process = spawned.Process(target=_peak, args=arguments)
        process.start()
        lost, kept, megabytes = ours.recv()
        process.join()
        assert (lost, kept) == (documents - 1, True)
        peaks.append(megabytes)
    # A bucket has 5 MB of rows, its pairs 38 MB, and 62 MB with lanes.
    assert peaks[1] - peaks[0] < 200
