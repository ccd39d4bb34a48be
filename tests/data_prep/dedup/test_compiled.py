# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels: compiled when called, kept on disk only under their own module's name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numba
import pytest

from data_prep.dedup.compiled import Kernel


def double(number: int) -> int:
    return 2 * number


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options that numba was called with; it has no place to keep machine code."""
    calls: list[dict[str, Any]] = []

    def njit(**options: Any) -> Callable[[Any], Any]:
        calls.append(options)
        if options.get("cache"):
            raise RuntimeError("no locator available")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", njit)
    return calls


def test_runs_where_nothing_can_be_kept(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(double, "__module__", "data_prep.dedup.pairs")
    kernel = Kernel(double)
    assert kernel(4) == 8
    assert kernel(5) == 10
    assert [options.get("cache", False) for options in asked] == [True, False]


def test_modules_under_another_name_keep_nothing(asked: list[dict[str, Any]]) -> None:
    assert Kernel(double)(4) == 8
    assert asked == [{"nogil": True}]


def test_importing_kernels_loads_no_compiler() -> None:
    code = (
        "import sys, data_prep.stages.near_duplicates, data_prep.dedup.planted; "
        "print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
