# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from foundry_plugins.callbacks.dropout_sites import dropout_sites


class Attention(nn.Module):
    """Holds its probability as MPT attention does, beside floats that are none."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.attn_dropout_p = p
        self.softmax_scale = 0.125
        self.dropout_seed = 0.5
        self.p = 0.3


def test_finds_modules_and_floats_and_nothing_else() -> None:
    model = nn.Sequential(
        nn.Dropout(0.1),
        nn.Sequential(Attention(0.2), nn.Dropout(0.0)),
        nn.MultiheadAttention(4, 2, dropout=0.3),
        nn.AlphaDropout(0.4),
        nn.LayerNorm(4, eps=1e-5),
    )
    sites = dropout_sites(model)
    assert [(type(s.module).__name__, s.attribute, s.p) for s in sites] == [
        ("Dropout", "p", 0.1),
        ("Attention", "attn_dropout_p", 0.2),
        ("MultiheadAttention", "dropout", 0.3),
        ("AlphaDropout", "p", 0.4),
    ]


@pytest.mark.parametrize("name", ["dropout", "attention_dropout", "resid_pdrop", "dropout_prob"])
def test_names_of_probabilities(name: str) -> None:
    module = nn.Module()
    setattr(module, name, 0.1)
    assert [site.attribute for site in dropout_sites(module)] == [name]


def test_scaling_is_relative_to_what_was_found() -> None:
    model = nn.Dropout(0.4)
    (site,) = dropout_sites(model)
    site.scale(0.5)
    site.scale(0.5)
    assert model.p == 0.2
    site.scale(0.0)
    assert model.p == 0.0
    x = torch.randn(8)
    assert torch.equal(model(x), x)
