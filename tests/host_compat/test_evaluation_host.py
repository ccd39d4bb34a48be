# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Pins what ``code_evaluation`` relies on in Foundry, Composer and torch."""

from __future__ import annotations

import inspect

import pytest
from torch.utils.data import DistributedSampler


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
@pytest.mark.parametrize("items", [1, 2, 3, 4, 7, 10])
def test_a_rank_knows_the_items_that_another_has_too(ranks: int, items: int) -> None:
    """Rank r's own items are r, r + ranks, ...; any other is there to make ranks equal."""
    for rank in range(ranks):
        sampler = DistributedSampler(range(items), ranks, rank, shuffle=False, drop_last=False)
        own = [item for item in sampler if item % ranks == rank]
        assert own == list(range(rank, items, ranks))
        # Composer counts no metric there.
        padding = sampler.total_size - items
        assert (len(own) < len(sampler)) is (rank >= ranks - padding)


def test_the_sampler_is_made_before_the_batch_size_is_asked_for() -> None:
    """So a data set cannot form its batches by Foundry's ``batch_size``."""
    from llmfoundry.eval.datasets.in_context_learning_evaluation import build_icl_dataloader
    from llmfoundry.utils.builders import build_icl_evaluators

    source = inspect.getsource(build_icl_dataloader)
    assert source.index("dist.get_sampler(dataset") < source.index("get_effective_batch_size(")
    assert "icl_constructor_kwargs.pop('batch_size', None)" in inspect.getsource(
        build_icl_evaluators
    )


def test_composer_leaves_out_items_that_only_make_ranks_equal() -> None:
    from composer import Trainer

    source = inspect.getsource(Trainer._eval_loop)
    assert "if dist.get_global_rank() >= dist.get_world_size() - padding:" in source
    assert "num_samples_in_microbatch == 1" in source


def test_torchmetrics_fills_in_for_a_rank_that_saw_nothing() -> None:
    """With a flat tensor of the metric's own type, which the states of ours therefore are."""
    from torchmetrics import Metric

    source = inspect.getsource(Metric._sync_dist)
    assert "[torch.tensor([], device=self.device, dtype=self.dtype)]" in source
