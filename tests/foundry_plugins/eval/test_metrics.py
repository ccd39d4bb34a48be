# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from foundry_plugins.eval.metrics import BitsPerByte, InfillExactMatchAccuracy


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


def infilling_batch(**changes: Any) -> dict[str, Any]:
    return {"mode": "generate", "single_line": True, "added_space": False, **changes}


def test_exact_match_by_hand() -> None:
    metric = InfillExactMatchAccuracy()
    outputs = ["  return x\nreturn y", "return x", "return"]
    details = metric.update(infilling_batch(), outputs, ["return x", "return  x", "return"])
    assert details is not None
    assert details["result"] == [1, 0, 1]
    assert details["cleaned_output"] == ["  return x", "return x", "return"]
    metric.update(infilling_batch(single_line=False), ["a\nb"], ["a\nb\n"])
    metric.update(infilling_batch(added_space=True), [" a"], ["a"])
    assert metric.compute().item() == pytest.approx(4 / 5)


def test_exact_match_passes_over_other_batches() -> None:
    metric = InfillExactMatchAccuracy()
    assert metric.update({}, torch.zeros(1, 1, 4), torch.zeros(1, 1)) is None
    # A generation task of Foundry's own.
    assert metric.update({"mode": "generate"}, ["a"], ["a"]) is None
    assert math.isnan(metric.compute().item())


def test_foundry_shows_and_finds_them() -> None:
    from llmfoundry.eval.metrics import InContextLearningMetric
    from llmfoundry.registry import metrics

    assert metrics.get("bits_per_byte") is BitsPerByte
    assert metrics.get("infill_exact_match") is InfillExactMatchAccuracy
    # Foundry's table wants the word; its training leaves such metrics off the eval loaders.
    assert "Accuracy" in InfillExactMatchAccuracy.__name__
    assert issubclass(InfillExactMatchAccuracy, InContextLearningMetric)
    assert not issubclass(BitsPerByte, InContextLearningMetric)
