# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which token comes next, as a function of the logits and of one number in [0, 1).

No random state is kept: the number is a hash of (seed, task, sample, step), so a sample is the same
whatever else is generated beside it, before it, or on which rank. The steps:

    logits / temperature -> the top_k most likely -> the fewest whose probability reaches top_p
    (Holtzman et al. 2020, arXiv 1904.09751, section 3.1) -> the token whose interval of the
    cumulated probability holds the number

Contrastive search chooses by more than logits, see ``contrastive.py``; its settings are here.

Shapes: B rows, V entries of the vocabulary.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from foundry_plugins.contract.errors import require
from foundry_plugins.contract.stateless_hash import uniform

_STEP = "generation"
# Sorting a whole vocabulary takes longer than a step of a small model; so many nearly always do.
_FEW = 256


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        temperature: 0 takes the best token, always.
        top_p: Share of the probability that is drawn from, above 0 and at most 1.
        top_k: Most tokens that are drawn from; 0 for all.
        contrastive_alpha: Weight of the penalty of contrastive search, at most 1; 0 does without.
        contrastive_k: Candidates of contrastive search. 4 is what the documentation of
            transformers takes for its ``top_k``.

    Raises:
        UserError: for a number out of its range.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    contrastive_alpha: float = 0.0
    contrastive_k: int = 4

    @property
    def name(self) -> str:
        """What results call it.

        The stochastic contrastive search is this project's own: that of Su et al. draws nothing.
        """
        if self.contrastive_alpha:
            return "stochastic_contrastive_search" if self.temperature else "contrastive_search"
        return "sampling" if self.temperature else "greedy"

    def __post_init__(self) -> None:
        require(
            self.temperature >= 0,
            f"`temperature` must be at least 0, got {self.temperature!r}.",
        )
        require(0 < self.top_p <= 1, f"`top_p` must be above 0 and at most 1, got {self.top_p!r}.")
        require(
            isinstance(self.top_k, int) and self.top_k >= 0,
            f"`top_k` must be a whole number, 0 for all tokens, got {self.top_k!r}.",
        )
        require(
            0 <= self.contrastive_alpha <= 1,
            f"`contrastive_alpha` must be in [0, 1], got {self.contrastive_alpha!r}.",
        )
        require(
            isinstance(self.contrastive_k, int) and self.contrastive_k >= 2,
            "`contrastive_k` must be a whole number of at least 2 candidates, "
            f"got {self.contrastive_k!r}.",
        )
        require(
            not self.contrastive_alpha or (self.top_k == 0 and self.top_p == 1),
            "Contrastive search chooses among its own `contrastive_k` candidates: leave out "
            f"`top_k` and `top_p`, got {self.top_k!r} and {self.top_p!r}.",
        )


def numbers(seed: int, rows: Sequence[tuple[str, int]], step: int) -> torch.Tensor:
    """One number in [0, 1) for each (task, sample) at a step: (B,), fp64."""
    drawn = [uniform(_STEP, seed, task, sample, step) for task, sample in rows]
    return torch.tensor(drawn, dtype=torch.float64)


def next_tokens(logits_BV: torch.Tensor, numbers_B: torch.Tensor, how: Sampling) -> torch.Tensor:
    """The next token of each row, (B,).

    Args:
        logits_BV: Of the last position.
        numbers_B: In [0, 1), one a row; not read if the temperature is 0.
        how: How tokens are drawn.
    """
    if how.temperature == 0:
        return logits_BV.argmax(dim=-1)
    scaled_BV = logits_BV.double() / how.temperature
    if 0 < how.top_k < scaled_BV.shape[-1]:
        sorted_BV, ids_BV = _likeliest(scaled_BV, how.top_k)
        probabilities_BV = sorted_BV.softmax(dim=-1)
    else:
        probabilities_BV, ids_BV = _until(scaled_BV, how.top_p)
    ends_BV = probabilities_BV.cumsum(dim=-1)
    # A token stays if those before it do not reach top_p yet; the first always does.
    kept_BV = ends_BV - probabilities_BV < how.top_p
    mass_B1 = (probabilities_BV * kept_BV).sum(dim=-1, keepdim=True)
    target_B1 = numbers_B.to(mass_B1).unsqueeze(1) * mass_B1
    place_B1 = torch.searchsorted(ends_BV, target_B1, right=True)
    place_B1 = place_B1.clamp(max=kept_BV.sum(dim=-1, keepdim=True) - 1)
    return ids_BV.gather(1, place_B1).squeeze(1)


def _until(scaled_BV: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities of the likeliest tokens, falling, and their ids: at least ``top_p`` a row."""
    if top_p < 1 and scaled_BV.shape[-1] > _FEW:
        sorted_BV, ids_BV = _likeliest(scaled_BV, _FEW)
        probabilities_BV = (sorted_BV - scaled_BV.logsumexp(dim=-1, keepdim=True)).exp()
        if bool((probabilities_BV.sum(dim=-1) >= top_p).all()):
            return probabilities_BV, ids_BV
    # Stable: equal logits in the order of their ids, on every device.
    sorted_BV, ids_BV = scaled_BV.sort(dim=-1, descending=True, stable=True)
    return sorted_BV.softmax(dim=-1), ids_BV


def _likeliest(scaled_BV: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The highest logits, falling, equal ones in the order of their ids."""
    ids_BV = scaled_BV.topk(count, dim=-1).indices.sort(dim=-1).values
    sorted_BV, order_BV = scaled_BV.gather(1, ids_BV).sort(dim=-1, descending=True, stable=True)
    return sorted_BV, ids_BV.gather(1, order_BV)
