# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which function a checkpoint computes, in the few numbers that a server needs.

Read from the MPT-style configuration stored in the checkpoint, which has many keys that change the
function. Each is checked: an option that an exported file could not express is refused here by
name, instead of showing later as a wrong logit.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.export.checkpoint import Checkpoint

RMSNORM, LAYERNORM = "rmsnorm", "layernorm"
SWIGLU, GELU, GELU_TANH = "swiglu", "gelu", "gelu_tanh"

# Foundry's names -> ours. The variants differ in kernel or in precision under autocast only.
_NORMS = {
    "rmsnorm": RMSNORM,
    "low_precision_rmsnorm": RMSNORM,
    "triton_rmsnorm": RMSNORM,
    "layernorm": LAYERNORM,
    "low_precision_layernorm": LAYERNORM,
}
_MULTI_QUERY = ("multiquery_attention", "alibi_multiquery_attention")
# Options that would change the function, with the one value under which they do not.
_FIXED: dict[str, Any] = {
    "logit_scale": None,
    "final_logit_softcapping": None,
    "block_overrides": None,
    "use_pad_tok_in_ffn": True,
    "attn_config.alibi": True,
    "attn_config.rope": False,
    "attn_config.nope": False,
    "attn_config.qk_ln": False,
    "attn_config.qk_gn": False,
    "attn_config.clip_qkv": None,
    "attn_config.fused_qkv": True,
    "attn_config.kv_dim": None,
    "attn_config.sliding_window_size": -1,
    "attn_config.attn_logit_softcapping": None,
    "attn_config.attn_temperature_tuning.attn_scale": 0.0,
}


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A sequential, bias-free decoder with ALiBi."""

    vocab_size: int
    max_seq_len: int
    d_model: int
    n_layers: int
    n_heads: int
    kv_heads: int
    mlp_hidden_size: int
    mlp: str  # SWIGLU, GELU or GELU_TANH
    norm: str  # RMSNORM or LAYERNORM
    norm_eps: float
    alibi_bias_max: float
    softmax_scale: float
    tied_embeddings: bool

    @property
    def head_dim(self) -> int:
        """Size of one head."""
        return self.d_model // self.n_heads

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor that a checkpoint of this architecture holds."""
        d, hidden = self.d_model, self.mlp_hidden_size
        qkv_rows = (self.n_heads + 2 * self.kv_heads) * self.head_dim
        block: dict[str, tuple[int, ...]] = {
            "norm_1.weight": (d,),
            "attn.Wqkv.weight": (qkv_rows, d),
            "attn.out_proj.weight": (d, d),
            "norm_2.weight": (d,),
            "ffn.up_proj.weight": (hidden, d),
            "ffn.down_proj.weight": (d, hidden),
        }
        if self.mlp == SWIGLU:
            block["ffn.gate_proj.weight"] = (hidden, d)
        shapes: dict[str, tuple[int, ...]] = {
            "transformer.wte.weight": (self.vocab_size, d),
            "transformer.norm_f.weight": (d,),
        }
        for layer in range(self.n_layers):
            shapes |= {f"transformer.blocks.{layer}.{name}": s for name, s in block.items()}
        if not self.tied_embeddings:
            shapes["lm_head.weight"] = (self.vocab_size, d)
        return shapes


def read_architecture(checkpoint: Checkpoint) -> Architecture:
    """Derives the architecture and checks that the weights are exactly those it needs.

    Raises:
        UserError: naming the option or the tensor that cannot be exported.
    """
    config, attention = checkpoint.config, checkpoint.config["attn_config"]
    for key, wanted in _FIXED.items():
        got = _lookup(config, key, wanted)
        if got != wanted:
            raise UserError(
                f"{checkpoint.path}: the model was trained with `{key}: {got}`, which the exported "
                f"files cannot express; only models with `{key}: {wanted}` can be exported."
            )
    d_model, n_heads = config["d_model"], config["n_heads"]
    mlp, hidden = _mlp(checkpoint)
    scale = attention.get("softmax_scale")
    architecture = Architecture(
        vocab_size=config["vocab_size"],
        max_seq_len=config["max_seq_len"],
        d_model=d_model,
        n_layers=config["n_layers"],
        n_heads=n_heads,
        kv_heads=_kv_heads(checkpoint),
        mlp_hidden_size=hidden,
        mlp=mlp,
        norm=_norm(checkpoint),
        norm_eps=config["norm_eps"],
        alibi_bias_max=attention.get("alibi_bias_max", 8),
        softmax_scale=1 / math.sqrt(d_model // n_heads) if scale is None else scale,
        tied_embeddings=config.get("tie_word_embeddings", True),
    )
    _check_tensors(checkpoint, architecture)
    return architecture


def _lookup(config: dict[str, Any], dotted: str, default: Any) -> Any:
    value: Any = config
    for key in dotted.split("."):
        if not isinstance(value, dict) or key not in value:
            return default
        value = value[key]
    return value


def _norm(checkpoint: Checkpoint) -> str:
    name = str(checkpoint.config["norm_type"]).lower()
    require(
        name in _NORMS,
        f"{checkpoint.path}: `norm_type: {name}` cannot be exported; it must be one of "
        f"{', '.join(_NORMS)}.",
    )
    return _NORMS[name]


def _mlp(checkpoint: Checkpoint) -> tuple[str, int]:
    config, ffn = checkpoint.config, checkpoint.config["ffn_config"]
    activation = ffn.get("ffn_act_fn") or {"name": "gelu"}
    kind = (ffn["ffn_type"], activation["name"], activation.get("approximate", "none"))
    kinds = {
        ("mptglu", "silu", "none"): SWIGLU,
        ("mptmlp", "gelu", "none"): GELU,
        ("mptmlp", "gelu", "tanh"): GELU_TANH,
    }
    require(
        kind in kinds,
        f"{checkpoint.path}: `ffn_config` with ffn_type {kind[0]} and ffn_act_fn {activation} "
        "cannot be exported; it must be mptglu with silu (SwiGLU) or mptmlp with gelu.",
    )
    hidden = ffn.get("ffn_hidden_size") or int(config["d_model"] * config["expansion_ratio"])
    return kinds[kind], hidden


def _kv_heads(checkpoint: Checkpoint) -> int:
    attention, n_heads = checkpoint.config["attn_config"], checkpoint.config["n_heads"]
    kind = attention["attn_type"]
    if kind in _MULTI_QUERY:
        # Only this package's class takes another number; a stored null means the default.
        return attention.get("kv_n_heads") or 1
    if kind == "multihead_attention":
        return n_heads
    require(
        kind == "grouped_query_attention",
        f"{checkpoint.path}: `attn_config.attn_type: {kind}` cannot be exported; it must be one of "
        f"{', '.join(_MULTI_QUERY)}, grouped_query_attention, multihead_attention.",
    )
    return attention["kv_n_heads"]


def _check_tensors(checkpoint: Checkpoint, architecture: Architecture) -> None:
    expected = architecture.tensor_shapes()
    got = {name: tuple(tensor.shape) for name, tensor in checkpoint.weights.items()}
    biases = sorted(name for name in got if name.endswith(".bias"))
    if biases:
        raise UserError(
            f"{checkpoint.path} has biases ({biases[0]} and {len(biases) - 1} more), which the "
            "exported files cannot hold; train with `no_bias: true` (and no `attention_bias`)."
        )
    if "transformer.blocks.0.norm_2.weight" not in got:
        raise UserError(
            f"{checkpoint.path} has no second norm in its blocks, so attention and MLP run in "
            "parallel; only sequential blocks can be exported so far."
        )
    for name in sorted(expected.keys() | got.keys()):
        if expected.get(name) != got.get(name):
            raise UserError(
                f"{checkpoint.path}: tensor {name} has shape {got.get(name, 'none (absent)')}, but "
                f"the stored configuration asks for {expected.get(name, 'none')}; the file is "
                "damaged or was saved from another model class."
            )
    for name, tensor in checkpoint.weights.items():
        require(
            bool(tensor.isfinite().all()),
            f"{checkpoint.path}: tensor {name} holds NaN or infinity, so training had diverged; "
            "export an earlier checkpoint.",
        )
