# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The verdict on measured figures, and what is measured on."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from foundry_plugins.contract.errors import UserError
from foundry_plugins.export.parity import (
    TRICKY_TEXTS,
    Measurement,
    ParityReport,
    greedy_mismatches,
    largest,
    make_probes,
)


def _report(*measurements: Measurement) -> ParityReport:
    return ParityReport("hf", "in.pt", "out", measurements)


def test_limits_are_inclusive_and_nan_never_passes() -> None:
    assert Measurement("m", 1e-5, 1e-5).passed
    assert not Measurement("m", math.nan, 1e-5).passed
    good, bad = Measurement("a", 0, 0), Measurement("difference", 0.25, 1e-5)
    _report(good).require_passed()
    with pytest.raises(UserError, match=r"\(difference: 0.25, allowed 1e-05\)"):
        _report(good, bad).require_passed()
    assert _report(good, bad).rows() == [("a", "0", "0"), ("difference", "0.25", "1e-05")]
    assert json.loads(_report(bad).to_json())["passed"] is False


def test_largest_keeps_nan_wherever_it_stands() -> None:
    assert largest([]) == 0.0
    assert largest([0.5, 2.0, 1.0]) == 2.0
    for values in ([math.nan, 1.0], [1.0, math.nan]):
        assert math.isnan(largest(values))


def test_greedy_mismatches_counts_worse_choices() -> None:
    rows = torch.tensor([[9.0, 0, 0], [0, 1, 0], [0, 1, 1 - 1e-6], [0, 0, 5], [math.nan, 0, 0]])
    # The prompt has two tokens: the first choice is made on its second row.
    assert greedy_mismatches(rows, 2, [1, 2, 2], tie=1e-5) == 0
    assert greedy_mismatches(rows, 2, [0, 0, 0], tie=1e-5) == 3
    assert greedy_mismatches(rows, 2, [1, 1, 2, 1], tie=1e-5) == 1, "NaN is no agreement"


@pytest.mark.parametrize("length", [16, 128, 4096])
def test_probes_fit_the_context_and_fill_it_once(tokenizer_folder: Path, length: int) -> None:
    tokenizer = Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    probes = make_probes(tokenizer, ["def f():\n    return 1\n" * 400] * 20, length)
    assert probes.texts[-len(TRICKY_TEXTS) :] == TRICKY_TEXTS
    assert max(map(len, probes.rows)) == length
    assert all(probes.rows)
    assert all(probes.prompts)
    assert max(map(len, probes.prompts)) + probes.new_tokens == length
    assert probes.new_tokens == min(64, length // 2)
    assert len(probes.prompts) == 6
    assert make_probes(tokenizer, [], length).prompts, "samples are optional"
