# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which token a number draws."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.generation.sampling import Sampling, next_tokens, numbers

# Ids 0 to 3 with probabilities .1 .2 .3 .4.
LOGITS = torch.tensor([0.1, 0.2, 0.3, 0.4]).log()


def drawn(how: Sampling, *values: float) -> list[int]:
    logits_BV = LOGITS.expand(len(values), -1)
    return next_tokens(logits_BV, torch.tensor(values, dtype=torch.float64), how).tolist()


def test_a_number_draws_the_token_whose_interval_holds_it() -> None:
    # In the order of probability: 3 up to .4, 2 up to .7, 1 up to .9, 0 up to 1.
    assert drawn(Sampling(1.0), 0.0, 0.39, 0.41, 0.69, 0.71, 0.89, 0.91, 0.999) == [
        *(3, 3, 2, 2, 1, 1, 0, 0)
    ]
    assert drawn(Sampling(0.0), 0.99, 0.0) == [3, 3]


def test_top_p_keeps_the_fewest_that_reach_it() -> None:
    # .4 + .3 reach .6: two tokens, at 4/7 and 3/7.
    assert drawn(Sampling(1.0, top_p=0.6), 0.5, 0.57, 0.58, 0.999) == [3, 3, 2, 2]
    assert drawn(Sampling(1.0, top_p=0.1), 0.999) == [3]


def test_top_k_and_temperature() -> None:
    assert drawn(Sampling(1.0, top_k=1), 0.999) == [3]
    assert drawn(Sampling(1.0, top_k=9), 0.95) == [0]
    # Probabilities squared: .16 of .30 for the first.
    assert drawn(Sampling(0.5), 0.53, 0.54) == [3, 2]


@given(
    st.lists(st.floats(-20, 20), min_size=1, max_size=30),
    st.floats(0, 1, exclude_max=True),
    st.floats(0.05, 3),
    st.floats(0.01, 1),
    st.integers(0, 40),
)
def test_equals_the_definition(
    logits: list[float], number: float, temperature: float, top_p: float, top_k: int
) -> None:
    import math

    order = sorted(range(len(logits)), key=lambda i: -logits[i])[: top_k or None]
    top = logits[order[0]]
    weights = [math.exp((logits[i] - top) / temperature) for i in order]
    total, before, kept = sum(weights), 0.0, []
    for index, weight in zip(order, weights, strict=True):
        if before / total < top_p:
            kept.append((index, weight / total))
        before += weight
    target, before, allowed = number * sum(p for _, p in kept), 0.0, set()
    for index, p in kept:
        if before - 1e-9 <= target <= before + p + 1e-9:
            allowed.add(logits[index])
        before += p
    tensor = torch.tensor([logits], dtype=torch.float64)
    found = next_tokens(
        tensor, torch.tensor([number]).double(), Sampling(temperature, top_p, top_k)
    )
    # Equal logits may change places, and so may the last that top_p lets in, by rounding.
    assert logits[found.item()] in allowed or abs(before - top_p) < 1e-6


def test_a_sample_is_seeded_by_its_name_alone() -> None:
    alone = numbers(17, [("a", 3)], 5)
    beside = numbers(17, [("b", 0), ("a", 3)], 5)
    assert alone[0] == beside[1] != beside[0]
    assert numbers(18, [("a", 3)], 5) != alone
    assert numbers(17, [("a", 3)], 6) != alone


@pytest.mark.parametrize(
    ("how", "name"),
    [
        (Sampling(), "greedy"),
        (Sampling(0.2, top_p=0.95), "sampling"),
        (Sampling(contrastive_alpha=0.6), "contrastive_search"),
        (Sampling(0.2, contrastive_alpha=0.6), "stochastic_contrastive_search"),
    ],
)
def test_what_results_call_it(how: Sampling, name: str) -> None:
    assert how.name == name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1}, "`temperature` must be at least 0, got -1"),
        ({"top_p": 0}, "`top_p` must be above 0"),
        ({"top_k": 1.5}, "`top_k` must be a whole number"),
        ({"contrastive_alpha": 1.1}, r"`contrastive_alpha` must be in \[0, 1\], got 1.1"),
        ({"contrastive_k": 1}, "`contrastive_k` must be .* at least 2 candidates, got 1"),
        ({"contrastive_alpha": 0.6, "top_k": 5}, "leave out `top_k` and `top_p`, got 5 and 1.0"),
    ],
)
def test_numbers_out_of_range(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Sampling(**settings)  # type: ignore[arg-type]
