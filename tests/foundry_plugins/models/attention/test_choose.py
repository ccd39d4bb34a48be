# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which kernel ``auto`` takes."""

from __future__ import annotations

import logging

import pytest
import torch

from foundry_plugins.models.attention import choose as choosing
from foundry_plugins.models.attention.augmented import LONGEST
from foundry_plugins.models.attention.choose import choose

FP32, BF16, FP64 = torch.float32, torch.bfloat16, torch.float64


@pytest.mark.parametrize(
    ("dtype", "queries", "keys", "masked", "on_cpu", "expected"),
    [
        (FP32, 64, 64, False, True, "sdpa"),
        (FP32, 512, 512, False, True, "sdpa"),
        (FP32, 512, 512, True, True, "augmented"),
        (FP32, 2048, 2048, False, True, "augmented"),
        (FP32, 1, 2048, False, True, "sdpa"),  # decoding
        (BF16, 64, 64, False, True, "reference"),
        (BF16, 2048, 2048, True, True, "augmented"),
        (BF16, 1, 2048, False, True, "reference"),
        (BF16, 64, 64, False, False, "augmented"),
        (BF16, 1, 1, False, False, "reference"),
        (FP64, 2048, 2048, False, True, "reference"),
        (BF16, LONGEST[BF16] + 1, LONGEST[BF16] + 1, False, False, "reference"),
    ],
)
def test_by_hand(
    dtype: torch.dtype, queries: int, keys: int, masked: bool, on_cpu: bool, expected: str
) -> None:
    assert choose(dtype, queries, keys, masked=masked, on_cpu=on_cpu) == expected


def test_the_log_says_it_once(caplog: pytest.LogCaptureFixture) -> None:
    choosing.say.cache_clear()
    with caplog.at_level(logging.INFO, "foundry_plugins"):
        for _ in range(3):
            choosing.say("augmented", BF16, False, True, "cpu")
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "Attention kernel on cpu, torch.bfloat16, a document mask or padding: augmented."
    ]
