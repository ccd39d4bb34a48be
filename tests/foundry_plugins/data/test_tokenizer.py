# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What a run's tokenizer must have for fill-in-the-middle, and what the log says of it."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sentinels import END_OF_TEXT, FAMILIES, PAD
from foundry_plugins.data.tokenizer import PieceEncoder, vocabulary_of

Make = Callable[[str], str]


def loaded(content: str) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(content), eos_token=END_OF_TEXT, pad_token=PAD
    )


def renamed(content: str, names: dict[str, str]) -> str:
    parsed: dict[str, Any] = json.loads(content)
    for token in parsed["added_tokens"]:
        token["content"] = names.get(token["content"], token["content"])
    model = parsed["model"]["vocab"]
    parsed["model"]["vocab"] = {names.get(token, token): index for token, index in model.items()}
    return json.dumps(parsed)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_s_names(tokenizer_of: Make, family: str) -> None:
    ours, theirs = FAMILIES["starcoder"], FAMILIES[family]
    names = {ours.prefix: theirs.prefix, ours.middle: theirs.middle, ours.suffix: theirs.suffix}
    if theirs.end:
        names["<fim_pad>"] = theirs.end
    tokenizer = loaded(renamed(tokenizer_of("qwen2"), names))
    vocabulary = vocabulary_of(tokenizer, family)
    found = [vocabulary.prefix, vocabulary.middle, vocabulary.suffix, vocabulary.end]
    wanted = [theirs.prefix, theirs.middle, theirs.suffix, theirs.end or END_OF_TEXT]
    assert tokenizer.convert_ids_to_tokens(found) == wanted
    if theirs != ours:
        with pytest.raises(UserError, match=f"no token '{ours.prefix}'.*fim.sentinels"):
            vocabulary_of(tokenizer)


def test_an_unknown_family(tokenizer_of: Make) -> None:
    with pytest.raises(UserError, match=r"fim.sentinels.*starcodr.*did you mean 'starcoder'"):
        vocabulary_of(loaded(tokenizer_of("qwen2")), "starcodr")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("qwen2", "only the characters around a cut are encoded (the pattern of cl100k)"),
        ("gpt2", "only the characters around a cut are encoded (the pattern of gpt2)"),
        ("sentencepiece_bpe", "only the characters around a cut are encoded (no entry joins them)"),
        ("unigram", "whole pieces are encoded (its model is Unigram, not BPE)"),
    ],
)
def test_the_log_says_which_path_runs(
    tokenizer_of: Make, caplog: pytest.LogCaptureFixture, kind: str, words: str
) -> None:
    with caplog.at_level(logging.INFO, "llmfoundry"):
        vocabulary_of(loaded(tokenizer_of(kind)))
    assert words in caplog.text


def test_what_fails_on_samples_is_encoded_whole(
    tokenizer_of: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foundry_plugins.data import boundaries

    # As if cl100k's pattern were taken for GPT-2's.
    monkeypatch.setattr(boundaries, "_CL100K", boundaries._GPT2)
    with caplog.at_level(logging.INFO, "llmfoundry"):
        vocabulary = vocabulary_of(loaded(tokenizer_of("cl100k")))
    assert vocabulary.safe is None
    assert "whole pieces are encoded (it failed on" in caplog.text


def test_pieces_have_no_dummy_prefix_and_survive_pickling(tokenizer_of: Make) -> None:
    content = tokenizer_of("metaspace")
    whole = Tokenizer.from_str(content)
    assert whole.encode("x = 1").tokens[0].startswith("\u2581")
    for encode in (PieceEncoder(content), pickle.loads(pickle.dumps(PieceEncoder(content)))):
        tokens = [whole.id_to_token(index) for index in encode("x = 1")]
        assert "".join(tokens) == "x\u2581=\u25811"
        # A sentinel's name is text.
        assert len(encode("<fim_prefix>")) > 1


def test_nothing_is_put_before_a_piece(tokenizer_of: Make) -> None:
    content = json.loads(tokenizer_of("gpt2"))
    content["pre_tokenizer"]["add_prefix_space"] = True
    assert Tokenizer.from_str(json.dumps(content)).encode("x").tokens != ["x"]
    assert (
        Tokenizer.from_str(json.dumps(content)).decode(PieceEncoder(json.dumps(content))("x"))
        == "x"
    )
    vocabulary_of(loaded(json.dumps(content)))


def test_a_tokenizer_that_loses_the_ends_of_pieces_is_refused(tokenizer_of: Make) -> None:
    content = json.loads(tokenizer_of("metaspace"))
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    content["normalizer"]["normalizers"].insert(0, strip)
    with pytest.raises(UserError, match=r"encodes .* as .*: it changes the ends of a text"):
        vocabulary_of(loaded(json.dumps(content)))
