# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A text's tokens and n-grams of tokens, as 32-bit hashes.

Tokens are runs of ``[A-Za-z0-9_]``, as in the published settings (bigcode-dataset splits at
``[^A-Za-z_0-9]``), and of bytes beyond ASCII, which that rule drops: comments in Chinese or Russian
would then not count. Empty tokens do not exist. White space and punctuation make no difference.

    token    h <- (h XOR byte) * 16777619, from 2166136261 (FNV-1a)
    n-gram   g <- (g XOR h) * c, g <- g XOR (g >> 15), over its tokens; then one more mixing step
"""

from __future__ import annotations

import numpy as np

from data_prep.kernel import kernel

_IS_TOKEN = np.zeros(256, dtype=np.bool_)
_IS_TOKEN[[byte for byte in range(256) if byte >= 128 or chr(byte).isalnum() or byte == 0x5F]] = (
    True
)


def token_hashes(data: bytes) -> np.ndarray:
    """The tokens of a text in UTF-8, in their order.

    >>> len(token_hashes("def f(x):  # größer".encode()))
    4
    """
    hashes = np.empty(len(data) // 2 + 1, dtype=np.uint32)
    count = _hash_tokens(np.frombuffer(data, dtype=np.uint8), _IS_TOKEN, hashes)
    return hashes[:count]


def shingles(tokens: np.ndarray, ngram: int) -> np.ndarray:
    """The n-grams of hashed tokens, in their order and with repetitions.

    >>> len(shingles(token_hashes(b"a b c d"), 3))
    2
    """
    hashes = np.empty(max(0, len(tokens) - ngram + 1), dtype=np.uint32)
    _hash_shingles(tokens, ngram, hashes)
    return hashes


@kernel()
def _hash_tokens(data: np.ndarray, is_token: np.ndarray, hashes: np.ndarray) -> int:
    count = 0
    inside = False
    token = np.uint32(2166136261)
    for byte in data:
        if is_token[byte]:
            token = np.uint32(np.uint32(token ^ np.uint32(byte)) * np.uint32(16777619))
            inside = True
        elif inside:
            hashes[count] = token
            count += 1
            inside = False
            token = np.uint32(2166136261)
    if inside:
        hashes[count] = token
        count += 1
    return count


@kernel()
def _hash_shingles(tokens: np.ndarray, ngram: int, hashes: np.ndarray) -> None:
    for start in range(len(hashes)):
        value = np.uint32(0)
        for offset in range(ngram):
            value = np.uint32(np.uint32(value ^ tokens[start + offset]) * np.uint32(0x85EBCA6B))
            value = np.uint32(value ^ (value >> np.uint32(15)))
        value = np.uint32(value * np.uint32(0xC2B2AE35))
        hashes[start] = np.uint32(value ^ (value >> np.uint32(16)))
