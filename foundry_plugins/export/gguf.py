# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint as a GGUF file for llama.cpp, under its ``refact`` architecture.

llama.cpp has a fixed graph for each architecture name. ``refact`` is the one for sequential blocks
of RMSNorm, bias-free attention with ALiBi (slopes for a maximum bias of 8, scores scaled by
1/sqrt(head size)) and SwiGLU. (It is named after Refact-1.6B, which itself uses LayerNorm.)
Weights are written as fp32; quantize with llama.cpp's own tool.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.files import atomic_path
from foundry_plugins.contract.sentinels import FIM_MIDDLE, FIM_PAD, FIM_PREFIX, FIM_SUFFIX
from foundry_plugins.export.architecture import RMSNORM, SWIGLU, Architecture, read_architecture
from foundry_plugins.export.checkpoint import Checkpoint, read_checkpoint
from foundry_plugins.export.gguf_tokenizer import read_vocabulary
from foundry_plugins.export.llamacpp import require_package
from foundry_plugins.export.parity import ParityReport, refuse_foreign_target
from foundry_plugins.export.parity_gguf import check_gguf

if TYPE_CHECKING:
    import torch

# Metadata keys by which llama.cpp's /infill finds its sentinels. Generation also ends at the pad,
# repository and file tokens.
_FIM_KEYS = {
    "fim_pre": FIM_PREFIX,
    "fim_suf": FIM_SUFFIX,
    "fim_mid": FIM_MIDDLE,
    "fim_pad": FIM_PAD,
    "fim_rep": "<repo_name>",
    "fim_sep": "<file_sep>",
}
_MAGIC = b"GGUF"


def export_gguf(checkpoint: Path, output: Path, samples: Sequence[str]) -> ParityReport:
    """Writes the file ``output``, unless llama.cpp would compute something else from it.

    Args:
        checkpoint: A monolithic Composer checkpoint.
        output: The ``.gguf`` file to write; an earlier one is replaced.
        samples: Held-out texts to compare on.

    Raises:
        UserError: if a package is missing, ``refact`` cannot express the model, or parity is
            missed; ``output`` is then left as it was.
    """
    for package in ("gguf", "xllamacpp"):
        require_package(package)
    require(output.suffix == ".gguf", f"The output {output} must be a file name ending in `.gguf`.")
    refuse_foreign_target(output, _is_gguf(output), "a GGUF file")
    source = read_checkpoint(checkpoint)
    architecture = read_architecture(source)
    refuse_unless_refact(source, architecture)
    with atomic_path(output) as partial:
        write_gguf(source, architecture, partial, name=output.stem)
        report = check_gguf(source, architecture, partial, output, samples)
        report.require_passed()
    return report


def refuse_unless_refact(source: Checkpoint, architecture: Architecture) -> None:
    """Raises UserError with every reason why ``refact`` would compute something else."""
    a = architecture
    default_scale = 1 / math.sqrt(a.head_dim)
    reasons = {
        f"its norm is {a.norm}, and llama.cpp applies RMSNorm": a.norm != RMSNORM,
        f"its MLP is {a.mlp}, and llama.cpp applies SwiGLU": a.mlp != SWIGLU,
        f"its alibi_bias_max is {a.alibi_bias_max}, and llama.cpp takes 8": a.alibi_bias_max != 8,
        f"its softmax_scale is {a.softmax_scale:.6g}, and llama.cpp takes 1/sqrt(head size) = "
        f"{default_scale:.6g}": not math.isclose(a.softmax_scale, default_scale, rel_tol=1e-6),
    }
    found = [reason for reason, holds in reasons.items() if holds]
    if found:
        raise UserError(
            f"llama.cpp's refact architecture cannot express {source.path}: {'; '.join(found)}; "
            "export it with `foundry-plugins export --hf FOLDER`, or train with the defaults of "
            "`code_mpt_causal_lm` to serve it with llama.cpp."
        )


def write_gguf(source: Checkpoint, architecture: Architecture, path: Path, name: str) -> None:
    """Writes an unchecked file."""
    import gguf

    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[gguf.MODEL_ARCH.REFACT])
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(architecture.vocab_size)
    writer.add_context_length(architecture.max_seq_len)
    writer.add_embedding_length(architecture.d_model)
    writer.add_block_count(architecture.n_layers)
    writer.add_feed_forward_length(architecture.mlp_hidden_size)
    writer.add_head_count(architecture.n_heads)
    writer.add_head_count_kv(architecture.kv_heads)
    writer.add_layer_norm_rms_eps(architecture.norm_eps)
    _add_tokenizer(writer, source, architecture.vocab_size)
    for tensor_name, tensor in gguf_tensors(source, architecture):
        writer.add_tensor(tensor_name, tensor.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: Any, source: Checkpoint, vocab_size: int) -> None:
    vocabulary = read_vocabulary(source.tokenizer_json, vocab_size)
    eos, pad = source.special_token_id("eos_token"), source.special_token_id("pad_token")
    if eos is None:
        raise UserError(f"{source.path}: its tokenizer names no eos_token, so nothing would stop.")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_eos_token_id(eos)
    # Never inserted; unset, llama.cpp would call token 11 the beginning of text.
    writer.add_bos_token_id(eos)
    if pad is not None:
        writer.add_pad_token_id(pad)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    for key, token in _FIM_KEYS.items():
        if token in vocabulary.ids:
            writer.add_uint32(f"tokenizer.ggml.{key}_token_id", vocabulary.ids[token])


def gguf_tensors(
    source: Checkpoint, architecture: Architecture
) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor under llama.cpp's name; the output matrix is left out when it is tied."""
    weights = source.weights
    q_rows, kv_rows = architecture.d_model, architecture.kv_heads * architecture.head_dim
    yield "token_embd.weight", weights["transformer.wte.weight"]
    for layer in range(architecture.n_layers):
        ours, theirs = f"transformer.blocks.{layer}", f"blk.{layer}"
        q, k, v = weights[f"{ours}.attn.Wqkv.weight"].split([q_rows, kv_rows, kv_rows])
        yield f"{theirs}.attn_norm.weight", weights[f"{ours}.norm_1.weight"]
        yield f"{theirs}.attn_q.weight", q
        yield f"{theirs}.attn_k.weight", k
        yield f"{theirs}.attn_v.weight", v
        yield f"{theirs}.attn_output.weight", weights[f"{ours}.attn.out_proj.weight"]
        yield f"{theirs}.ffn_norm.weight", weights[f"{ours}.norm_2.weight"]
        yield f"{theirs}.ffn_gate.weight", weights[f"{ours}.ffn.gate_proj.weight"]
        yield f"{theirs}.ffn_up.weight", weights[f"{ours}.ffn.up_proj.weight"]
        yield f"{theirs}.ffn_down.weight", weights[f"{ours}.ffn.down_proj.weight"]
    yield "output_norm.weight", weights["transformer.norm_f.weight"]
    if not architecture.tied_embeddings:
        yield "output.weight", weights["lm_head.weight"]


def _is_gguf(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
