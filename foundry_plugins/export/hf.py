# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint as a folder that plain transformers loads with ``trust_remote_code=True``.

The folder holds the weights under their trained names, the tokenizer, and one modelling file that
imports nothing but torch and transformers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import require
from foundry_plugins.contract.files import atomic_path
from foundry_plugins.export.architecture import Architecture, read_architecture
from foundry_plugins.export.checkpoint import Checkpoint, read_checkpoint
from foundry_plugins.export.parity import ParityReport, refuse_foreign_target
from foundry_plugins.export.parity_hf import check_hf

MODELING_FILE = "modeling_code_mpt.py"
_MODULE = MODELING_FILE.removesuffix(".py")
MODEL_TYPE = "code_mpt_hf"


def export_hf(checkpoint: Path, output: Path, samples: Sequence[str]) -> ParityReport:
    """Writes the folder ``output``, unless transformers would compute something else from it.

    Args:
        checkpoint: A monolithic Composer checkpoint.
        output: The folder to write; an earlier export there is replaced.
        samples: Held-out texts to compare on.

    Raises:
        UserError: if the checkpoint cannot be exported or parity is missed; ``output`` is then
            left as it was.
    """
    earlier = output.is_dir() and (_is_export(output) or not any(output.iterdir()))
    refuse_foreign_target(output, earlier, "an earlier Hugging Face export")
    source = read_checkpoint(checkpoint)
    architecture = read_architecture(source)
    with atomic_path(output) as partial:
        partial.mkdir()
        write_hf(source, architecture, partial)
        report = check_hf(source, architecture, partial, output, samples)
        report.require_passed()
    return report


def write_hf(source: Checkpoint, architecture: Architecture, folder: Path) -> None:
    """Writes an unchecked export into an existing folder."""
    from safetensors.torch import save_file

    _write_json(folder / "config.json", _config(source, architecture))
    _write_json(folder / "generation_config.json", _token_ids(source) | {"do_sample": False})
    shutil.copyfile(Path(__file__).with_name(MODELING_FILE), folder / MODELING_FILE)
    source.write_tokenizer(folder)
    tensors = {name: tensor.contiguous() for name, tensor in source.weights.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _config(source: Checkpoint, architecture: Architecture) -> dict[str, Any]:
    require(
        architecture.n_heads % architecture.kv_heads == 0,
        f"{source.path}: n_heads ({architecture.n_heads}) must be a multiple of the key/value "
        f"heads ({architecture.kv_heads}).",
    )
    return {
        "model_type": MODEL_TYPE,
        "architectures": ["CodeMPTForCausalLM"],
        "auto_map": {
            "AutoConfig": f"{_MODULE}.CodeMPTConfig",
            "AutoModelForCausalLM": f"{_MODULE}.CodeMPTForCausalLM",
        },
        "vocab_size": architecture.vocab_size,
        "hidden_size": architecture.d_model,
        "num_hidden_layers": architecture.n_layers,
        "num_attention_heads": architecture.n_heads,
        "num_key_value_heads": architecture.kv_heads,
        "intermediate_size": architecture.mlp_hidden_size,
        "max_position_embeddings": architecture.max_seq_len,
        "block": "sequential",
        "norm": architecture.norm,
        "norm_eps": architecture.norm_eps,
        "mlp": architecture.mlp,
        "alibi_bias_max": architecture.alibi_bias_max,
        "softmax_scale": architecture.softmax_scale,
        "tie_word_embeddings": architecture.tied_embeddings,
        "torch_dtype": "float32",
        "use_cache": True,
        **_token_ids(source),
    }


def _token_ids(source: Checkpoint) -> dict[str, int]:
    names = ("bos", "eos", "pad")
    ids = {f"{n}_token_id": source.special_token_id(f"{n}_token") for n in names}
    return {name: value for name, value in ids.items() if value is not None}


def _is_export(folder: Path) -> bool:
    config = folder / "config.json"
    return config.is_file() and f'"{MODEL_TYPE}"' in config.read_text(encoding="utf-8")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
