# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Winnowing: few hashes a document, chosen so that no long shared run goes unnoticed.

Schleimer, Wilkerson and Aiken 2003, "Winnowing: Local Algorithms for Document Fingerprinting"
(SIGMOD, section 3). Over the hashes of all k-grams of words, every window of w neighbouring ones
gives its smallest. The choice depends on the window alone, so two texts that share a run of

    w + k - 1 words

share a whole window and with it a fingerprint, and on random text 2 / (w + 1) of the k-grams are
chosen (their theorem 1). A text of fewer than w k-grams gives its smallest.

A word is a run of ASCII letters, digits, underscores and bytes above 127; case counts. White space
and punctuation do not, so a match survives another formatter.
"""

from __future__ import annotations

import numpy as np

from data_prep.kernel import kernel

_ONE = np.uint64(1)
# Of the polynomials over bytes and over words: FNV's prime, and the golden ratio's odd fraction.
_PRIME = np.uint64(1099511628211)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)

_IS_WORD = np.zeros(256, dtype=np.bool_)
_IS_WORD[[*range(0x30, 0x3A), *range(0x41, 0x5B), 0x5F, *range(0x61, 0x7B)]] = True
_IS_WORD[0x80:] = True


@kernel(inline=True)
def _mixed(value: np.uint64) -> np.uint64:
    """MurmurHash3's 64-bit finaliser: every bit of the input reaches every bit of the output."""
    value ^= value >> _SHIFT
    value *= _MIX_1
    value ^= value >> _SHIFT
    value *= _MIX_2
    return value ^ (value >> _SHIFT)


@kernel()
def words(data: np.ndarray) -> np.ndarray:
    """Hash of every word.

    Args:
        data: A text's UTF-8 bytes, uint8.
    """
    # Room for a word every second byte, and one more that is overwritten.
    hashes = np.empty(len(data) // 2 + 2, dtype=np.uint64)
    count = 0
    value = np.uint64(0)
    for byte in data:
        # value = (value + byte + 1) * PRIME within a word, 0 outside. Without a branch, because
        # where words end is what a processor cannot predict.
        is_word = _IS_WORD[byte]
        hashes[count] = value
        count += (not is_word) and value != 0
        value = (value + np.uint64(byte) + _ONE) * _PRIME * np.uint64(is_word)
    hashes[count] = value
    count += value != 0
    result = np.empty(count, dtype=np.uint64)
    for position in range(count):
        result[position] = _mixed(hashes[position])
    return result


@kernel()
def bounds(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First byte of every word, and the byte after it."""
    starts = np.empty(len(data) // 2 + 1, dtype=np.int64)
    ends = np.empty(len(data) // 2 + 1, dtype=np.int64)
    count = 0
    inside = False
    for position in range(len(data)):
        is_word = _IS_WORD[data[position]]
        if is_word and not inside:
            starts[count] = position
        elif inside and not is_word:
            ends[count] = position
            count += 1
        inside = is_word
    if inside:
        ends[count] = len(data)
        count += 1
    return starts[:count], ends[:count]


@kernel()
def grams(hashes: np.ndarray, k: int) -> np.ndarray:
    """Hash of every run of ``k`` words; none if there are fewer words."""
    count = max(len(hashes) - k + 1, 0)
    result = np.empty(count, dtype=np.uint64)
    highest = np.uint64(1)
    for _ in range(k - 1):
        highest *= _BASE
    # value = sum of hashes[i + j] * BASE^(k - 1 - j), moved on word by word.
    value = np.uint64(0)
    for position in range(len(hashes)):
        if position >= k:
            value -= hashes[position - k] * highest
        value = value * _BASE + hashes[position]
        if position >= k - 1:
            result[position - k + 1] = _mixed(value)
    return result


@kernel()
def minima(values: np.ndarray, w: int) -> np.ndarray:
    """The smallest of every window of ``w`` values; neighbours that choose the same give it once.

    Of equal values the rightmost is chosen, so a run of them is not repeated at every step.
    """
    if len(values) == 0:
        return values
    w = min(w, len(values))
    result = np.empty(len(values), dtype=np.uint64)
    count = 0
    chosen = -1
    for end in range(w - 1, len(values)):
        start = end - w + 1
        if chosen < start:
            chosen = start
            for position in range(start + 1, end + 1):
                if values[position] <= values[chosen]:
                    chosen = position
        elif values[end] <= values[chosen]:
            chosen = end
        else:
            continue
        result[count] = values[chosen]
        count += 1
    # A copy, because the rest would be held with it.
    return result[:count].copy()


def fingerprints(data: bytes, k: int, w: int) -> np.ndarray:
    """The chosen hashes of a text, in its order; a hash may come more than once."""
    return minima(grams(words(np.frombuffer(data, dtype=np.uint8)), k), w)


def runs(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every position in ``a``, the longest run ending there that ``b`` has too.

    Returns:
        The run's length, and where in ``b`` it ends (one past it; 0 where there is none).
    """
    # Stable, so that equal values stand in the order of their positions.
    order = np.argsort(a, kind="stable")
    return _runs(a[order], order, b)


@kernel()
def _runs(values: np.ndarray, order: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Time and space as there are pairs of equal values, not as the product of the lengths."""
    # run[i + 1] is the length of the run that ends at a[i] and at b[seen[i + 1]].
    run = np.zeros(len(values) + 1, dtype=np.int64)
    seen = np.full(len(values) + 1, -2, dtype=np.int64)
    lengths = np.zeros(len(values), dtype=np.int64)
    ends = np.zeros(len(values), dtype=np.int64)
    for j in range(len(b)):
        low = np.searchsorted(values, b[j])
        high = low
        while high < len(values) and values[high] == b[j]:
            high += 1
        # From the last position to the first: run[i] must still be that of b[j - 1].
        for rank in range(high - 1, low - 1, -1):
            i = order[rank]
            run[i + 1] = run[i] + 1 if seen[i] == j - 1 else 1
            seen[i + 1] = j
            if run[i + 1] > lengths[i]:
                lengths[i] = run[i + 1]
                ends[i] = j + 1
    return lengths, ends
