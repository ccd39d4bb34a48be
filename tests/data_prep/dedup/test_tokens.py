# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Token and shingle hashes against plain Python."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.dedup.tokens import shingles, token_hashes

_TOKEN = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
_MASK = 0xFFFFFFFF


def slow_tokens(data: bytes) -> list[int]:
    hashes = []
    for token in _TOKEN.findall(data):
        value = 2166136261
        for byte in token:
            value = (value ^ byte) * 16777619 & _MASK
        hashes.append(value)
    return hashes


def slow_shingles(tokens: list[int], ngram: int) -> list[int]:
    hashes = []
    for start in range(len(tokens) - ngram + 1):
        value = 0
        for token in tokens[start : start + ngram]:
            value = (value ^ token) * 0x85EBCA6B & _MASK
            value ^= value >> 15
        value = value * 0xC2B2AE35 & _MASK
        hashes.append(value ^ value >> 16)
    return hashes


@settings(deadline=None)  # the first call compiles
@given(st.text(alphabet="ab_9 .\n\u00e9\u4e2d", max_size=60), st.integers(1, 6))
def test_equal_plain_python(text: str, ngram: int) -> None:
    data = text.encode()
    tokens = token_hashes(data)
    assert tokens.tolist() == slow_tokens(data)
    assert shingles(tokens, ngram).tolist() == slow_shingles(tokens.tolist(), ngram)


def test_a_published_value() -> None:
    # FNV-1a of "foobar" (draft-eastlake-fnv, test vectors).
    assert token_hashes(b"(foobar)").tolist() == [0xBF9CF968]


def test_only_tokens_count() -> None:
    one = token_hashes(b"if x:\n    return y[0]\n")
    assert one.tolist() == token_hashes(b"if(x){return\r\n\ty[0];}").tolist()
    assert len(token_hashes(b"({[;:]})")) == 0
    assert len(token_hashes(b"")) == 0


def test_words_beyond_ascii_are_tokens() -> None:
    assert len(token_hashes("# \u8fd4\u56de \u503c".encode())) == 2


def test_hashes_are_spread() -> None:
    hashes = shingles(token_hashes(" ".join(map(str, range(20000))).encode()), 5)
    assert len(np.unique(hashes)) == len(hashes)
    counts = np.bincount(hashes >> 28, minlength=16)
    assert counts.min() > 1100
    assert counts.max() < 1400
