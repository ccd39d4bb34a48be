# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The rebuilt model is the one that was trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from foundry_plugins.contract.errors import UserError
from foundry_plugins.export.checkpoint import read_checkpoint
from foundry_plugins.export.reference import load_reference

FOUNDRY = {"attn_type": "multiquery_attention", "attn_impl": "torch", "alibi": True}


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"resid_pdrop": 0.5, "emb_pdrop": 0.5, "n_heads": 8, "tie_word_embeddings": False},
        {"attn_config": FOUNDRY},
        {"name": "mpt_causal_lm", "attn_config": FOUNDRY, "n_heads": 8},
    ],
)
def test_equals_the_model_in_training(
    build: Callable[..., Any], make_checkpoint: Callable[..., Path], section: dict[str, Any]
) -> None:
    model = build(gain=1.5, **section).eval()
    logits = load_reference(read_checkpoint(make_checkpoint(gain=1.5, **section)))
    for length in (1, 17, 128):
        ids = torch.randint(60, 700, (1, length))
        with torch.inference_mode():
            expected = model({"input_ids": ids}).logits[0]
        # Foundry's own attention rounds ALiBi's bias more coarsely than the reference does.
        assert torch.allclose(logits(ids[0].tolist()), expected, atol=1e-4)


def test_unknown_models_are_refused(model_checkpoint: Callable[[str], Path]) -> None:
    source = read_checkpoint(model_checkpoint("tied"))
    other = dataclasses.replace(source, config={**source.config, "model_type": "llama"})
    with pytest.raises(UserError, match=r"type 'llama'.*one of mpt, code_mpt"):
        load_reference(other)
