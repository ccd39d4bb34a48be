# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The bytes of every token, against the tokenizers library's own decoding."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.token_bytes import byte_level_alphabet, token_bytes


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=[AddedToken("<|pad|>", special=True)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["the naïve café 漢字 漢字 漢 \U0001f600\U0001f600"] * 9, trainer)
    made.add_tokens([AddedToken("plain text", special=False)])
    return made


def test_alphabet_is_the_librarys() -> None:
    alphabet = byte_level_alphabet()
    assert set(alphabet) == set(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(alphabet.values()) == list(range(256))
    assert (alphabet["A"], alphabet["Ġ"], alphabet["Ċ"]) == (0x41, 0x20, 0x0A)


def test_every_token_decodes_to_its_bytes(tokenizer: Tokenizer) -> None:
    table = token_bytes(tokenizer.to_str())
    assert len(table) == tokenizer.get_vocab_size()
    for index, data in enumerate(table):
        # A token that is a part of a character decodes to the replacement character.
        assert tokenizer.decode([index]) == data.decode("utf-8", "replace")
    assert table[tokenizer.token_to_id("<|pad|>")] == b""
    assert table[tokenizer.token_to_id("plain text")] == b"plain text"
    assert b"\xe6\xbc\xa2" in table


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_tokens_join_to_the_text(tokenizer: Tokenizer, text: str) -> None:
    tokenizer.encode_special_tokens = True
    table = token_bytes(tokenizer.to_str())
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert b"".join(table[index] for index in ids) == text.encode()


@pytest.mark.parametrize(
    "content",
    [
        {"model": {"type": "Unigram", "vocab": []}, "decoder": {"type": "Metaspace"}},
        {"model": {"type": "BPE", "vocab": {}}, "decoder": {"type": "Metaspace"}},
        {},
    ],
)
def test_other_kinds_are_refused(content: dict[str, object]) -> None:
    with pytest.raises(UserError, match="neither byte-level BPE"):
        token_bytes(json.dumps(content))


def literal(model: dict[str, object]) -> str:
    return json.dumps(
        {
            "added_tokens": [{"id": 0, "content": "<|pad|>", "special": True}],
            "decoder": {
                "type": "Sequence",
                "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}],
            },
            "model": {"byte_fallback": True, **model},
        }
    )


@pytest.mark.parametrize("kind", ["BPE", "Unigram"])
def test_literal_entries_are_their_text_and_byte_entries_their_byte(kind: str) -> None:
    names = ["<|pad|>", "<0x0A>", "<0xE6>", " x", "漢", "\u2581", "<0xE6", "<0xe6>"]
    entries: object = [[name, -1.0] for name in names]
    if kind == "BPE":
        entries = {name: index for index, name in enumerate(names)}
    found = token_bytes(literal({"type": kind, "vocab": entries}))
    rest = [name.encode() for name in names[3:]]
    assert found == [b"", b"\n", b"\xe6", *rest]


@pytest.mark.parametrize(
    "model",
    [
        {"type": "Unigram", "vocab": [], "byte_fallback": False},
        {"type": "WordPiece", "vocab": {}},
    ],
)
def test_without_bytes_to_fall_back_on_text_would_be_lost(model: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"pretrained"):
        token_bytes(literal(model))
