# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of the near-duplicate search: published values, what follows from given ones, errors."""

from __future__ import annotations

import pickle

import pytest

from data_prep.dedup.settings import (
    PRESETS,
    NearDuplicates,
    meet_probability,
    split_permutations,
)
from data_prep.settings import checked
from foundry_plugins.contract.errors import UserError


def test_published_settings() -> None:
    starcoder = NearDuplicates("starcoder")
    assert (starcoder.ngram, starcoder.threshold, starcoder.permutations) == (5, 0.7, 256)
    assert (starcoder.bands, starcoder.rows, starcoder.verify) == (25, 10, False)
    stack = NearDuplicates("the_stack")
    assert (stack.ngram, stack.threshold, stack.permutations) == (1, 0.85, 256)
    assert stack.minimum_tokens == 10
    assert NearDuplicates("thesis_python").threshold == 0.9
    assert NearDuplicates("thesis_code").threshold == 0.85
    assert NearDuplicates("santacoder_aggressive").threshold == 0.5


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "verified"])
def test_published_bands_are_the_best_split(name: str) -> None:
    preset = NearDuplicates(name)
    split = split_permutations(preset.threshold, preset.permutations, verify=False)
    assert (preset.bands, preset.rows) == split


def test_default_finds_most_pairs_at_its_threshold() -> None:
    default = NearDuplicates()
    assert (default.bands, default.rows) == split_permutations(0.5, 250, verify=True)
    # 1 - (1 - 1/32)^50
    assert meet_probability(0.5, 50, 5) == pytest.approx(0.79555, abs=1e-5)


def test_given_values_replace_the_presets() -> None:
    settings = NearDuplicates("the_stack", ngram=12)
    assert (settings.ngram, settings.threshold, settings.bands) == (12, 0.85, 13)
    assert settings.minimum_tokens == 12
    # Another threshold gets bands of its own, unless they are given.
    assert NearDuplicates("starcoder", threshold=0.5).bands == 42
    assert NearDuplicates(threshold=0.7).bands == 31
    assert NearDuplicates(threshold=0.7, bands=50, rows=5).bands == 50
    assert NearDuplicates(permutations=125).num_lanes <= 125


def test_lanes_are_wide_enough_for_a_band() -> None:
    assert [NearDuplicates(bands=4, rows=r).lane_bytes for r in (1, 2, 4, 5)] == [4, 2, 2, 1]
    assert NearDuplicates().record_bytes == 254


def test_reads_from_a_recipe() -> None:
    section = {"preset": "starcoder", "verify": True}
    settings = checked("dedup.near", section, NearDuplicates | None)
    assert settings == NearDuplicates("starcoder", verify=True)
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preset": "star_coder"}, "did you mean 'starcoder'"),
        ({"threshold": 1.0}, "between 0 and 1"),
        ({"bands": 5}, "go together"),
        ({"bands": 100, "rows": 5}, "more than"),
        ({"ngram": 0}, "at least 1"),
        ({"permutations": 5000}, "between 1 and 4096"),
        ({"minimum_tokens": 4}, "at least `dedup.near.ngram` = 5"),
        ({"treshold": 0.5}, "did you mean 'threshold'"),
    ],
)
def test_mistakes_are_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        checked("dedup.near", given, NearDuplicates)
