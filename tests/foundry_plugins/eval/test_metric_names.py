# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval import metrics
from foundry_plugins.eval.metric_names import METRICS, check


def test_the_names_are_those_of_the_metrics() -> None:
    first = metrics.CodePassAt1Accuracy
    found = {name for name, value in vars(metrics).items() if isinstance(value, type)}
    assert set(METRICS) == {name for name in found if issubclass(getattr(metrics, name), first)}


@pytest.mark.parametrize("names", [None, [], METRICS, ["passat10a"], ["Code.*At1Acc"]])
def test_patterns_are_taken_as_composer_takes_them(names: list[str] | None) -> None:
    check("own", names, METRICS)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("CodePasAt1Accuracy", "did you mean 'CodePassAt1Accuracy'"), ("pass_at_1", ""), ("At1(", "")],
)
def test_a_name_that_matches_nothing_is_refused(name: str, meant: str) -> None:
    with pytest.raises(UserError) as raised:
        check("own", [METRICS[0], name], METRICS)
    assert f"of own must be names of metrics, got {name!r}" in str(raised.value)
    assert meant in str(raised.value)
    assert "have CodePassAt1Accuracy, CodePassAt10Accuracy" in str(raised.value)
