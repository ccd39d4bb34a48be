# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Small vocabularies of every kind that fill-in-the-middle treats in a way of its own."""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from data_prep.tokenizers import byte_level, sentencepiece_models
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD
from foundry_plugins.data.tokenizer import vocabulary_of
from foundry_plugins.data.vocabulary import Vocabulary

STDLIB = Path(sysconfig.get_paths()["stdlib"])
BYTE_LEVEL = ("qwen2", "cl100k", "gpt2", "starcoder")
SENTENCEPIECE = ("sentencepiece_bpe", "metaspace", "unigram")


@pytest.fixture(scope="session")
def code() -> list[str]:
    """Real files, some with other scripts in them."""
    names = ("argparse.py", "ast.py", "json/decoder.py", "html/entities.py", "textwrap.py")
    texts = [(STDLIB / name).read_text(encoding="utf-8") for name in names]
    return [*texts, "日本語のコード = '漢字かな'  # комментарий по-русски\n" * 40]


def metaspace(content: dict[str, Any]) -> dict[str, Any]:
    """A literal vocabulary with U+2581 for spaces, and a space before every text, as Llama's."""

    def spelt(entry: str) -> str:
        return entry.replace(" ", "\u2581")

    model = content["model"]
    model["vocab"] = {spelt(entry): index for entry, index in model["vocab"].items()}
    model["merges"] = [[spelt(part) for part in merge] for merge in model["merges"]]
    content["pre_tokenizer"] = None
    content["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
        ],
    }
    content["decoder"] = {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ],
    }
    return content


@pytest.fixture(scope="session")
def tokenizer_of(code: list[str]) -> Callable[[str], str]:
    """``tokenizer.json`` by kind."""
    made: dict[str, str] = {}

    def make(kind: str) -> str:
        if kind in BYTE_LEVEL:
            return byte_level.train(code, 900, kind)
        if kind == "metaspace":
            return json.dumps(metaspace(json.loads(get("sentencepiece_bpe"))))
        model_type = "unigram" if kind == "unigram" else "bpe"
        return sentencepiece_models.train(code, 900, model_type, "vocab_size")

    def get(kind: str) -> str:
        if kind not in made:
            made[kind] = make(kind)
        return made[kind]

    return get


@pytest.fixture(scope="session")
def vocabulary_by_kind(tokenizer_of: Callable[[str], str]) -> Callable[[str], Vocabulary]:
    """The FIM vocabulary by kind."""
    made: dict[str, Vocabulary] = {}

    def get(kind: str) -> Vocabulary:
        if kind not in made:
            backend = Tokenizer.from_str(tokenizer_of(kind))
            made[kind] = vocabulary_of(
                PreTrainedTokenizerFast(
                    tokenizer_object=backend, eos_token=END_OF_TEXT, pad_token=PAD
                )
            )
        return made[kind]

    return get
