# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Candidate pairs against all pairs of a bucket."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.dedup import components, pairs

Buckets = list[list[int]]
BUCKETS = st.lists(st.lists(st.integers(0, 40), unique=True).map(sorted), max_size=8)


def rows(buckets: Buckets) -> tuple[np.ndarray, np.ndarray]:
    keys = [key for key, bucket in enumerate(buckets) for _ in bucket]
    ids = [number for bucket in buckets for number in bucket]
    return np.array(keys, dtype=np.int64), np.array(ids, dtype=np.int64)


@settings(deadline=None)  # the first call compiles
@given(BUCKETS)
def test_small_buckets_give_all_pairs_and_large_ones_a_few(buckets: Buckets) -> None:
    found = [tuple(pair) for pair in pairs.candidates(*rows(buckets)).tolist()]
    expected = set()
    for bucket in buckets:
        for position, high in enumerate(bucket):
            others = range(position)
            expected |= {(bucket[n], high) for n in others if n < 4 or n >= position - 8}
        if len(bucket) <= 13:
            assert set(itertools.combinations(bucket, 2)) <= expected
    assert found == sorted(expected)


@settings(deadline=None)  # the first call compiles
@given(BUCKETS)
def test_stars_unite_what_candidates_do(buckets: Buckets) -> None:
    united = components.connected_components(pairs.stars(*rows(buckets)))
    assert united == components.connected_components(pairs.candidates(*rows(buckets)))


def test_work_grows_with_the_bucket_not_with_its_square() -> None:
    found = pairs.candidates(*rows([list(range(10_000))]))
    assert len(found) <= 12 * 10_000 + 10 * 16


def test_no_document_of_a_large_bucket_has_many_pairs() -> None:
    for verify, most in ((True, 1000 + 4 * 30 + 8), (False, 1000 + 30)):
        found = np.concatenate([*pairs.batches(*rows([list(range(30_000))]), verify=verify)])
        assert np.bincount(found["low"]).max() <= most
        assert np.bincount(found["high"]).max() <= 16
        assert set(components.connected_components(found).values()) == {0}


@settings(deadline=None)  # the first call compiles
@given(BUCKETS, st.integers(4, 9), st.integers(1, 20), st.booleans())
def test_slices_and_batches_unite_what_whole_buckets_do(
    buckets: Buckets, size: int, rows_at_once: int, verify: bool
) -> None:
    expected = components.connected_components(pairs.stars(*rows(buckets)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_SLICE", size)
        patch.setattr(pairs, "_ROWS_AT_ONCE", rows_at_once)
        found = [*pairs.batches(*rows(buckets), verify=verify)]
    in_order = [pairs.distinct(batch).tolist() == batch.tolist() for batch in found]
    assert all(in_order)
    assert components.connected_components(np.concatenate(found)) == expected


def test_distinct() -> None:
    edges = np.array([(3, 4), (1, 2), (3, 4), (5, 5)], dtype=pairs.EDGE)
    assert pairs.distinct(edges).tolist() == [(1, 2), (3, 4)]
