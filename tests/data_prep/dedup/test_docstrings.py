# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The examples in the docstrings of the search for duplicates."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = ("components", "exact", "keep_rules", "minhash", "pairs", "settings", "tokens")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"data_prep.dedup.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
