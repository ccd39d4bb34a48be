# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The verdicts of `benchmarks/dynamics` follow from the figures, and the shipped ones too."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from benchmarks.dynamics.spread import HIGHER, LOWER, NOT_HIGHER, difference, sentence, summary

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks/results/dynamics.json"


def test_golden_difference() -> None:
    # Differences 1, 2, 3: mean 2, sd 1, Student's t of two degrees of freedom 4.303.
    found = difference([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    half = 4.303 / math.sqrt(3)
    assert found["mean"] == 2.0
    assert found["interval"] == pytest.approx([2 - half, 2 + half], abs=1e-3)
    assert found["direction"] == 0  # 0 lies within
    assert summary([1.0, 2.0, 3.0]) == {"mean": 2.0, "sd": 1.0, "seeds": [1.0, 2.0, 3.0]}


def test_a_difference_is_shown_only_beyond_its_spread() -> None:
    base = [5.0, 5.2, 4.9]
    assert difference([x - 0.1 for x in base], base)["direction"] == -1
    assert difference([x + 0.1 for x in base], base)["direction"] == 1
    assert difference([5.1, 5.0, 5.0], base)["direction"] == 0


@pytest.mark.parametrize(
    ("shift", "claimed", "words"),
    [
        (-0.1, LOWER, "is lower than b, by -0.100 .*; as claimed"),
        (0.1, LOWER, "is higher than b, .*; against the claim"),
        (-0.1, NOT_HIGHER, "better than claimed"),
        (0.1, NOT_HIGHER, "against the claim"),
        (0.1, HIGHER, "as claimed"),
        (0.1, None, r"3 seeds\)\.$"),
    ],
)
def test_sentences(shift: float, claimed: str | None, words: str) -> None:
    base = [5.0, 5.2, 4.9]
    found = difference([x + shift for x in base], base)
    assert re.search(words, sentence("Loss", "a", "b", found, claimed))


def test_nothing_shown_is_said() -> None:
    found = difference([5.1, 5.0, 5.0], [5.0, 5.2, 4.9])
    said = sentence("Loss", "a", "b", found, LOWER)
    assert "does not differ beyond the spread of seeds" in said
    assert "the claim is not shown" in said
    assert "nothing against the claim" in sentence("Loss", "a", "b", found, NOT_HIGHER)


def test_the_readme_quotes_the_shipped_figures() -> None:
    text = (RESULTS.parents[2] / "README.md").read_text()
    section = text.split("### What the mechanisms do", 1)[1].split("\n## ", 1)[0]
    content = json.loads(RESULTS.read_text())
    known = {
        f"{value:+.3f}"
        for name in ("optimizers", "rewarm", "cooldown", "dropout")
        for gap in content[name]["differences"].values()
        for value in (gap["mean"], *gap["interval"])
    }
    quoted = re.findall(r"[+-]\d\.\d{3}", section)
    assert len(quoted) > 20
    assert set(quoted) <= known


def test_shipped_verdicts_follow_from_the_shipped_seeds() -> None:
    content = json.loads(RESULTS.read_text())
    for name in ("optimizers", "rewarm", "cooldown", "dropout"):
        for gap in content[name]["differences"].values():
            low, high = gap["interval"]
            assert gap["direction"] == (1 if low > 0 else -1 if high < 0 else 0)
            assert any(f"{gap['mean']:+.3f} nats" in said for said in content[name]["verdicts"])
        for row in content[name]["rows"].values():
            for value in row.values():
                again = summary(value["seeds"])
                assert again["mean"] == pytest.approx(value["mean"], abs=2e-4)
                assert again["sd"] == pytest.approx(value["sd"], abs=2e-4)
