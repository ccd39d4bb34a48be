# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Sharded weights are in ``test_ranks.py``."""

from __future__ import annotations

import torch

from foundry_plugins.eval.weights import checksum, is_sharded


def model(*values: float, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    layer = torch.nn.Linear(len(values), 1, bias=False)
    layer.weight = torch.nn.Parameter(torch.tensor([values], dtype=dtype))
    return layer


def test_by_hand() -> None:
    # 1.0 is 0x3F800000 in float32 and 0x3F80 in bfloat16; a sign makes the integer negative.
    assert checksum(model(1.0, 1.0)) == f"{2 * 0x3F800000:016x}"
    assert checksum(model(1.0, dtype=torch.bfloat16)) == f"{0x3F80:016x}"
    assert checksum(model(-0.0)) == "ffffffff80000000"
    assert not is_sharded(model(1.0))


def test_any_change_is_seen_and_order_is_not() -> None:
    assert checksum(model(0.1, 0.2, 0.3)) == checksum(model(0.3, 0.1, 0.2))
    assert checksum(model(0.1, 0.2, 0.3)) != checksum(model(0.1, 0.2, 0.30000003))
