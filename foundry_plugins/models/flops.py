# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Floating point operations of a training batch, counted from the matrices that are multiplied.

For B samples of T tokens, backward costing twice the forward pass:

    3 * B * (2 * T * W + 4 * layers * d * T * min(T, window))

W is the number of weights that multiply a token: every linear layer and the output head, which is
the embedding table where they are tied. Embedding look-ups, norms, biases and learned positions
multiply no matrix. Scores and weighted values take 2 * d operations each for a query and a key,
whatever the number of key/value heads; all T keys count, also those that the causal mask hides, as
in LLM Foundry's and PaLM's convention (Chowdhery et al. 2022, arXiv 2204.02311, appendix B), so
that utilisation can be compared.

LLM Foundry 0.22 counts 2 * T for every parameter but an untied input table, so biases, norms and
learned positions too: 1.5 % more for StarCoderBase-1B, 0.01 % for Refact-1.6B.
"""

from __future__ import annotations

from torch import nn


def linear_weights(model: nn.Module) -> int:
    """Weights of all linear layers, by their sizes: those stay whole when parameters are cut."""
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return sum(layer.in_features * layer.out_features for layer in layers)


def training_flops(
    samples: int, tokens: int, weights: int, layers: int, d_model: int, window: int | None = None
) -> int:
    """The formula above.

    Args:
        samples: B.
        tokens: T, of one sample.
        weights: W.
        layers: Attention layers.
        d_model: Query heads times head size.
        window: Keys that a query may see at most; None for all.
    """
    keys = tokens if window is None else min(tokens, window)
    return 3 * samples * (2 * tokens * weights + 4 * layers * d_model * tokens * keys)
