# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The cache against concatenation: any tree of continuations, with every node read at the end."""

from __future__ import annotations

import contextlib
import copy
import gc

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.models.attention import cache
from foundry_plugins.models.attention.cache import Cache, extend


def tokens(count: int, seed: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    k, v = torch.randn(2, batch, 3, count, 4, generator=generator)
    return k, v


def plain(past: Cache | tuple[()], k: torch.Tensor, v: torch.Tensor) -> Cache:
    if not past:
        return k.transpose(2, 3).clone(), v.clone()
    return torch.cat([past[0], k.transpose(2, 3)], 3), torch.cat([past[1], v], 2)


def same(found: Cache | tuple[()], expected: Cache | tuple[()]) -> bool:
    return len(found) == len(expected) == 2 and all(
        torch.equal(x, y) for x, y in zip(found, expected, strict=True)
    )


@given(
    steps=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 70)), min_size=1, max_size=25),
    change=st.sampled_from(["none", "rows", "shorter", "copied", "inference"]),
)
def test_continuations_never_see_each_other(steps: list[tuple[int, int]], change: str) -> None:
    found: list[Cache | tuple[()]] = [()]
    expected: list[Cache | tuple[()]] = [()]
    for number, (parent, count) in enumerate(steps):
        parent %= len(found)
        past, known = found[parent], expected[parent]
        if past and known and number % 3 == 2:
            past, known = changed(past, change), changed(known, change)
        k, v = tokens(count, number)
        mode = torch.inference_mode() if change == "inference" and number % 2 else torch.no_grad()
        with mode:
            found.append(extend(past, k, v))
            expected.append(plain(known, k, v))
    for left, right in zip(found[1:], expected[1:], strict=True):
        assert same(left, right)


def changed(past: Cache, change: str) -> Cache:
    k, v = past
    with torch.no_grad():
        if change == "rows":
            order = torch.tensor([1, 1])
            return k.index_select(0, order), v.index_select(0, order)
        if change == "shorter":
            return k[..., :-1], v[:, :, :-1]
        return copy.deepcopy(past) if change == "copied" else past


@torch.no_grad()
def test_the_next_token_is_written_in_place_and_growth_is_geometric() -> None:
    past: Cache | tuple[()] = ()
    buffers = set()
    for step in range(3000):
        past = extend(past, *tokens(1, step, batch=1))
        buffers.add(past[0].untyped_storage().data_ptr())
    assert len(buffers) <= 12
    assert past
    assert past[1].untyped_storage().nbytes() < 2 * 3000 * 3 * 4 * 4


@torch.no_grad()
def test_keys_of_one_cache_with_values_of_another_are_copied() -> None:
    one, other = extend((), *tokens(5, 1)), extend((), *tokens(5, 2))
    k, v = tokens(1, 3)
    mixed = extend((one[0], other[1]), k, v)
    after = extend(other, *tokens(1, 4))
    assert same(mixed, plain((one[0], other[1]), k, v))
    assert same(after, plain(other, *tokens(1, 4)))


@torch.no_grad()
def test_nothing_is_kept_when_the_cache_is_gone() -> None:
    gc.collect()
    before = len(cache._OPEN)
    past = extend(extend((), *tokens(5, 1)), *tokens(1, 2))
    assert len(cache._OPEN) == before + 1
    del past
    assert len(cache._OPEN) == before


def test_gradients_reach_every_token() -> None:
    k, v = (x.requires_grad_() for x in tokens(3, 1))
    past = extend((), k, v)
    for step in range(3):
        past = extend(past, *tokens(1, step))
    (past[0].sum() + (2 * past[1]).sum()).backward()
    torch.testing.assert_close(k.grad, torch.ones_like(k))
    torch.testing.assert_close(v.grad, 2 * torch.ones_like(v))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, contextlib.nullcontext])
def test_a_cache_may_change_its_mode(mode: type) -> None:
    with mode():
        past = extend((), *tokens(4, 1))
    for other in (torch.inference_mode, torch.no_grad, torch.inference_mode):
        with other():
            k, v = tokens(2, 2)
            expected = plain(past, k, v)
            past = extend(past, k, v)
            assert same(past, expected)
