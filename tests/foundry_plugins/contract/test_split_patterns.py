# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The split patterns, as the tokenizers library applies them."""

from __future__ import annotations

import pytest
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from foundry_plugins.contract.split_patterns import QWEN2, cl100k

TEXT = "it's f(x1234)  +=\n\n   y"


@pytest.mark.parametrize(
    ("pattern", "numbers"), [(QWEN2, ["1", "2", "3", "4"]), (cl100k(3), ["123", "4"])]
)
def test_pieces(pattern: str, numbers: list[str]) -> None:
    pieces = [piece for piece, _ in Split(Regex(pattern), "isolated").pre_tokenize_str(TEXT)]
    start = ["it", "'s", " f", "(x"]
    assert pieces == [*start, *numbers, ")", " ", " +=\n\n", "  ", " y"]
