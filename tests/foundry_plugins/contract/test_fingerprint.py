# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A tokenizer's identity: what changes it and what does not."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from foundry_plugins.contract.fingerprint import fingerprint

TOKENIZER: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [{"id": 0, "content": "<|endoftext|>", "special": True}],
    "normalizer": None,
    "pre_tokenizer": {"type": "ByteLevel"},
    "post_processor": None,
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 1, "b": 2, "ab": 3}, "merges": [["a", "b"]]},
}


def changed(path: str, value: object) -> str:
    content = copy.deepcopy(TOKENIZER)
    node = content
    *parents, last = path.split(".")
    for parent in parents:
        node = node[parent]
    node[last] = value
    return json.dumps(content)


BASE = fingerprint(json.dumps(TOKENIZER))


def test_golden() -> None:
    assert BASE == "260ffb0cf2dedfb3917bf7cb572f4d2d23f7107486cff6677e3b2c727be21148"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", "2.0"),
        ("truncation", {"max_length": 512}),
        ("padding", {"pad_id": 1}),
        ("post_processor", {"type": "ByteLevel"}),
        ("model.merges", ["a b"]),
        ("model.ignore_merges", False),
        ("model.dropout", None),
    ],
)
def test_what_changes_no_id(path: str, value: object) -> None:
    assert fingerprint(changed(path, value)) == BASE


def test_layout_of_the_file_does_not_matter() -> None:
    again = dict(reversed(TOKENIZER.items()))
    assert fingerprint(json.dumps(again, indent=3, ensure_ascii=False)) == BASE


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.vocab", {"a": 2, "b": 1, "ab": 3}),
        ("model.merges", []),
        ("normalizer", {"type": "NFC"}),
        ("pre_tokenizer", {"type": "ByteLevel", "use_regex": False}),
        ("added_tokens", []),
        ("model.ignore_merges", True),
    ],
)
def test_what_changes_ids(path: str, value: object) -> None:
    assert fingerprint(changed(path, value)) != BASE


def test_a_unigrams_scores_count_and_survive_the_library() -> None:
    from tokenizers import Tokenizer

    def unigram(score: float) -> str:
        vocab = [["<unk>", -10000.0], ["a", -2.889366], ["ab", score], [" ", -13.000001]]
        model = {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": False}
        return json.dumps({"version": "1.0", "added_tokens": [], "model": model})

    first = fingerprint(unigram(-3.270912))
    saved = Tokenizer.from_str(unigram(-3.270912)).to_str()
    assert fingerprint(Tokenizer.from_str(saved).to_str()) == fingerprint(saved) == first
    assert fingerprint(unigram(-3.270913)) != first
