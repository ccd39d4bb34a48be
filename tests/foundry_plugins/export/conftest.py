# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of small random models, laid out as Composer saves them.

Weights are scaled up from their initial values: fresh ones give nearly uniform next tokens, on
which any model would agree.
"""

from __future__ import annotations

import functools
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
VOCAB_SIZE, CONTEXT = 768, 128
MakeCheckpoint = Callable[..., Path]


@pytest.fixture(scope="session")
def samples() -> list[str]:
    return [(LIBRARY / name).read_text()[:400] for name in ("abc.py", "ast.py", "bisect.py")]


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from data_prep.tokenizers import byte_level, files

    folder = tmp_path_factory.mktemp("tokenizer")
    texts = ((LIBRARY / name).read_text() for name in ("ast.py", "calendar.py", "textwrap.py"))
    # Fewer entries than VOCAB_SIZE: models pad their embeddings to a round number.
    files.write(folder, byte_level.train(texts, 700))
    return folder


@pytest.fixture(scope="session")
def build(tokenizer_folder: Path) -> Callable[..., Any]:
    """Builds a Composer model by its registered name, with weights that prefer some tokens."""
    import torch
    from llmfoundry.utils.builders import build_composer_model
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tokenizer_folder)

    def make(name: str = "code_mpt_causal_lm", gain: float = 3.0, **section: Any) -> Any:
        torch.manual_seed(0)
        section = {
            **{"d_model": 64, "n_heads": 4, "n_layers": 2, "max_seq_len": CONTEXT},
            **{"vocab_size": VOCAB_SIZE, "loss_fn": "torch_crossentropy"},
            "ffn_config": {"ffn_type": "mptglu", "ffn_hidden_size": 160, "ffn_act_fn": SILU},
            **section,
        }
        if name == "mpt_causal_lm":
            section = {"no_bias": True, "norm_type": "rmsnorm", **section}
        model = build_composer_model(name, section, loaded)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(gain)
                else:
                    parameter.add_(torch.randn_like(parameter) * 0.2)
        return model

    return make


SILU = {"name": "silu"}


@pytest.fixture(scope="session")
def make_checkpoint(
    build: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> MakeCheckpoint:
    """Saves a model's state in the layout of Composer's own checkpoints."""
    import torch

    def make(**section: Any) -> Path:
        model = build(**section)
        state = {
            "model": model.state_dict(),
            "integrations": {"huggingface": model.get_metadata()},
            "timestamp": {"Timestamp": {"batch": 1}},
        }
        path = tmp_path_factory.mktemp("checkpoint") / "ep0-ba1-rank0.pt"
        torch.save({"state": state, "rng": []}, path)
        return path

    return make


@pytest.fixture(scope="session")
def model_checkpoint(make_checkpoint: MakeCheckpoint) -> Callable[[str], Path]:
    """Checkpoints by a short name, each made once."""
    mqa = {"attn_type": "multiquery_attention", "attn_impl": "torch", "alibi": True}
    sections: dict[str, dict[str, Any]] = {
        "tied": {},
        "untied_6_heads": {"n_heads": 6, "d_model": 96, "tie_word_embeddings": False},
        "grouped": {
            "name": "mpt_causal_lm",
            "attn_config": {**mqa, "attn_type": "grouped_query_attention", "kv_n_heads": 2},
        },
        "alibi_grouped": {"attn_config": {"kv_n_heads": 2}},
        "layernorm_gelu": {
            "name": "mpt_causal_lm",
            "norm_type": "low_precision_layernorm",
            "attn_config": mqa,
            "ffn_config": {"ffn_type": "mptmlp"},
        },
    }

    @functools.cache
    def get(name: str) -> Path:
        return make_checkpoint(**sections[name])

    return get
