# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.eval.first_line_criteria import FirstLineCriteria, LineTables
from foundry_plugins.eval.postprocess import first_line


@pytest.fixture(scope="module")
def tables(tokenizer: Any) -> LineTables:
    return LineTables(tokenizer)


def complete(tables: LineTables, ids: list[int]) -> bool:
    return bool(tables.is_complete(torch.tensor([ids], dtype=torch.long))[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\n", True), ("a", False), ("\n", False), ("  \n  a", False), ("\n a\n", True), ("", False)],
)
def test_golden(tables: LineTables, tokenizer: Any, text: str, expected: bool) -> None:
    assert complete(tables, tokenizer(text)["input_ids"]) is expected


def test_any_tokenization_of_a_line_counts(tables: LineTables, tokenizer: Any) -> None:
    vocabulary = tokenizer.get_vocab()
    joined = [i for i in range(len(tokenizer)) if tokenizer.decode([i]) == ":\n"]
    assert joined, "the vocabulary holds a token that ends a line itself"
    assert complete(tables, joined)
    # Special tokens are no text: decoding drops them.
    assert not complete(tables, [vocabulary["<fim_pad>"], vocabulary["Ċ"]])


@given(data=st.data())
def test_equals_the_rule_on_text(tables: LineTables, tokenizer: Any, data: st.DataObject) -> None:
    # One row beyond the tokenizer: models have padded vocabularies.
    ids = data.draw(st.lists(st.integers(0, len(tokenizer)), max_size=12))
    text = tokenizer.decode([i for i in ids if i < len(tokenizer)], skip_special_tokens=True)
    has_line = first_line(text) != text
    if text.isascii():
        assert complete(tables, ids) is has_line
    else:  # A part of a character may be blank: then the row goes on, and loses nothing.
        assert has_line or not complete(tables, ids)


def test_only_what_was_generated_counts(tables: LineTables, tokenizer: Any) -> None:
    prompt = tokenizer("a\n")["input_ids"]
    generated = tokenizer("b\n")["input_ids"]
    rows = torch.tensor([prompt + generated, prompt + generated[:1] * len(generated)])
    done = FirstLineCriteria(tables, len(prompt))(rows, torch.empty(0))
    assert done.tolist() == [True, False]
