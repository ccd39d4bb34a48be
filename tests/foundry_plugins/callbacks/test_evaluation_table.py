# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from composer.core import Timestamp

from foundry_plugins.callbacks.evaluation_table import EvaluationTable, Row, format_table
from foundry_plugins.contract.errors import UserError

ROWS: list[Row] = [
    {
        "label": "eval/left_to_right",
        "samples": 1234,
        "seconds": 2.5,
        "metrics": {
            "LanguageCrossEntropy": 1.5,
            "LanguagePerplexity": 4.48,
            "BitsPerByte": 0.75,
            "Custom": None,
        },
    },
    {
        "label": "infill/0-shot",
        "samples": 50,
        "seconds": 61.25,
        "metrics": {"InfillExactMatchAccuracy": 0.125},
    },
]


def test_golden_table() -> None:
    # Columns that no row has a value for are left out, and perplexity, which is e^loss.
    assert format_table(ROWS).split("\n") == [
        "evaluator           loss (nats/token)  bits/byte  exact match  samples  seconds",
        "------------------  -----------------  ---------  -----------  -------  -------",
        "eval/left_to_right             1.5000     0.7500            -    1,234      2.5",
        "infill/0-shot                       -          -      12.50 %       50     61.2",
    ]


class Metric:
    def __init__(self, value: Any) -> None:
        self.value = value

    def compute(self) -> Any:
        return self.value


class State:
    """The attributes that Composer sets before the events."""

    run_name = "run"
    timestamp = Timestamp()
    eval_timestamp = Timestamp(sample=7)
    dataloader_label = "eval"
    dataloader: Any = None

    def __init__(self, **metrics: Any) -> None:
        self.eval_metrics = {"eval": {name: Metric(value) for name, value in metrics.items()}}


def run_round(callback: EvaluationTable, state: Any) -> None:
    callback.eval_standalone_start(state, None)
    callback.eval_end(state, None)
    callback.eval_standalone_end(state, None)


def test_each_round_replaces_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    callback = EvaluationTable(path=str(tmp_path / "deep" / "table.json"))
    for loss in (3.0, 2.0):
        run_round(callback, State(LanguageCrossEntropy=torch.tensor(loss)))
    report = json.loads((tmp_path / "deep" / "table.json").read_text())
    (row,) = report["evaluators"]
    assert row["metrics"] == {"LanguageCrossEntropy": 2.0}
    assert row["samples"] == 7
    assert capsys.readouterr().out.count("2.0000") == 1


def test_values_that_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    state = State(
        BitsPerByte=torch.tensor(math.nan), Curve=torch.zeros(3), Parts={"a": 1}, Plain=0.5
    )
    run_round(EvaluationTable(path=str(path)), state)
    # A metric that saw no data of its kind is null; what is no number is left to other loggers.
    assert json.loads(path.read_text())["evaluators"][0]["metrics"] == {
        "BitsPerByte": None,
        "Plain": 0.5,
    }


def test_without_a_path_it_prints_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_round(EvaluationTable(), State(BitsPerByte=torch.tensor(1.25)))
    assert "1.2500" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"evaluation_table\.paht` is not a known key"):
        EvaluationTable(paht="x.json")
    with pytest.raises(UserError, match="must name a file, got the folder"):
        EvaluationTable(path=str(tmp_path))


def test_foundry_finds_it() -> None:
    from llmfoundry.registry import callbacks

    assert callbacks.get("evaluation_table") is EvaluationTable


def test_answers_are_counted_where_items_are_batches(tmp_path: Path) -> None:
    state = State(CodePassAt1Accuracy=torch.tensor(0.5))
    state.dataloader = SimpleNamespace(dataset=SimpleNamespace(num_answers=164))
    run_round(EvaluationTable(path=str(tmp_path / "table.json")), state)
    row = json.loads((tmp_path / "table.json").read_text())["evaluators"][0]
    assert row["samples"] == 164
