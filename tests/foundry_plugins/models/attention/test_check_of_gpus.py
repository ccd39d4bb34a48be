# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What ``make gpu-check`` measures, tried on a CPU with tiny models."""

from __future__ import annotations

import sys

import pytest
import torch

from benchmarks import gpu_check, gpu_measure
from benchmarks.gpu_model import SHAPES, Shape
from foundry_plugins.models.attention.augmented import augmented_attention

CPU = torch.device("cpu")
TINY = Shape(4, 64, 4, 1, 96, glu=True, tied=False, vocabulary=128)


def test_parameters_are_those_that_were_published() -> None:
    refact = SHAPES["1.6B"]
    table = refact.vocabulary * refact.width
    assert gpu_measure.parameters(refact) + table == 1_585_842_176
    assert gpu_measure.parameters(SHAPES["2.6B"]) == 2_600_634_880


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("Tesla T4", None),
    ],
)
def test_peaks(name: str, peak: float | None) -> None:
    assert gpu_measure.peak_of(name) == peak


def test_measures_a_tiny_model() -> None:
    attention = gpu_measure.attention(TINY, augmented_attention, 32, CPU, tokens=64)
    assert attention["rows"] == 2
    assert attention["ms"] > 0
    step = gpu_measure.training_step(TINY, augmented_attention, 32, CPU, tokens=64)
    assert (step["rows"], step["mfu"], step["note"]) == (2, None, "")
    assert step["tokens_per_second"] > 0
    decoded = gpu_measure.decoding(TINY, 16, CPU, 1e9)
    assert decoded["share_of_limit"] > 0


def test_without_a_device_every_row_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_check"])
    gpu_check.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 15
    assert all(line.endswith("unmeasured: no CUDA device") for line in lines)
