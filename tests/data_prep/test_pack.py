# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Packing: one example by hand, a slow loop, and what must hold for any documents."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.pack import Packed, TokenDocument, pack
from data_prep.tokenizers.encoder import Encoder
from foundry_plugins.contract.sample import (
    ENDS_DOCUMENT,
    FRAGMENT,
    PADDING,
    STARTS_DOCUMENT,
)
from foundry_plugins.contract.token_bytes import token_bytes

EOS, PAD = 0, 1


def document(tokens: list[int], number: int = 0, **fields: int) -> TokenDocument:
    return TokenDocument(np.array(tokens, dtype=np.uint32), bytes([number]) * 20, **fields)


def run(documents: list[TokenDocument], length: int, byte_lengths: np.ndarray) -> Packed:
    return pack(
        documents,
        sequence_length=length,
        eos=EOS,
        pad=PAD,
        byte_lengths=byte_lengths,
        dtype="uint16",
    )


def test_by_hand() -> None:
    byte_lengths = np.zeros(40, dtype=np.int64)
    byte_lengths[[10, 11, 12, 30]] = [1, 2, 3, 4]
    byte_lengths[20:30] = 2
    packed = run(
        [
            document([10, 11, 12], 7, language=2),
            document(list(range(20, 30)), 8, source=1),
            document([30], 9),
        ],
        8,
        byte_lengths,
    )
    assert packed.tokens.tolist() == [
        [10, 11, 12, EOS, 20, 21, 22, 23],
        [24, 25, 26, 27, 28, 29, EOS, 30],
        [EOS, PAD, PAD, PAD, PAD, PAD, PAD, PAD],
    ]
    both = STARTS_DOCUMENT | ENDS_DOCUMENT
    a, b, c, none = (bytes([n]) * 20 for n in (7, 8, 9, 0))
    # end, target, num_bytes, document_offset, language, source, format, flags, origin
    expected = [
        [(4, 0, 6, 0, 2, 0, 0, both, a), (8, 4, 8, 0, 0, 1, 0, STARTS_DOCUMENT, b)],
        [(7, 0, 12, 8, 0, 1, 0, ENDS_DOCUMENT, b), (8, 7, 4, 0, 0, 0, 0, STARTS_DOCUMENT, c)],
        [(1, 0, 0, 4, 0, 0, 0, ENDS_DOCUMENT, c), (8, 8, 0, 0, 0, 0, 0, PADDING, none)],
    ]
    found = [
        [(*list(f.tolist())[:8], f["origin"].tobytes()) for f in fragments]
        for fragments in packed.fragments
    ]
    assert found == expected


def slow(documents: list[TokenDocument], length: int, byte_lengths: np.ndarray) -> list[list[dict]]:
    """The fragments of every sample, one token at a time."""
    samples: list[list[dict]] = []
    position = 0
    for doc in documents:
        offset = 0
        tokens = [*doc.tokens.tolist(), EOS]
        for index, token in enumerate(tokens):
            if position % length == 0:
                samples.append([])
            if position % length == 0 or index == 0:
                samples[-1].append(
                    {
                        "target": position % length,
                        "num_bytes": 0,
                        "document_offset": offset,
                        "flags": STARTS_DOCUMENT if index == 0 else 0,
                        "origin": doc.origin,
                    }
                )
            fragment = samples[-1][-1]
            if index < doc.target:
                fragment["target"] = position % length + 1
            size = int(byte_lengths[token]) if index < len(tokens) - 1 else 0
            fragment["num_bytes"] += size
            offset += size
            position += 1
            fragment["end"] = (position - 1) % length + 1
        samples[-1][-1]["flags"] |= ENDS_DOCUMENT
    if position % length:
        samples[-1].append(
            {
                "target": length,
                "num_bytes": 0,
                "document_offset": 0,
                "flags": PADDING,
                "origin": b"\0" * 20,
                "end": length,
            }
        )
    return samples


DOCUMENTS = st.lists(
    st.tuples(st.lists(st.integers(2, 30), max_size=40), st.integers(0, 45)),
    min_size=1,
    max_size=8,
)


@given(DOCUMENTS, st.integers(1, 20))
def test_equals_the_slow_loop(drawn: list[tuple[list[int], int]], length: int) -> None:
    byte_lengths = np.arange(31) % 5
    byte_lengths[[EOS, PAD]] = 0
    documents = [
        document(tokens, number, target=min(target, len(tokens)))
        for number, (tokens, target) in enumerate(drawn)
    ]
    packed = run(documents, length, byte_lengths)
    found = [
        [
            {name: f[name].tobytes() if name == "origin" else int(f[name]) for name in expected}
            for f, expected in zip(fragments, wanted, strict=True)
        ]
        for fragments, wanted in zip(
            packed.fragments, slow(documents, length, byte_lengths), strict=True
        )
    ]
    assert found == slow(documents, length, byte_lengths)
    stream = [token for doc in documents for token in (*doc.tokens.tolist(), EOS)]
    padding = -len(stream) % length
    assert packed.tokens.ravel().tolist() == stream + [PAD] * padding


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=120), min_size=1, max_size=6),
    length=st.integers(1, 40),
)
def test_fragments_give_every_document_back(vocabulary: str, texts: list[str], length: int) -> None:
    encoder, table = Encoder(vocabulary), token_bytes(vocabulary)
    encoded = encoder.encode(texts, [str(n) for n in range(len(texts))])
    documents = [document(ids.tolist(), number) for number, ids in enumerate(encoded)]
    packed = run(documents, length, encoder.byte_lengths)
    rebuilt = dict.fromkeys(range(len(texts)), b"")
    for tokens, fragments in zip(packed.tokens, packed.fragments, strict=True):
        start = 0
        for fragment in fragments:
            data = b"".join(table[token] for token in tokens[start : fragment["end"]])
            start = int(fragment["end"])
            assert len(data) == fragment["num_bytes"]
            if fragment["flags"] & PADDING:
                continue
            number = int(fragment["origin"][0])
            assert len(rebuilt[number]) == fragment["document_offset"]
            rebuilt[number] += data
        assert start == length
    assert [rebuilt[number].decode() for number in rebuilt] == texts


def test_types() -> None:
    packed = run([document([5])], 4, np.ones(6, dtype=np.int64))
    assert packed.tokens.dtype == np.uint16
    assert packed.fragments[0].dtype == FRAGMENT
