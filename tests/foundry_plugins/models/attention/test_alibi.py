# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from foundry_plugins.models.attention.alibi import (
    alibi_slopes,
    relative_bias,
    shared_relative_bias,
)


@pytest.mark.parametrize(
    ("heads", "slopes"),
    [
        (1, [2**-8]),
        (2, [2**-4, 2**-8]),
        (4, [2**-2, 2**-4, 2**-6, 2**-8]),
        (8, [2**-n for n in range(1, 9)]),
        # Not a power of two: every second slope of eight heads, then those between.
        (6, [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3]),
        (3, [2**-4, 2**-8, 2**-2]),
    ],
)
def test_slopes_by_hand(heads: int, slopes: list[float]) -> None:
    torch.testing.assert_close(alibi_slopes(heads), torch.tensor(slopes), rtol=1e-6, atol=0)


def test_bias_by_hand() -> None:
    bias = relative_bias(2, 2, 3, torch.device("cpu"))
    assert bias.shape == (1, 2, 2, 3)
    inf = float("inf")
    # Two queries at positions 1 and 2; slope 1/16.
    assert bias[0, 0].tolist() == [[-1 / 16, 0.0, -inf], [-2 / 16, -1 / 16, 0.0]]


def test_shared_bias_made_under_inference_mode_can_be_trained_with() -> None:
    shared_relative_bias.cache_clear()
    with torch.inference_mode():
        shared_relative_bias(2, 5, torch.device("cpu"))
    x = torch.ones(1, 2, 5, 5, requires_grad=True)
    (x * shared_relative_bias(2, 5, torch.device("cpu")).exp()).sum().backward()
    assert x.grad is not None
