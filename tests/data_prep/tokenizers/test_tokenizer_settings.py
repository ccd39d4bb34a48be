# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from data_prep.settings import settings
from data_prep.tokenizers.settings import Tokenizer
from foundry_plugins.contract.errors import UserError


def made(**section: Any) -> Tokenizer:
    return Tokenizer(**settings("tokenizer", Tokenizer, section))


def test_what_may_be_left_out() -> None:
    found = made(vocab_size=512)
    assert (found.kind, found.split_pattern) == ("byte_level_bpe", "qwen2")
    assert made(kind="pretrained", path=__file__).vocab_size is None


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({}, "`tokenizer.vocab_size` is missing"),
        ({"vocab_size": 100}, "`tokenizer.vocab_size` must be at least 301"),
        ({"vocab_size": 512, "training_bytes": 0}, "`tokenizer.training_bytes` must be at least 1"),
        ({"vocab_size": 512, "kind": "unigram"}, "`tokenizer.kind` must be one of .*unigram"),
        ({"vocab_size": 512, "pattern": "gpt"}, "`tokenizer.pattern`.*did you mean 'gpt2'"),
        ({"vocab_size": 512, "path": "x"}, "`tokenizer.path` goes with `kind: pretrained`"),
        ({"vocab_size": 512, "add_sentinels": True}, "`tokenizer.add_sentinels` goes with"),
        ({"vocab_size": 512, "drop_normalizer": True}, "`tokenizer.drop_normalizer` goes with"),
        (
            {"vocab_size": 512, "kind": "sentencepiece_bpe", "pattern": "gpt2"},
            "`tokenizer.pattern` goes with `kind: byte_level_bpe`",
        ),
        ({"kind": "pretrained"}, "`tokenizer.path` is missing"),
        (
            {"kind": "pretrained", "path": "nowhere"},
            "`tokenizer.path`: there is nothing at nowhere",
        ),
        (
            {"kind": "pretrained", "path": __file__, "vocab_size": 9},
            "`tokenizer.vocab_size` does not go with.*`tokenizer.vocab_size=null`",
        ),
        ({"vocab_size": 512, "proof_byte": 1}, "proof_byte.*did you mean 'proof_bytes'"),
    ],
)
def test_mistakes_name_their_key(section: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        made(**section)
