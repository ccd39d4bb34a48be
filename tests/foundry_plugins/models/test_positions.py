# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foundry_plugins.models.positions import T5RelativeBias, t5_buckets


def test_buckets_of_the_papers_numbers() -> None:
    found = t5_buckets(200, 32, 128).tolist()
    assert found[:17] == [*range(17)]
    # 16 * 8 ** (k / 16) is where the k-th logarithmic bucket begins: 18.2, 20.7, 23.6, ... 112.4.
    assert [found[d] for d in (18, 19, 20, 21, 112, 113, 127, 128, 199)] == [
        *(16, 17, 17, 18, 30, 31, 31, 31, 31)
    ]


@pytest.mark.parametrize(("buckets", "furthest"), [(32, 128), (16, 100), (64, 1000), (2, 3)])
def test_buckets_equal_t5s_own(buckets: int, furthest: int) -> None:
    from transformers.models.t5.modeling_t5 import T5Attention

    theirs = T5Attention._relative_position_bucket(
        -torch.arange(3000), bidirectional=False, num_buckets=buckets, max_distance=furthest
    )
    assert torch.equal(t5_buckets(3000, buckets, furthest), theirs)


@given(st.integers(1, 20), st.integers(0, 20), st.integers(1, 8))
def test_the_bias_depends_on_the_distance_alone(queries: int, more: int, half: int) -> None:
    keys = queries + more
    bias = T5RelativeBias(n_heads=3, buckets=2 * half, max_distance=2 * half + 5)
    bucket = t5_buckets(keys, 2 * half, 2 * half + 5)
    found = bias(queries, keys)
    assert found.shape == (1, 3, queries, keys)
    for t in range(queries):
        for s in range(keys):
            distance = keys - queries + t - s
            if distance < 0:
                assert (found[0, :, t, s] == -torch.inf).all()
            else:
                assert torch.equal(found[0, :, t, s], bias.table.weight[bucket[distance]])


def test_gradients_reach_each_bucket_as_often_as_it_is_used() -> None:
    bias = T5RelativeBias(n_heads=2, buckets=4, max_distance=6)
    found = bias(5, 5)
    found.masked_fill(found == -torch.inf, 0).sum().backward()
    assert bias.table.weight.grad is not None
    counts = torch.zeros(4)
    for distance, bucket in enumerate(t5_buckets(5, 4, 6)):
        counts[bucket] += 5 - distance
    assert torch.equal(bias.table.weight.grad, counts[:, None].expand(4, 2))
