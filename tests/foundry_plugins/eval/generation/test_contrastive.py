# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which candidate contrastive search takes."""

from __future__ import annotations

import torch

from foundry_plugins.eval.generation.contrastive import best, penalties
from foundry_plugins.eval.generation.sampling import Sampling

# Probabilities .5 and .3; the first candidate repeats something (cosine 1), the second does not.
LOG_PROBABILITIES = torch.tensor([[0.5, 0.3]], dtype=torch.float64).log()
PENALTIES = torch.tensor([[1.0, 0.2]], dtype=torch.float64)


def taken(how: Sampling, number: float = 0.0) -> int:
    return int(best(LOG_PROBABILITIES, PENALTIES, torch.tensor([number]).double(), how))


def test_the_penalty_is_the_highest_cosine_before() -> None:
    before = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]])
    candidates = torch.tensor([[[1.0, 0.0], [0.8, 0.6], [-1.0, 0.0]]])
    found = penalties(candidates, before, torch.ones(1, 3))
    assert torch.allclose(found, torch.tensor([[1.0, 0.96, 0.0]]))
    # Padding was never said.
    found = penalties(candidates, before, torch.tensor([[0, 1, 1]]))
    assert torch.allclose(found, torch.tensor([[0.6, 0.96, 0.0]]))


def test_a_repetition_has_to_be_much_more_likely() -> None:
    # .9 * .5 - .1 = .35 and .9 * .3 - .02 = .25; .8 * .5 - .2 = .20 and .8 * .3 - .04 = .20;
    # .7 * .5 - .3 = .05 and .7 * .3 - .06 = .15
    assert taken(Sampling(contrastive_alpha=0.1)) == 0
    assert taken(Sampling(contrastive_alpha=0.19)) == 0
    assert taken(Sampling(contrastive_alpha=0.21)) == 1
    assert taken(Sampling(contrastive_alpha=0.3)) == 1


def test_with_a_temperature_it_is_drawn() -> None:
    # Weights exp((.5 ln p - .5 penalty) / .5) = p exp(-penalty): .1839 and .2456, or .4283 of 1.
    how = Sampling(0.5, contrastive_alpha=0.5)
    assert [taken(how, number) for number in (0.0, 0.428, 0.429, 0.999)] == [0, 0, 1, 1]
