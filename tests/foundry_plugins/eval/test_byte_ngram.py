# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval import byte_ngram
from foundry_plugins.eval.byte_ngram import END, SYMBOLS, ByteNGram, baselines

A, B = ord("a"), ord("b")


class SlowNGram:
    """The recursion as it is written in the formula, on dictionaries."""

    def __init__(self, documents: list[bytes], order: int) -> None:
        self.order = order
        self.counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for document in documents:
            symbols = [*document, END]
            for i, symbol in enumerate(symbols):
                for n in range(order):
                    self.counts[self.context(symbols, i, n)][symbol] += 1

    @staticmethod
    def context(symbols: list[int], i: int, length: int) -> tuple[int, ...]:
        return tuple(symbols[j] if j >= 0 else END for j in range(i - length, i))

    def p(self, context: tuple[int, ...], symbol: int) -> float:
        lower = self.p(context[1:], symbol) if context else 1 / SYMBOLS
        seen = self.counts.get(context)
        if not seen:
            return lower
        return (seen[symbol] + len(seen) * lower) / (sum(seen.values()) + len(seen))

    def bits_per_byte(self, documents: list[bytes], order: int) -> float:
        bits = 0.0
        for document in documents:
            symbols = [*document, END]
            for i, symbol in enumerate(symbols):
                bits -= math.log2(self.p(self.context(symbols, i, order - 1), symbol))
        return bits / sum(map(len, documents))


def test_golden_by_hand() -> None:
    # Trained on "ab": the symbols a, b and the end, once each, so c(h) = T(h) = 3 for order 1,
    # and one symbol seen once after each context of order 2.
    model = ByteNGram.fit([b"ab"], order=2)
    unigram = (1 + 3 / 257) / 6
    bigram = (1 + unigram) / 2
    assert model.probabilities([b"ab"]) == pytest.approx(np.array([[unigram] * 3, [bigram] * 3]))
    # Bits of a, b and the end, over two bytes.
    expected = [-3 * math.log2(unigram) / 2, -3 * math.log2(bigram) / 2]
    assert model.bits_per_byte([b"ab"]) == pytest.approx(expected)
    # After "b" only the end was seen: everything else gets T P(w) / (c + T).
    after_b = model.distribution(b"b")
    assert after_b[END] == pytest.approx(bigram)
    assert after_b[A] == pytest.approx(unigram / 2)
    assert after_b[ord("z")] == pytest.approx((3 / 257) / 6 / 2)


def test_an_unseen_context_hands_on_the_lower_order() -> None:
    model = ByteNGram.fit([b"ab"], order=3)
    assert model.distribution(b"zb") == pytest.approx(
        ByteNGram.fit([b"ab"], order=2).distribution(b"b")
    )


documents = st.lists(
    st.binary(max_size=12) | st.text("ab\n", max_size=30).map(str.encode), max_size=6
)


@settings(max_examples=40, deadline=None)
@given(train=documents, held_out=documents, order=st.integers(1, 5))
def test_equals_the_slow_oracle(train: list[bytes], held_out: list[bytes], order: int) -> None:
    train, held_out = [b"abba", *train], [b"ab\xffc", *held_out]
    model, slow = ByteNGram.fit(train, order), SlowNGram(train, order)
    expected = [slow.bits_per_byte(held_out, n) for n in range(1, order + 1)]
    assert model.bits_per_byte(held_out) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(train=documents, context=st.binary(max_size=6) | st.text("ab", max_size=6).map(str.encode))
def test_probabilities_are_normalised(train: list[bytes], context: bytes) -> None:
    p = ByteNGram.fit([b"abab", *train], order=5).distribution(context)
    assert p.shape == (SYMBOLS,)
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    assert p.min() > 0


def test_chunking_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    train = [b"abcab" * k for k in range(1, 9)]
    held_out = [b"abccab", b"", b"bca"]
    whole = ByteNGram.fit(train).bits_per_byte(held_out)
    monkeypatch.setattr(byte_ngram, "CHUNK_BYTES", 7)
    assert ByteNGram.fit(train).bits_per_byte(held_out) == pytest.approx(whole, rel=1e-12)


def test_longer_contexts_help_on_repetitive_text(write_documents: Callable[..., Path]) -> None:
    text = "for i in range(10):\n    print(i)\n" * 20
    folder = write_documents(("train", "a.py", text), ("train", "b.py", text.upper()))
    write_documents(("validation", "c.py", text))
    result = baselines(folder)
    assert list(result) == ["unigram", "bigram", "5-gram"]
    assert result["unigram"] > result["bigram"] > result["5-gram"] > 0


def test_mistakes_are_named(write_documents: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"order.*\[1, 7\], got 8"):
        ByteNGram.fit([b"a"], order=8)
    with pytest.raises(UserError, match="at least one training document"):
        baselines(write_documents(("validation", "a.py", "x")))
    with pytest.raises(UserError, match="at least one validation byte"):
        ByteNGram.fit([b"a"]).bits_per_byte([b""])
    with pytest.raises(UserError, match=r"no \*\.jsonl\.zst"):
        baselines(tmp_path / "nowhere")
