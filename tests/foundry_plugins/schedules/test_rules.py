# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from foundry_plugins.schedules.rules import (
    LARGEST_PARAMETERS,
    PUBLISHED_PEAKS,
    peak_learning_rate,
    warmup_batches,
    weight_decay,
)


@pytest.mark.parametrize(("beta2", "batches"), [(0.95, 40), (0.98, 100), (0.99, 200)])
def test_warmup(beta2: float, batches: int) -> None:
    assert warmup_batches(beta2).value == pytest.approx(batches)


def test_the_rule_for_the_rate_misses_what_its_source_used() -> None:
    found = [peak_learning_rate(parameters).value for parameters, _ in PUBLISHED_PEAKS]
    assert found == pytest.approx([5.2e-4, 2.2e-4, 0.9e-4], rel=0.05)
    for value, (_, used) in zip(found, PUBLISHED_PEAKS, strict=True):
        assert abs(value / used - 1) > 0.2


def test_the_rule_for_the_rate_ends_at_twelve_billion() -> None:
    assert 12.0e9 < LARGEST_PARAMETERS < 12.2e9
    assert peak_learning_rate(LARGEST_PARAMETERS * 0.99).value > 0
    above = peak_learning_rate(LARGEST_PARAMETERS * 1.01)
    assert above.value < 0
    assert "12.1B" in above.limits
    assert "unusable" in above.limits


def test_weight_decay_of_a_single_pass() -> None:
    rule = weight_decay(batch_tokens=1e6, tokens=1e6 * 100_000, batches=100_000)
    assert rule.value == pytest.approx(5000 / 100_000)
    assert "is among those" in rule.limits
    assert "is not among those" in weight_decay(1e6, 1e9, 1000).limits
