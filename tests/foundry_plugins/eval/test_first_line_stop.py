# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.eval.first_line_stop import FirstLineStop
from foundry_plugins.eval.postprocess import first_line


def found(tokenizer: Any, ids: list[int]) -> bool:
    """Whether a row that is watched token by token is stopped somewhere."""
    stop = FirstLineStop(tokenizer)
    return any(stop.found(ids[: end + 1]) for end in range(len(ids)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\n", True), ("a", False), ("\n", False), ("  \n  a", False), ("\n a\n", True), ("", False)],
)
def test_golden(tokenizer: Any, text: str, expected: bool) -> None:
    assert found(tokenizer, tokenizer(text)["input_ids"]) is expected


@given(data=st.data())
def test_equals_the_rule_on_text(tokenizer: Any, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, len(tokenizer) - 1), max_size=12))
    text = tokenizer.decode(ids, skip_special_tokens=False)
    assert found(tokenizer, ids) is (first_line(text) != text)
