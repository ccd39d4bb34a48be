# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Kernels: compiled when called, by name or by one another; kept only under their own module."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from data_prep.kernel import kernel


def double(number: int) -> int:
    return 2 * number


@kernel(inline=True)
def _square(number: int) -> int:
    return number * number


@kernel()
def _sum_of_squares(numbers: np.ndarray) -> int:
    total = 0
    for number in numbers:
        total += _square(number)
    return total


def test_kernels_call_one_another() -> None:
    assert _sum_of_squares(np.array([1, 2, 3])) == 14
    assert _square(5) == 25


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
    doubled = kernel()(double)
    assert doubled(4) == 8
    assert doubled(5) == 10
    assert [options.get("cache", False) for options in asked] == [True, False]


def test_modules_under_another_name_keep_nothing(asked: list[dict[str, Any]]) -> None:
    assert kernel()(double)(4) == 8
    assert asked == [{"nogil": True, "forceinline": False}]


def test_importing_kernels_loads_no_compiler() -> None:
    code = (
        "import sys, data_prep.stages.near_duplicates, data_prep.dedup.planted; "
        "import data_prep.decontaminate.index, data_prep.provenance.winnow; "
        "import data_prep.tokenizers.viterbi, data_prep.tokenizers.kernels; "
        "print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
