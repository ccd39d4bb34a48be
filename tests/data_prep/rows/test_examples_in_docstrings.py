# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from data_prep import marked_text
from data_prep.conversations import people
from data_prep.rows import documents, files


@pytest.mark.parametrize("module", [documents, files, marked_text, people])
def test_examples(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0
