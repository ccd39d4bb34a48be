# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Contrastive search: likely tokens that do not say again what was said.

Su et al. 2022 (arXiv 2202.06417, section 3.2). Of the k most likely tokens v that is next which has
the highest

    (1 - alpha) * p(v | before) - alpha * max_j cos(h_v, h_j)

where h_v is the last hidden state after v, and h_j are those of all tokens before it. It draws
nothing, so all samples of a prompt are equal, as with ``penalty_alpha`` in transformers.

Stochastic contrastive search, with a temperature above 0, is this project's own. It draws among the
same candidates by

    softmax_v(((1 - alpha) * log p(v | before) - alpha * max_j cos(h_v, h_j)) / temperature)

which without a penalty is sampling from the k most likely tokens at that temperature.

Every candidate is read by the model: k times as many rows, and k times the cache for one step.

Shapes: R rows, K candidates of each, S positions so far, D width of the model, V entries of the
vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.functional import normalize

from foundry_plugins.eval.generation.rows import repeat, select
from foundry_plugins.eval.generation.run import Run, one_longer
from foundry_plugins.eval.generation.sampling import Sampling


def penalties(
    candidates_RKD: torch.Tensor, before_RSD: torch.Tensor, mask_RS: torch.Tensor
) -> torch.Tensor:
    """The highest cosine of each candidate with a position before it, (R, K).

    Args:
        candidates_RKD: Hidden states of length 1.
        before_RSD: Likewise, of the positions so far.
        mask_RS: Which of them are no padding.
    """
    cosines_RKS = candidates_RKD @ before_RSD.transpose(1, 2)
    return cosines_RKS.masked_fill(mask_RS.unsqueeze(1) == 0, -torch.inf).amax(dim=-1)


def best(
    log_probabilities_RK: torch.Tensor,
    penalties_RK: torch.Tensor,
    numbers_R: torch.Tensor,
    how: Sampling,
) -> torch.Tensor:
    """Which candidate is taken, (R,).

    Args:
        log_probabilities_RK: Of the candidates, among all tokens.
        penalties_RK: Of the candidates.
        numbers_R: In [0, 1), one a row; not read if the temperature is 0.
        how: The weight of the penalty, and the temperature.
    """
    alpha = how.contrastive_alpha
    if how.temperature == 0:
        return ((1 - alpha) * log_probabilities_RK.exp() - alpha * penalties_RK).argmax(dim=-1)
    scores_RK = (1 - alpha) * log_probabilities_RK - alpha * penalties_RK
    ends_RK = (scores_RK / how.temperature).softmax(dim=-1).cumsum(dim=-1)
    place_R1 = torch.searchsorted(ends_RK, numbers_R.to(ends_RK).unsqueeze(1), right=True)
    # The last end may be a rounding error below 1.
    return place_R1.squeeze(1).clamp(max=ends_RK.shape[1] - 1)


class ContrastiveRun(Run):
    """Rows whose candidates are read before one of them is chosen."""

    more: Mapping[str, Any] = {"output_hidden_states": True}

    def read_prompts(self) -> Any:
        """Keeps the directions of the hidden states as well."""
        output = super().read_prompts()
        self.before_RSD = _directions(output).repeat_interleave(len(self.request.samples), dim=0)
        return output

    def choose(self, numbers_R: torch.Tensor) -> torch.Tensor:
        """The next token of every row, (R,), which is read already."""
        log_probabilities_RV = self.logits_RV.double().log_softmax(dim=-1)
        count = min(self.request.how.contrastive_k, log_probabilities_RV.shape[1])
        top_RK, ids_RK = log_probabilities_RV.topk(count, dim=-1)
        rows, before_RS = len(self.lines), self.mask
        self.mask = one_longer(self.mask)
        self.cache = repeat(self.cache, count)
        output = self.read(ids_RK.reshape(-1, 1), self.mask.repeat_interleave(count, dim=0))
        candidates_RKD = _directions(output).view(rows, count, -1)
        penalties_RK = penalties(candidates_RKD, self.before_RSD, before_RS).double()
        place_R = best(top_RK, penalties_RK, numbers_R, self.request.how)
        chosen_R = torch.arange(rows, device=self.device) * count + place_R
        self.cache = select(self.cache, chosen_R)
        self.logits_RV = output.logits[:, -1].index_select(0, chosen_R)
        chosen_R1D = candidates_RKD.flatten(0, 1).index_select(0, chosen_R).unsqueeze(1)
        self.before_RSD = torch.cat([self.before_RSD, chosen_R1D], dim=1)
        return ids_RK.gather(1, place_R.unsqueeze(1)).squeeze(1)

    def forward(self) -> None:
        """Nothing is left to be read."""
        self.leave()

    def keep(self, kept: torch.Tensor) -> None:
        """Keeps some rows, by their indices."""
        super().keep(kept)
        self.logits_RV = self.logits_RV.index_select(0, kept)
        self.before_RSD = self.before_RSD.index_select(0, kept)


def _directions(output: Any) -> torch.Tensor:
    """Last hidden states, of length 1 each: (R, N, D)."""
    return normalize(output.hidden_states[-1].float(), dim=-1)
