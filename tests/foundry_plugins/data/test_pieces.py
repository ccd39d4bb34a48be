# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Cutting tokens equals encoding the pieces: every kind of vocabulary, text and edge."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundry_plugins.data.boundaries import safe_places
from foundry_plugins.data.pieces import Body
from foundry_plugins.data.proof import find_difference
from foundry_plugins.data.spans import draw_random
from foundry_plugins.data.tokenizer import PieceEncoder
from foundry_plugins.data.vocabulary import Vocabulary

KINDS = ("qwen2", "cl100k", "gpt2", "starcoder", "sentencepiece_bpe", "metaspace", "unigram")
Get = Callable[[str], Vocabulary]
# What patterns and vocabularies treat in ways of their own, beside any character at all.
HARD = st.one_of(
    st.sampled_from(
        [*"aA1 \t\n\r'.,(é漢 \u3000", "\r\n", "  ", "'re", "'S", "42", "🙂", "<fim_middle>"]
    ),
    st.characters(codec="utf-8"),
)
TEXTS = st.lists(HARD, max_size=60).map("".join)
ANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXTS, seed=st.integers(0, 2**32))
@ANY
def test_pieces_of_a_document_are_encoded_as_wholes(
    vocabulary_by_kind: Get, kind: str, text: str, seed: int
) -> None:
    vocabulary = vocabulary_by_kind(kind)
    if kind == "metaspace":
        text = text.replace("\u2581", "_")  # which this kind cannot tell from a space
    start, end = draw_random(len(text), None, seed)
    body = Body.of(vocabulary.ids(text), vocabulary)
    if not text:
        assert body is None
        return
    assert body is not None
    assert body.text == text
    assert body.length == len(text)
    cuts = body.place(start), body.place(end)
    assert body.before(cuts[0]).tolist() == vocabulary.encode(text[:start])
    assert body.between(*cuts).tolist() == vocabulary.encode(text[start:end])
    assert body.after(cuts[1]).tolist() == vocabulary.encode(text[end:])


@pytest.mark.parametrize("kind", KINDS)
def test_real_files(vocabulary_by_kind: Get, code: list[str], kind: str) -> None:
    vocabulary = vocabulary_by_kind(kind)
    for number, text in enumerate(code):
        body = Body.of(vocabulary.ids(text), vocabulary)
        assert body is not None
        for draw in range(3 if kind == "unigram" else 12):
            start, end = draw_random(len(text), None, number, draw)
            cuts = body.place(start), body.place(end)
            assert body.before(cuts[0]).tolist() == vocabulary.encode(text[:start])
            assert body.between(*cuts).tolist() == vocabulary.encode(text[start:end])
            assert body.after(cuts[1]).tolist() == vocabulary.encode(text[end:])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "unigram"])
def test_a_context_edge_changes_nothing_beyond_a_safe_place(
    vocabulary_by_kind: Get, code: list[str], kind: str
) -> None:
    """Oracle: the whole document's pieces, of which a fragment holds a run of tokens."""
    vocabulary = vocabulary_by_kind(kind)
    text = code[0]
    tokens = vocabulary.ids(text)
    for n in range(20):
        first = 100 + 137 * n
        fragment = tokens[first : first + 400]
        body = Body.of(fragment, vocabulary)
        assert body is not None
        shift = len(b"".join(vocabulary.token_bytes[t] for t in tokens[:first]).decode())
        start, end = draw_random(body.length - 200, None, n)
        start, end = start + 100, end + 100  # a safe place lies between either edge and the cuts
        cuts = body.place(start), body.place(end)
        whole = vocabulary.encode(text[: shift + start])
        assert body.before(cuts[0]).tolist() == whole[first:]
        middle = vocabulary.encode(text[shift + start : shift + end])
        assert body.between(*cuts).tolist() == middle
        rest = len(tokens) - first - 400
        assert body.after(cuts[1]).tolist() == vocabulary.encode(text[shift + end :])[:-rest]


@pytest.mark.parametrize("kind", ["qwen2", "sentencepiece_bpe"])
def test_characters_cut_by_the_context_edge_stay_whole(vocabulary_by_kind: Get, kind: str) -> None:
    vocabulary = vocabulary_by_kind(kind)
    tokens = vocabulary.ids("ä€𝄞 " * 12)
    for first in range(9):
        for last in range(1, 10):
            fragment = tokens[first : len(tokens) - last]
            body = Body.of(fragment, vocabulary)
            assert body is not None
            assert set(body.text) <= set("ä€𝄞 ")
            place = body.place(body.length // 2)
            for part in (body.before(place), body.after(place)):
                assert len(part)
            joined = [*body.before(place), *body.after(place)]
            table = vocabulary.token_bytes
            assert b"".join(table[t] for t in joined) == b"".join(table[t] for t in fragment)


def test_only_the_neighbourhood_of_a_cut_is_encoded(
    vocabulary_by_kind: Get, code: list[str]
) -> None:
    vocabulary = vocabulary_by_kind("qwen2")
    seen: list[str] = []

    def watched(text: str) -> list[int]:
        seen.append(text)
        return list(vocabulary.encode(text))

    body = Body.of(vocabulary.ids(code[0]), dataclasses.replace(vocabulary, encode=watched))
    assert body is not None
    for n in range(100):
        place = body.place(draw_random(len(code[0]), None, n)[0])
        body.before(place)
        body.after(place)
    assert len(code[0]) > 90_000
    assert max(map(len, seen)) < 200
    assert sum(map(len, seen)) < 100 * 40


def test_special_tokens_and_nothing_cannot_be_cut(vocabulary_by_kind: Get) -> None:
    vocabulary = vocabulary_by_kind("qwen2")
    for tokens in ([], [vocabulary.pad], [*vocabulary.ids("ab"), vocabulary.prefix]):
        assert Body.of(np.array(tokens, dtype=np.int64), vocabulary) is None


@pytest.mark.parametrize("kind", KINDS)
def test_proof_holds_for_what_is_known(vocabulary_by_kind: Get, kind: str) -> None:
    vocabulary = vocabulary_by_kind(kind)
    assert (vocabulary.safe is None) == (kind == "unigram")
    assert find_difference(vocabulary) is None


def test_proof_holds_for_a_normal_form(
    tokenizer_of: Callable[[str], str], vocabulary_by_kind: Get
) -> None:
    content = {**json.loads(tokenizer_of("qwen2")), "normalizer": {"type": "NFC"}}
    encode = PieceEncoder(json.dumps(content))
    assert len(encode("e\u0301")) == len(encode("\u00e9"))
    vocabulary = dataclasses.replace(
        vocabulary_by_kind("qwen2"), encode=encode, safe=safe_places(json.dumps(content))[0]
    )
    assert vocabulary.safe is not None
    assert find_difference(vocabulary) is None


@pytest.mark.parametrize("kind", ["qwen2", "cl100k", "gpt2", "sentencepiece_bpe"])
def test_proof_finds_a_place_that_is_not_safe(vocabulary_by_kind: Get, kind: str) -> None:
    everywhere = np.ones((256, 256), dtype=bool)
    vocabulary = dataclasses.replace(vocabulary_by_kind(kind), safe=everywhere)
    assert "cut at" in str(find_difference(vocabulary))


def test_a_newline_behind_a_symbol_is_safe_for_gpt2_alone(vocabulary_by_kind: Get) -> None:
    by_kind = {kind: vocabulary_by_kind(kind).safe for kind in ("gpt2", "cl100k")}
    pair = ord(")"), ord("\n")
    assert by_kind["gpt2"] is not None
    assert by_kind["cl100k"] is not None
    assert by_kind["gpt2"][pair]
    assert not by_kind["cl100k"][pair]
    # With what is safe for GPT-2's pattern, cl100k's proof fails.
    vocabulary = dataclasses.replace(vocabulary_by_kind("cl100k"), safe=by_kind["gpt2"])
    assert find_difference(vocabulary) is not None


def test_what_is_not_known_is_not_trusted(tokenizer_of: Callable[[str], str]) -> None:
    known = json.loads(tokenizer_of("qwen2"))
    for change, phrase in (
        ({"normalizer": {"type": "Lowercase"}}, "normalizer"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "pattern"),
        ({"added_tokens": [{"content": "    ", "id": 5, "special": False}]}, "added tokens"),
    ):
        safe, ground = safe_places(json.dumps({**known, **change}))
        assert safe is None
        assert phrase in ground
    pattern = known["pre_tokenizer"]["pretokenizers"][0]["pattern"]
    pattern["Regex"] += "|x"
    assert safe_places(json.dumps(known)) == (None, "its split pattern is not known")
