# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.provenance import fingerprints, winnow

WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
# The kernels are compiled when they are first called.
compiled = settings(deadline=None)
texts = st.lists(st.sampled_from(["a", "b", "self", "é", "==", "\n", "  ", "x1"]), max_size=60)


def words(data: bytes) -> np.ndarray:
    return winnow.words(np.frombuffer(data, np.uint8))


@given(texts)
@compiled
def test_words_are_those_of_a_regular_expression(pieces: list[str]) -> None:
    data = " ".join(pieces).encode()
    hashes, (starts, ends) = words(data), winnow.bounds(np.frombuffer(data, np.uint8))
    expected = list(WORD.finditer(data))
    assert [(m.start(), m.end()) for m in expected] == list(
        zip(starts.tolist(), ends.tolist(), strict=True)
    )
    by_hash = dict(zip(hashes.tolist(), (m.group() for m in expected), strict=True))
    assert len(by_hash) == len({m.group() for m in expected})


def test_golden_minima() -> None:
    """The worked example of the paper (figure 2): windows of 4 over 17 hashes."""
    values = [77, 74, 42, 17, 98, 50, 17, 98, 8, 88, 67, 39, 77, 74, 42, 17, 98]
    found = winnow.minima(np.array(values, np.uint64), 4)
    assert found.tolist() == [17, 17, 8, 39, 17]


@given(st.lists(st.integers(0, 20), max_size=40), st.integers(1, 8))
@compiled
def test_every_window_has_its_minimum(values: list[int], w: int) -> None:
    found = set(winnow.minima(np.array(values, np.uint64), w).tolist())
    width = min(w, len(values))
    expected = {min(values[i : i + width]) for i in range(len(values) - width + 1) if width}
    assert found == expected


@given(texts, texts, texts, texts, texts)
@settings(deadline=None, max_examples=200)
def test_a_shared_run_is_never_missed(
    a: list[str], b: list[str], c: list[str], d: list[str], shared: list[str]
) -> None:
    """The guarantee: a run of w + k - 1 words in both gives a fingerprint in both."""
    k, w = 3, 4
    middle = " ".join(shared)
    one, two = (f"{' '.join(x)} {middle} {' '.join(y)}".encode() for x, y in ((a, b), (c, d)))
    common = set(winnow.fingerprints(one, k, w).tolist())
    common &= set(winnow.fingerprints(two, k, w).tolist())
    if len(words(middle.encode())) >= w + k - 1:
        assert common


def test_grams_depend_on_their_words_and_order_only() -> None:
    text = b"one two three four five one two three"
    grams = winnow.grams(words(text), 3).tolist()
    assert len(grams) == 6
    assert grams[0] == grams[5]
    assert len(set(grams)) == 5
    assert winnow.grams(words(b"one two"), 3).tolist() == []


def test_density_is_that_of_the_theorem() -> None:
    values = np.random.default_rng(1).integers(0, 2**63, 50_000).astype(np.uint64)
    density = len(winnow.minima(values, 16)) / len(values)
    assert density == pytest.approx(2 / 17, rel=0.03)


@given(st.lists(st.integers(0, 4), max_size=25), st.lists(st.integers(0, 4), max_size=25))
@compiled
def test_runs_are_the_longest_common_ones(a: list[int], b: list[int]) -> None:
    lengths, ends = winnow.runs(np.array(a, np.uint64), np.array(b, np.uint64))
    for i in range(len(a)):
        longest = 0
        for j in range(len(b)):
            n = 0
            while n <= min(i, j) and a[i - n] == b[j - n]:
                n += 1
            longest = max(longest, n)
        assert lengths[i] == longest
        if longest:
            end = int(ends[i])
            assert b[end - longest : end] == a[i - longest + 1 : i + 1]


@given(
    st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=30), min_size=1, max_size=8),
    st.integers(0, 2**64 - 1),
)
@compiled
def test_the_index_finds_what_a_dictionary_does(found: list[list[int]], stranger: int) -> None:
    index = fingerprints.build([np.array(f, np.uint64) for f in found], gram=5, window=8)
    wanted = np.unique(np.array([h for f in found for h in f] + [stranger], np.uint64))
    which, documents = index.find(wanted)
    got = {(int(wanted[w]), int(d)) for w, d in zip(which, documents, strict=True)}
    assert got >= {(h, d) for d, f in enumerate(found) for h in f}
    # 32 + b of 64 bits are compared, so strangers that agree in those may be there too.
    bits = 32 + (len(index.offsets) - 1).bit_length() - 1
    for value, document in got:
        assert value >> (64 - bits) in {h >> (64 - bits) for h in found[document]}
    assert len(which) == len(got)


def test_an_index_without_documents_is_the_index_of_the_others(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    found = [generator.integers(0, 2**63, 500).astype(np.uint64) for _ in range(9)]
    index = fingerprints.build(found, gram=5, window=8)
    fingerprints.write(tmp_path / "a.winnow.arrow", index)
    fewer = fingerprints.read(tmp_path / "a.winnow.arrow").without(
        np.array([2, 7]), num_documents=7
    )
    fingerprints.write(tmp_path / "b.winnow.arrow", fewer)
    fewer = fingerprints.read(tmp_path / "b.winnow.arrow")
    assert fewer.num_documents == 7
    for number, hashes in enumerate(found):
        _, documents = fewer.find(hashes)
        assert set(documents.tolist()) == (set() if number in (2, 7) else {number})
