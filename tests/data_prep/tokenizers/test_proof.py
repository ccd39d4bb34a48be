# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What is proven before a tokenizer is used, and what happens where it does not hold."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from data_prep.tokenizers import proof
from data_prep.tokenizers.compiled import Compiled
from data_prep.tokenizers.encoder import Encoder
from foundry_plugins.contract.errors import UserError


def records(*texts: str) -> list[dict[str, Any]]:
    return [{"text": text, "path": f"{n}.py", "repository": "a/b"} for n, text in enumerate(texts)]


def test_counts_what_came_back(vocabulary: str, corpus: list[str]) -> None:
    found = proof.compare(Encoder(vocabulary), records(*corpus), 10**9)
    assert (found.encoder, found.reason) == ("compiled", "")
    assert found.documents == len(corpus)
    assert found.bytes == sum(len(text.encode()) for text in corpus)
    assert 1 < found.bytes / found.tokens < 4
    assert proof.by_library(Encoder(vocabulary), records(*corpus)).tokens == found.tokens


def test_compares_no_more_than_asked(vocabulary: str) -> None:
    texts = ["x" * 1_000_000, "y" * 1_000_000, "z" * 1_000_000]
    found = proof.compare(Encoder(vocabulary), records(*texts), 1_500_000)
    assert (found.documents, found.bytes) == (2, 2_000_000)
    assert proof.compare(Encoder(vocabulary), records("a", "b", "c"), 2).documents == 2


def test_other_ids_leave_it_to_the_library(
    vocabulary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bytewise(
        self: Compiled, data: np.ndarray, ends: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return self._tables.merges.byte_ids[data[: ends[-1]]], ends

    monkeypatch.setattr(Compiled, "encode", bytewise)
    found = proof.compare(Encoder(vocabulary), records("a", "    "), 10)
    assert found.encoder == "library"
    assert found.reason == "the compiled encoder gives other ids for a/b/1.py"


def test_a_loss_names_the_document(vocabulary: str) -> None:
    content = json.loads(vocabulary) | {"normalizer": {"type": "NFC"}}
    encoder = Encoder(json.dumps(content))
    found = proof.compare(encoder, records("a"), 10)
    assert (found.encoder, found.reason) == ("library", "it normalizes text (NFC)")
    with pytest.raises(UserError, match=r"a/b/1\.py does not come back.*line 2"):
        proof.by_library(encoder, records("a", "b\ne\u0301"))
