# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.answering import Answers, Row
from foundry_plugins.eval.metrics import (
    BitsPerByte,
    CodePassAt1Accuracy,
    CodePassAt10Accuracy,
    CodePassAt100Accuracy,
    InfillExactMatchAccuracy,
)

PASS_AT = {1: CodePassAt1Accuracy, 10: CodePassAt10Accuracy, 100: CodePassAt100Accuracy}


def test_bits_per_byte_by_hand() -> None:
    # Equal logits over 4 tokens cost 2 bits each: 3 predicted tokens, 6 bytes, so 1 bit a byte.
    metric = BitsPerByte()
    batch = {"num_bytes": torch.tensor([4, 2])}
    labels = torch.tensor([[1, 2, -100], [3, -100, -100]])
    metric.update(batch=batch, outputs=torch.zeros(2, 3, 4), labels=labels)
    assert metric.compute().item() == pytest.approx(1.0)
    # A second batch adds up: 1 token, 2 bits, no byte (a special token).
    metric.update({"num_bytes": torch.tensor([0])}, torch.zeros(1, 1, 4), torch.tensor([[0]]))
    assert metric.compute().item() == pytest.approx(8 / 6)


def test_bits_per_byte_equals_the_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 11, generator=generator)
    labels = torch.randint(0, 11, (3, 5), generator=generator)
    labels[1, 2:] = -100
    num_bytes = torch.tensor([17, 3, 20])
    expected = 0.0
    for row in range(3):
        for t in range(5):
            if labels[row, t] >= 0:
                p = logits[row, t].double().softmax(0)[labels[row, t]]
                expected -= math.log2(p)
    metric = BitsPerByte()
    # In two parts, and as the mapping that models return.
    metric.update({"num_bytes": num_bytes[:1]}, logits[:1], labels[:1])
    metric.update({"num_bytes": num_bytes[1:]}, {"logits": logits[1:]}, labels[1:])
    assert metric.compute().item() == pytest.approx(expected / 40, rel=1e-6)


def test_many_batches_lose_nothing() -> None:
    metric = BitsPerByte()
    metric.nats += 1e9
    metric.update({"num_bytes": torch.tensor([0])}, torch.zeros(1, 1, 4), torch.tensor([[0]]))
    assert metric.nats.item() == pytest.approx(1e9 + math.log(4), abs=1e-4)


def test_batches_of_other_loaders_are_passed_over() -> None:
    metric = BitsPerByte()
    metric.update({}, torch.zeros(1, 2, 4), torch.zeros(1, 2, dtype=torch.long))
    assert math.isnan(metric.compute().item())


BATCH = {"work": None}


def row(task: int, sample: int, passed: bool | None, exact: bool | None = None) -> Row:
    return Row(task, f"t{task}", sample, "x", passed, "passed" if passed else "type", exact)


def test_pass_at_k_by_hand() -> None:
    metrics = {k: metric() for k, metric in PASS_AT.items()}
    first = Answers([row(0, sample, sample < 3) for sample in range(10)], 2, 10)
    second = Answers([row(1, sample, False) for sample in range(10)], 2, 10)
    for metric in metrics.values():
        for answers in (first, second, first):  # a batch that came twice counts once
            details = metric.update(BATCH, answers, None)
    assert details is not None
    assert details["task_id"] == ["t0"] * 10
    assert details["result"] == [True] * 3 + [False] * 7
    assert metrics[1].compute().item() == pytest.approx(0.15)
    assert metrics[10].compute().item() == pytest.approx(0.5)
    assert math.isnan(metrics[100].compute().item())


def test_what_nobody_judged_is_not_counted() -> None:
    metric = CodePassAt1Accuracy()
    metric.update(BATCH, Answers([row(0, 0, None)], 2, 1), None)
    assert math.isnan(metric.compute().item())
    metric.update(BATCH, Answers([row(1, 0, True)], 2, 1), None)
    assert metric.compute().item() == 1.0


@pytest.mark.parametrize("rows", [[(0, 0), (0, 1)], [(0, 0), (0, 1), (1, 0)]])
def test_a_part_says_nothing_of_the_whole(rows: list[tuple[int, int]]) -> None:
    metric = CodePassAt1Accuracy()
    metric.update(BATCH, Answers([row(task, sample, True) for task, sample in rows], 2, 2), None)
    assert math.isnan(metric.compute().item())
    metric.update(BATCH, Answers([row(1, sample, True) for sample in range(2)], 2, 2), None)
    metric._computed = None
    assert metric.compute().item() == 1.0


def test_exact_match_is_counted_beside() -> None:
    rows = [row(0, 0, True, False), row(0, 1, False, True), row(1, 0, True, None)]
    metric = InfillExactMatchAccuracy()
    metric.update(BATCH, Answers(rows, 2, 1), None)
    assert metric.compute().item() == pytest.approx(0.5)


@pytest.mark.parametrize("metric", [*PASS_AT.values(), InfillExactMatchAccuracy])
def test_other_batches_are_passed_over(metric: Any) -> None:
    found = metric()
    assert found.update({}, torch.zeros(1, 1, 4), torch.zeros(1, 1)) is None
    assert math.isnan(found.compute().item())


def test_a_model_that_only_gives_logits_is_refused() -> None:
    with pytest.raises(UserError, match=r"`model\.name` to `code_hf_causal_lm`"):
        CodePassAt1Accuracy().update(BATCH, torch.zeros(1, 1, 4), None)


def test_foundry_shows_and_finds_them() -> None:
    from llmfoundry.eval.metrics import InContextLearningMetric
    from llmfoundry.registry import metrics

    assert metrics.get("bits_per_byte") is BitsPerByte
    assert metrics.get("infill_exact_match") is InfillExactMatchAccuracy
    assert {k: metrics.get(f"pass_at_{k}") for k in PASS_AT} == PASS_AT
    for metric in (*PASS_AT.values(), InfillExactMatchAccuracy):
        # Foundry's table wants the word; its training leaves such metrics off the eval loaders.
        assert "Accuracy" in metric.__name__
        assert issubclass(metric, InContextLearningMetric)
    assert not issubclass(BitsPerByte, InContextLearningMetric)
