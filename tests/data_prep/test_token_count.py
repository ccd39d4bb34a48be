# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Counting tokens with and without a tokenizer."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers

from data_prep import token_count
from data_prep.token_count import count_tokens
from foundry_plugins.contract.errors import UserError

GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]))


@given(st.one_of(st.text("ab'sS1 2_.é²\n\t("), ANY_TEXT))
def test_never_more_than_the_pieces_of_gpt2(text: str) -> None:
    assert count_tokens(text) <= len(GPT2.pre_tokenize_str(text))


@pytest.mark.parametrize("text", ["def area(r): return 3.14 * r * r", "a\n\n  b", "x = [1, 2]\n"])
def test_as_many_as_the_pieces_of_gpt2_in_plain_code(text: str) -> None:
    assert count_tokens(text) == len(GPT2.pre_tokenize_str(text))


def test_with_a_tokenizer(vocabulary: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(vocabulary, encoding="utf-8")
    text = "def dumps(obj):\n    return 'é' + str(obj)\n"
    expected = len(Tokenizer.from_str(vocabulary).encode(text, add_special_tokens=False).ids)
    assert count_tokens(text, str(tmp_path)) == expected
    assert count_tokens(text, str(tmp_path / "tokenizer.json")) == expected


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_what_is_no_tokenizer(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match="cannot be read"):
        count_tokens("x", str(path))


def test_examples() -> None:
    assert doctest.testmod(token_count).failed == 0
