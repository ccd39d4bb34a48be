# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Padding and documents, as masks and as segments."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foundry_plugins.models.attention import visible
from foundry_plugins.models.attention.augmented import augmented_attention
from foundry_plugins.models.attention.blocked import blocked_attention
from foundry_plugins.models.attention.causal import causal_attention
from foundry_plugins.models.attention.visible import (
    Visible,
    by_segments,
    dense_causal_mask,
    dense_mask,
    worthwhile_segments,
)

YES, NO = True, False


@pytest.mark.parametrize(
    ("seen", "documents", "expected"),
    [
        (None, [[0, 0, 1], [7, 7, 7]], [2, 1, 3]),
        (None, [[2, 0, 1], [5, 5, 3]], [1, 1, 1, 2, 1]),  # numbers in any order
        (None, [[4, 4, 4], [4, 4, 4]], [3, 3]),  # rows do not join
        (None, [[0, 1, 0], [1, 1, 1]], None),  # a document goes on after another
        ([[NO, YES, YES], [YES, YES, YES]], None, [1, 2, 3]),  # left padding
        ([[YES, NO, NO], [NO, NO, NO]], None, [1, 2, 3]),
        ([[YES, NO, YES], [YES, YES, YES]], None, None),  # a hole
        ([[NO, YES, YES], [YES, YES, NO]], [[0, 0, 1], [0, 1, 0]], [1, 1, 1, 1, 1, 1]),
    ],
)
def test_segments_by_hand(
    seen: list[list[bool]] | None, documents: list[list[int]] | None, expected: list[int] | None
) -> None:
    mask = Visible(
        None if seen is None else torch.tensor(seen),
        None if documents is None else torch.tensor(documents),
        *(3, 3),
    )
    assert mask.segments() == expected
    assert mask.segments() is mask.segments()


def test_masks_by_hand() -> None:
    seen = torch.tensor([[False, True, True]])
    mask = Visible(seen, torch.tensor([[0, 0, 1]]), 3, 3)
    assert mask.mask().int().tolist() == [[[[0, 1, 0], [0, 1, 0], [0, 0, 1]]]]
    assert mask.causal_mask().int().tolist() == [[[[1, 0, 0], [0, 1, 0], [0, 0, 1]]]]
    assert mask.causal_mask() is mask.causal_mask()
    assert dense_mask(mask) is mask.mask()
    assert torch.equal(dense_causal_mask(mask.mask(), 3, 3), mask.causal_mask())
    step = Visible(seen, None, 1, 3)  # from a cache
    assert step.causal_mask().tolist() == [[[[False, True, True]]]]
    assert step.segments() is None


rows = st.lists(st.integers(0, 3), min_size=1, max_size=9)


@settings(max_examples=80, deadline=None)
@given(rows, st.data())
def test_segments_are_the_mask(row: list[int], data: st.DataObject) -> None:
    """Each query that is no padding sees by its segment what the mask lets it see."""
    length = len(row)
    other = data.draw(st.lists(st.integers(0, 3), min_size=length, max_size=length))
    shown = st.lists(st.booleans(), min_size=length, max_size=length)
    seen = torch.tensor([data.draw(shown), data.draw(shown)])
    mask = Visible(seen, torch.tensor([row, other]), length, length)
    segments = mask.segments()
    visible = mask.causal_mask()[:, 0]
    if segments is None:
        # Then some query sees a key across one that it does not see.
        gaps = [
            visible[b, i, j] and not visible[b, i, j : i + 1].all()
            for b in range(2)
            for i in range(length)
            for j in range(i)
            if seen[b, i]
        ]
        assert any(gaps)
        return
    assert sum(segments) == 2 * length
    number = torch.repeat_interleave(torch.tensor(segments)).view(2, length)
    together = number[:, :, None] == number[:, None, :]
    together &= torch.ones(length, length, dtype=torch.bool).tril()
    assert torch.equal(together[seen], visible[seen])


@pytest.mark.parametrize(
    "kernel",
    [
        augmented_attention,
        blocked_attention,
        causal_attention,
        functools.partial(causal_attention, window=5),
    ],
)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_segments_change_no_output_and_no_gradient(
    kernel: Callable[..., torch.Tensor], groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(groups)
    length = 40
    documents = torch.tensor([[3] * 20 + [0] + [1] * 19, [5] * 40])
    seen = torch.ones(2, length, dtype=torch.bool)
    seen[1, :9] = False
    upstream = torch.randn(2, 4, length, 8) * seen[:, None, :, None]
    found = []
    for mask in (Visible(seen, documents, 40, 40), Visible(seen, documents, 40, 40).mask()):
        torch.manual_seed(1)
        inputs = [torch.randn(2, h, length, 8).requires_grad_() for h in (4, groups, groups)]
        monkeypatch.setattr(visible, "_SCORES_OF_A_CALL", {})
        assert (worthwhile_segments(mask, inputs[0]) is None) == isinstance(mask, torch.Tensor)
        out = kernel(*inputs, scale=0.3, mask=mask)
        gradients = torch.autograd.grad(out, inputs, upstream)
        found.append([out.transpose(1, 2)[seen], *gradients])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_short_documents_are_not_worth_a_call_each() -> None:
    q = torch.zeros(1, 1, 64, 8)
    single = Visible(None, torch.arange(64).unsqueeze(0), 64, 64)
    assert single.segments() == [1] * 64
    assert worthwhile_segments(single, q) is None
    halves = Visible(None, torch.arange(2048).unsqueeze(0) // 1024, 2048, 2048)
    assert worthwhile_segments(halves, torch.zeros(1, 1, 2048, 8)) == [1024, 1024]
    assert worthwhile_segments(None, q) is None


def test_segments_keep_the_layout_that_the_layer_reads_as_a_view() -> None:
    q, k = torch.randn(2, 6, 3, 4).transpose(1, 2), torch.randn(2, 6, 1, 4).transpose(1, 2)
    out = by_segments(functools.partial(causal_attention, scale=1.0), q, k, k, [2, 4, 6])
    assert out.shape == (2, 3, 6, 4)
    assert out.transpose(1, 2).is_contiguous()
