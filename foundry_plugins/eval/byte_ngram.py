# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Byte n-gram language models: the plain baselines that a trained model has to beat.

Bytes need no vocabulary, so every model can be compared with them in bits per byte. The symbols
are the 256 byte values and an end of document; a document of N bytes asks for N + 1 predictions,
and the cost of the end is counted while the divisor stays N. Contexts never reach across the start
of a document: what lies before it reads as end symbols.

Probabilities are interpolated with the weights of Witten and Bell (1991), "The zero-frequency
problem", method C, in the recursive form of Chen and Goodman (1998), section 2.4. With c the
count of a symbol w or of a context h, T(h) the number of distinct symbols seen after h, and h' the
context h without its oldest symbol:

.. math:: P(w | h) = \frac{c(h, w) + T(h) \, P(w | h')}{c(h) + T(h)}, \qquad P_0(w) = 1 / 257

A context that was never seen has c = T = 0 and hands on P(w | h') unchanged. Order 1 is the
unigram model, order 2 the bigram model: each is a step of the same recursion, so one pass scores
all orders.

Counts live in sorted arrays of 64-bit keys, the n symbols read as digits of base 257
(257^7 < 2^63, hence the largest order is 7).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foundry_plugins.contract.errors import require
from foundry_plugins.eval.documents import read_documents

SYMBOLS = 257
END = 256
MAX_ORDER = 7
# Bytes that are counted or scored at once: about 2 GB of working memory at order 5.
CHUNK_BYTES = 1 << 24

Keys = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class _Counts:
    """What one order knows: n-grams, and for every context its total and number of types."""

    grams: Keys
    gram_counts: Keys
    contexts: Keys
    totals: Keys
    types: Keys

    @classmethod
    def of(cls, grams: Keys, gram_counts: Keys) -> _Counts:
        """Derives the context tables from sorted n-grams (a key's last digit is the symbol)."""
        contexts, starts = np.unique(grams // SYMBOLS, return_index=True)
        types = np.diff(starts, append=len(grams))
        totals = np.add.reduceat(gram_counts, starts)
        return cls(grams, gram_counts, contexts, totals, types)

    def interpolate(self, keys: Keys, lower: Floats) -> Floats:
        """P(w | h) of each key, given P(w | h') in ``lower``."""
        count = _look_up(self.grams, self.gram_counts, keys)
        context = keys // SYMBOLS
        total = _look_up(self.contexts, self.totals, context)
        types = _look_up(self.contexts, self.types, context)
        weight = np.maximum(total + types, 1)
        return np.where(total > 0, (count + types * lower) / weight, lower)


class ByteNGram:
    """An interpolated byte n-gram model and, inside it, those of all lower orders."""

    def __init__(self, counts: list[_Counts]) -> None:
        self._counts = counts

    @property
    def order(self) -> int:
        """The highest order n: predictions see up to n - 1 symbols."""
        return len(self._counts)

    @classmethod
    def fit(cls, documents: Iterable[bytes], order: int = 5) -> ByteNGram:
        """Counts the n-grams of all orders up to ``order``.

        Raises:
            UserError: if ``order`` is out of range or there is no document.
        """
        require(1 <= order <= MAX_ORDER, f"`order` must be in [1, {MAX_ORDER}], got {order}.")
        empty = np.empty(0, np.int64)
        tables = [(empty, empty)] * order
        for keys_by_order in _chunks(documents, order):
            for n, keys in enumerate(keys_by_order):
                tables[n] = _merge(tables[n], np.unique(keys, return_counts=True))
        require(
            len(tables[0][0]) > 0,
            "The byte n-gram models need at least one training document, got none.",
        )
        return cls([_Counts.of(*table) for table in tables])

    def probabilities(self, documents: Iterable[bytes]) -> Floats:
        """P of every byte and end symbol of the documents, by each order.

        Returns:
            Shape (order, sum of document lengths + number of documents).
        """
        rows = [self._score(keys) for keys in _chunks(documents, self.order)]
        return np.concatenate([np.empty((self.order, 0)), *rows], axis=1)

    def distribution(self, context: bytes) -> Floats:
        """P of all 257 symbols after a document that starts with ``context``, shape (257,)."""
        history = [END] * (self.order - 1) + list(context)
        history = history[len(history) - (self.order - 1) :]
        code, keys = 0, [np.arange(SYMBOLS, dtype=np.int64)]
        for n, symbol in enumerate(reversed(history), start=1):
            code += symbol * SYMBOLS**n
            keys.append(code + keys[0])
        return self._score(keys)[-1]

    def bits_per_byte(self, documents: Iterable[bytes]) -> list[float]:
        """Bits per byte of the documents by each order, from order 1 up.

        Raises:
            UserError: if the documents hold no byte.
        """
        bits, num_bytes = np.zeros(self.order), 0
        for keys in _chunks(documents, self.order):
            bits -= np.log2(self._score(keys)).sum(axis=1)
            num_bytes += int((keys[0] != END).sum())
        require(
            num_bytes > 0, "The byte n-gram models need at least one validation byte, got none."
        )
        return [float(value) for value in bits / num_bytes]

    def _score(self, keys_by_order: list[Keys]) -> Floats:
        rows = [np.full(len(keys_by_order[0]), 1.0 / SYMBOLS)]
        for counts, keys in zip(self._counts, keys_by_order, strict=True):
            rows.append(counts.interpolate(keys, rows[-1]))
        return np.stack(rows[1:])


def baselines(documents: Path) -> dict[str, float]:
    """Bits per byte of the unigram, bigram and 5-gram models on held-out documents.

    Args:
        documents: Folder of ``*.jsonl.zst``; fits on split ``train``, scores ``validation``.
    """
    model = ByteNGram.fit(_texts(documents, "train"), order=5)
    bits = model.bits_per_byte(_texts(documents, "validation"))
    return {"unigram": bits[0], "bigram": bits[1], "5-gram": bits[4]}


def _texts(documents: Path, split: str) -> Iterator[bytes]:
    # Half of a surrogate pair is no character, but JSON can hold one.
    return (d.text.encode("utf-8", "surrogatepass") for d in read_documents(documents, split))


def _chunks(documents: Iterable[bytes], order: int) -> Iterator[list[Keys]]:
    """The keys of all predictions, for each order from 1 up, some documents at a time."""
    batch: list[bytes] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document)
        if size >= CHUNK_BYTES:
            yield _keys(batch, order)
            batch, size = [], 0
    if batch:
        yield _keys(batch, order)


def _keys(documents: list[bytes], order: int) -> list[Keys]:
    """One key a prediction for each order: digit k (base 257) is the symbol k places before it."""
    # Each document is written as order - 1 end symbols, its bytes and its own end; only what
    # follows the leading ones is predicted.
    lead, end = np.full(order - 1, END, np.int16), np.array([END], np.int16)
    pieces: list[NDArray[np.int16]] = []
    for document in documents:
        pieces += [lead, np.frombuffer(document, np.uint8).astype(np.int16), end]
    symbols = np.concatenate(pieces)
    lengths = np.array([len(document) + 1 for document in documents])
    skipped = (order - 1) * np.arange(1, len(documents) + 1)
    positions = np.arange(lengths.sum()) + np.repeat(skipped, lengths)
    keys = [symbols[positions].astype(np.int64)]
    for n in range(1, order):
        keys.append(keys[-1] + symbols[positions - n].astype(np.int64) * SYMBOLS**n)
    return keys


def _merge(one: tuple[Keys, Keys], other: tuple[Keys, Keys]) -> tuple[Keys, Keys]:
    """Adds two tables of sorted distinct keys and their counts."""
    if not len(one[0]):
        return other
    keys = np.concatenate([one[0], other[0]])
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], np.concatenate([one[1], other[1]])[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[starts], np.add.reduceat(counts, starts)


def _look_up(keys: Keys, values: Keys, wanted: Keys) -> Keys:
    """The value of each wanted key, 0 where it is not in the sorted ``keys``."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)
