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
from foundry_plugins.models.attention.visible import Visible

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
    with caplog.at_level(logging.INFO, "llmfoundry"):
        for _ in range(3):
            choosing.say("augmented", BF16, False, True, "cpu")
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "Attention kernel on cpu, torch.bfloat16, a document mask or padding: augmented."
    ]


@pytest.mark.parametrize(
    ("dtype", "keys", "masked", "flash", "flex", "expected"),
    [
        (BF16, 2048, False, True, True, "flash"),
        (BF16, 2048, True, True, True, "flash"),
        (BF16, 2048, True, False, True, "flex"),  # documents that flash-attn cannot do
        (BF16, 2048, False, False, True, "augmented"),
        (BF16, 2048, True, False, False, "augmented"),  # attention dropout
        (FP32, 2048, True, False, True, "flex"),
        (torch.float16, 64, False, False, True, "flex"),  # no room for positions
        (torch.float16, 64, False, False, False, "reference"),
    ],
)
def test_on_a_gpu(
    dtype: torch.dtype, keys: int, masked: bool, flash: bool, flex: bool, expected: str
) -> None:
    options = {"masked": masked, "on_cpu": False, "flash": flash, "flex": flex}
    assert choose(dtype, keys, keys, **options) == expected
    # Steps from a cache are left to the kernels that take them.
    assert choose(dtype, 1, keys, **options) in ("sdpa", "reference")


@pytest.mark.parametrize(
    ("dtype", "length", "expected"),
    [(FP32, 64, "blocked"), (FP32, 63, "sdpa"), (BF16, 2, "blocked"), (BF16, 1, "reference")],
)
def test_in_blocks(dtype: torch.dtype, length: int, expected: str) -> None:
    q = torch.zeros(2, 4, length, 8, dtype=dtype)
    assert choosing.choose_for(q, length, None, 0.0) == expected
    assert choosing.choose_for(q, length, torch.ones(1, 1, 1, length).bool(), 0.1) == expected
    assert choosing.choose_for(q, length + 1, None, 0.0) in ("sdpa", "reference")


@pytest.mark.parametrize(("each", "expected"), [(256, "blocked"), (32, "augmented")])
def test_short_documents_are_not_worth_blocks(each: int, expected: str) -> None:
    documents = Visible(None, torch.arange(2048).unsqueeze(0) // each, 2048, 2048)
    assert choosing.choose_for(torch.zeros(1, 4, 2048, 8), 2048, documents, 0.0) == expected


def test_blocks_are_for_cpus_outside_of_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    q = torch.zeros(1, 2, 2048, 8)
    assert choosing.choose_for(q, 2048, None, 0.1) == "blocked"
    assert choosing.choose_for(q.to("meta"), 2048, None, 0.0) == "augmented"
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert choosing.choose_for(q, 2048, None, 0.0) == "augmented"


def test_documents_one_by_one() -> None:
    options = {"masked": True, "on_cpu": True, "segments": True}
    assert choose(FP32, 64, 64, **options) == choose(BF16, 64, 64, **options) == "augmented"
    assert choose(FP64, 64, 64, **options) == "reference"
