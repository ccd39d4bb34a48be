# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Signatures, lanes, band keys and the estimate, against plain Python and exact similarities."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st

from data_prep.dedup import minhash
from data_prep.dedup.settings import PRESETS, NearDuplicates
from data_prep.dedup.tokens import shingles, token_hashes

SMALL = NearDuplicates(ngram=2, permutations=20, bands=4, rows=5, minimum_tokens=2)
_MASK64 = (1 << 64) - 1


def slow_signature(data: bytes, settings: NearDuplicates) -> list[int]:
    factors, summands = minhash.constants(settings.num_lanes)
    hashes = shingles(token_hashes(data), settings.ngram).tolist()
    constants = zip(factors.tolist(), summands.tolist(), strict=True)
    return [min([(a * x + b) % 2**32 for x in hashes], default=2**32 - 1) for a, b in constants]


def slow_key(lanes: list[int], band: int) -> int:
    key = (band + 1) * 0x9E3779B97F4A7C15 & _MASK64
    for lane in lanes:
        key = (key ^ lane) * 0xBF58476D1CE4E5B9 & _MASK64
        key ^= key >> 29
    key = key * 0x94D049BB133111EB & _MASK64
    return key ^ key >> 32


def words(numbers: range) -> bytes:
    return " ".join(f"w{number}" for number in numbers).encode()


@run_with(deadline=None)  # the first call compiles
@given(st.lists(st.sampled_from(["a", "b", "cc", "d1"]), max_size=40).map(" ".join))
def test_equal_plain_python(text: str) -> None:
    data = text.encode()
    num_tokens, minima = minhash.signature(data, SMALL)
    assert num_tokens == len(text.split())
    assert minima.tolist() == slow_signature(data, SMALL)


@pytest.mark.parametrize("name", PRESETS)
def test_records_of_every_preset(name: str) -> None:
    settings = NearDuplicates(name)
    row = minhash.record(words(range(40)), settings)
    table = np.array([row], dtype=minhash.record_dtype(settings))
    assert table.dtype.itemsize == settings.record_bytes
    assert minhash.band_keys(table["lanes"], settings).shape == (1, settings.bands)


def test_records_never_change() -> None:
    """A record of another version would be compared with those of this one."""
    settings = NearDuplicates()
    table = np.array(
        [minhash.record(words(range(100)), settings)], dtype=minhash.record_dtype(settings)
    )
    keys = minhash.band_keys(table["lanes"], settings)
    digests = [hashlib.sha256(array.tobytes()).hexdigest()[:16] for array in (table, keys)]
    assert digests == ["b250c15e0cf9de72", "2193fd42c7f553f8"]


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_band_keys_equal_plain_python(rows: int) -> None:
    settings = NearDuplicates(bands=3, rows=rows)
    table = np.array(
        [minhash.record(words(range(n, n + 30)), settings) for n in range(3)],
        dtype=minhash.record_dtype(settings),
    )
    keys = minhash.band_keys(table["lanes"], settings).view(np.uint64)
    for lanes, found in zip(table["lanes"].tolist(), keys.tolist(), strict=True):
        for band in range(3):
            assert found[band] == slow_key(lanes[band * rows : (band + 1) * rows], band)


@pytest.mark.parametrize("overlap", [0, 200, 500, 900, 1000])
def test_estimate_is_near_the_similarity(overlap: int) -> None:
    settings = NearDuplicates(ngram=1, permutations=1000, bands=200, rows=5)
    pair = [words(range(1000)), words(range(1000 - overlap, 2000 - overlap))]
    table = np.array(
        [minhash.record(data, settings) for data in pair], dtype=minhash.record_dtype(settings)
    )
    lanes = np.ascontiguousarray(table["lanes"])
    counts = minhash.agreements(lanes, np.array([0]), lanes, np.array([1]))
    true = overlap / (2000 - overlap)
    # Four standard errors of a share of 1000.
    assert minhash.estimate(counts, settings)[0] == pytest.approx(true, abs=0.064)
    assert counts[0] == int((lanes[0] == lanes[1]).sum())


def test_estimates_have_no_bias() -> None:
    settings = NearDuplicates(ngram=1)
    documents = [words(range(30 * n, 30 * n + 60)) for n in range(400)]
    table = np.array(
        [minhash.record(data, settings) for data in documents],
        dtype=minhash.record_dtype(settings),
    )
    lanes = np.ascontiguousarray(table["lanes"])
    rows = np.arange(399)
    estimates = minhash.estimate(minhash.agreements(lanes, rows, lanes, rows + 1), settings)
    # Neighbours have 30 of 90 words in common; the mean of 399 has a standard error of 0.0015.
    assert estimates.mean() == pytest.approx(1 / 3, abs=0.006)


def test_threshold_in_lanes_is_the_threshold_of_the_estimate() -> None:
    for threshold in (0.1, 0.5, 0.7, 0.85, 0.9):
        settings = NearDuplicates(threshold=threshold)
        least = minhash.least_agreements(settings)
        estimates = minhash.estimate(np.array([least - 1, least]), settings)
        assert estimates[0] < threshold <= estimates[1] + 1e-12


def test_short_documents_are_not_compared() -> None:
    settings = NearDuplicates()
    num_tokens, lanes = minhash.record(b"from .a import b", settings)
    assert num_tokens == 4
    assert not lanes.any()
    assert not minhash.is_compared(num_tokens, settings)
