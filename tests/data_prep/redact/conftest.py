# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The planted snippets of the benchmark, which the tests run on as well."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def planted_secrets() -> ModuleType:
    """``benchmarks.planted_secrets``."""
    sys.path.append(str(ROOT))
    return importlib.import_module("benchmarks.planted_secrets")


@pytest.fixture(scope="session")
def planted_negatives(planted_secrets: ModuleType) -> ModuleType:
    """``benchmarks.planted_negatives``."""
    return importlib.import_module("benchmarks.planted_negatives")
