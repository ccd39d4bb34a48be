# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which tokenizers llama.cpp can reproduce."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_prep.tokenizers.patterns import pre_tokenizer
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sentinels import SENTINELS
from foundry_plugins.contract.split_patterns import QWEN2
from foundry_plugins.export.gguf_tokenizer import CONTROL, NORMAL, UNUSED, read_vocabulary


@pytest.fixture
def content(tokenizer_folder: Path) -> dict[str, Any]:
    return json.loads((tokenizer_folder / "tokenizer.json").read_text())


def test_the_pattern_is_the_one_that_vocabularies_are_trained_with() -> None:
    split, _ = pre_tokenizer("qwen2")["pretokenizers"]
    assert split["pattern"] == {"Regex": QWEN2}


def test_reads_tokens_types_and_merges(content: dict[str, Any]) -> None:
    vocabulary = read_vocabulary(json.dumps(content), 768)
    assert vocabulary.tokens[: len(SENTINELS)] == list(SENTINELS)
    assert vocabulary.types[: len(SENTINELS)] == [CONTROL] * len(SENTINELS)
    assert vocabulary.types[len(SENTINELS) : 700] == [NORMAL] * (700 - len(SENTINELS))
    assert vocabulary.types[700:] == [UNUSED] * 68
    assert len(set(vocabulary.tokens)) == 768
    assert vocabulary.merges == [" ".join(merge) for merge in content["model"]["merges"]]
    # The other spelling of merges, by tokenizers before 0.20.
    content["model"]["merges"] = vocabulary.merges
    assert read_vocabulary(json.dumps(content), 768) == vocabulary


def _other_split(content: dict[str, Any]) -> None:
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": r"\p{N}{1,3}|\s+"}


def _prefix_space(content: dict[str, Any]) -> None:
    content["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = True


def _no_split(content: dict[str, Any]) -> None:
    content["pre_tokenizer"] = content["pre_tokenizer"]["pretokenizers"][1]


def _normalizes(content: dict[str, Any]) -> None:
    content["normalizer"] = {"type": "NFC"}


def _unigram(content: dict[str, Any]) -> None:
    content["model"]["type"] = "Unigram"


def _ignores_merges(content: dict[str, Any]) -> None:
    content["model"]["ignore_merges"] = True


def _adds_tokens(content: dict[str, Any]) -> None:
    content["post_processor"] = {"type": "TemplateProcessing"}


def _strips(content: dict[str, Any]) -> None:
    content["added_tokens"][3]["lstrip"] = True


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_other_split, "qwen2"),
        (_prefix_space, "qwen2"),
        (_no_split, "qwen2"),
        (_normalizes, "NFC"),
        (_unigram, "Unigram"),
        (_ignores_merges, "ignore_merges"),
        (_adds_tokens, "TemplateProcessing"),
        (_strips, "<fim_middle>"),
    ],
)
def test_other_tokenizers_are_refused(
    content: dict[str, Any], change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    change(content)
    with pytest.raises(UserError, match=reason):
        read_vocabulary(json.dumps(content), 768)


def test_more_ids_than_embeddings_are_refused(content: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="id 699 but the model's vocab_size is 512"):
        read_vocabulary(json.dumps(content), 512)
