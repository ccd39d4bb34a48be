# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Rules of thumb for warm-up, learning rate and weight decay, by name, with their limits.

Source: M. O.-Cañavate Ortiz, "Democratization of Large Language Models Trained on Code"
(Edinburgh, 2023), sections 3.4.2 and 3.5.1, for AdamW. The rule for the warm-up is that of Ma and
Yarats 2021 (arXiv 1910.04209), the form of that for the learning rate that of Kaplan et al. 2020
(arXiv 2001.08361, appendix D.6).
"""

from __future__ import annotations

import dataclasses
import math

# Non-embedding parameters (12 d^2 a layer), and the peak that the thesis trained with (table 5.2).
PUBLISHED_PEAKS = ((302e6, 3.0e-4), (2.52e9, 1.6e-4), (6.44e9, 1.2e-4))
# Where 0.003239 - 0.0001395 ln N reaches 0.
LARGEST_PARAMETERS = math.exp(0.003239 / 0.0001395)


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a rule says for a run, and why not to trust it."""

    name: str
    value: float
    formula: str
    limits: str


def warmup_batches(beta2: float) -> Rule:
    """``2 / (1 - beta2)`` batches: 40 for 0.95, 100 for 0.98, 200 for 0.99."""
    return Rule(
        name="t_warmup",
        value=2 / (1 - beta2),
        formula="2 / (1 - beta2)",
        limits="derived for Adam's second moment; Lion has none, and its beta2 is another thing",
    )


def peak_learning_rate(parameters: float) -> Rule:
    """``0.003239 - 0.0001395 ln N`` for N parameters without embeddings."""
    limits = (
        "for AdamW; it does not give the rates that its own source trained with (5.2e-4, 2.2e-4 "
        "and 1.0e-4 against 3.0e-4, 1.6e-4 and 1.2e-4)"
    )
    value = 0.003239 - 0.0001395 * math.log(parameters)
    if value <= 0:
        limits = f"not above 0 from {LARGEST_PARAMETERS / 1e9:.1f}B parameters on: unusable here"
    return Rule("lr", value, "0.003239 - 0.0001395 ln N", limits)


def weight_decay(batch_tokens: float, tokens: float, batches: float, k: float = 5000) -> Rule:
    """``K sqrt(batch / (tokens * batches))``, which is ``K / batches`` for a single pass.

    Args:
        batch_tokens: Tokens of a batch.
        tokens: Tokens of the whole run.
        batches: Batches of the whole run.
        k: The constant, "roughly 5000".
    """
    value = k * math.sqrt(batch_tokens / (tokens * batches))
    limits = (
        "AdamW's lr-coupled decay, fitted to runs of 50,000 to 150,000 batches; the size of the "
        f"model is not in it, and a run of {batches:,.0f} batches is"
        f"{'' if 50_000 <= batches <= 150_000 else ' not'} among those"
    )
    return Rule("weight_decay", value, "K sqrt(batch / (tokens batches)), K = 5000", limits)
