# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One whole block beside LLM Foundry's with its ``torch`` attention, and beside its products alone.

    python -m benchmarks.block [--longest 2048] [--seconds 4]

Forward and backward of a sequential block: width 1024, 16 heads of 64, one key/value head, ALiBi,
no biases; SwiGLU after RMSNorm, and GELU after LayerNorm; fp32 and bf16. Both blocks have the same
weights, and alternate in one process with the matrix products that nothing can do without: those of
the linear layers, and half of those of a square context. The least of several times counts.
Foundry's gets the bias that its MPT builds, ready made. Where the time goes is by torch's profiler;
what Foundry does to the scores apart from softmax counts as elementwise there.
Writes ``results/block.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from benchmarks import measure

_WIDTH, _HEADS, _SIZE = 1024, 16, 64
_TOKENS = 2048  # a batch holds so many, in rows of T
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_KINDS: dict[str, dict[str, Any]] = {
    "SwiGLU, RMSNorm": {"norm_type": "rmsnorm", "ffn_config": {"ffn_type": "mptglu"}},
    "GELU, LayerNorm": {"norm_type": "layernorm", "ffn_config": {"ffn_type": "mptmlp"}},
}
_ATTENTION = {"ours": "alibi_multiquery_attention", "foundry torch": "multiquery_attention"}
_PARTS: tuple[str, ...] = ("linear", "attention", "elementwise")

Step = Callable[[], Any]


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longest", type=int, default=2048, help="largest T")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each thing measured")
    arguments = parser.parse_args()
    lengths = [n for n in (256, 512, 1024, 2048, 4096) if n <= arguments.longest]
    results: dict[str, Any] = {
        **{"width": _WIDTH, "heads": _HEADS, "head_size": _SIZE, "tokens": _TOKENS},
        "threads": torch.get_num_threads(),
    }
    for kind in _KINDS:
        for dtype in _DTYPES:
            name = f"{kind}, {dtype}"
            results[name] = {
                f"T={n}": compare(kind, n, _DTYPES[dtype], arguments.seconds) for n in lengths
            }
            print(json.dumps({name: results[name]}, indent=2), flush=True)
    print(f"Written to {measure.write('block', results, 'llm-foundry', 'torch')}")


def compare(kind: str, length: int, dtype: torch.dtype, seconds: float) -> dict[str, Any]:
    """Seconds of both and of the products, how many times Foundry's, and where the time goes."""
    blocks = {name: block(kind, length, attention) for name, attention in _ATTENTION.items()}
    blocks["ours"].load_state_dict(blocks["foundry torch"].state_dict())
    steps = {name: step(module.to(dtype), length, dtype) for name, module in blocks.items()}
    linear, attention = products(blocks["ours"], length, dtype)
    took = measure.alternate({**steps, "linear": linear, "attention": attention}, seconds)
    limit = took["linear"] + took["attention"]
    found: dict[str, Any] = {
        "times_foundry": round(took["foundry torch"] / took["ours"], 3),
        "products_seconds": {k: round(took[k], 5) for k in ("linear", "attention")},
    }
    for name, run in steps.items():
        found[name] = {
            "seconds": round(took[name], 5),
            "share_of_limit": round(limit / took[name], 3),
            "parts": parts(run),
        }
    return found


def block(kind: str, length: int, attention: str) -> nn.Module:
    """A block of ``code_mpt_causal_lm`` with one of the attention types."""
    from foundry_plugins.models.backbone import backbone_class
    from foundry_plugins.models.config import CodeMPTConfig

    torch.manual_seed(0)
    config = CodeMPTConfig(
        **{"d_model": _WIDTH, "n_heads": _HEADS, "n_layers": 1, "vocab_size": 64},
        max_seq_len=length,
        attn_config={"attn_type": attention, "alibi": True},
        **_KINDS[kind],
    )
    return backbone_class(config)(config).blocks[0].train()


def step(module: nn.Module, length: int, dtype: torch.dtype) -> Step:
    """Forward and backward, down to the block's input."""
    from llmfoundry.models.layers.attention import MultiQueryAttention, build_alibi_bias

    x = torch.randn(_rows(length), length, _WIDTH).to(dtype).requires_grad_()
    upstream = torch.randn(x.shape).to(dtype)
    # Ours needs none.
    foundrys = type(module.attn) is MultiQueryAttention
    bias = build_alibi_bias(_HEADS, length, dtype=dtype) if foundrys else None

    def run() -> None:
        x.grad = None
        module.zero_grad()
        module(x, attn_bias=bias)[0].backward(upstream)

    return run


def products(module: nn.Module, length: int, dtype: torch.dtype) -> tuple[Step, Step]:
    """The matrix products of the linear layers, and those of causal attention."""
    tokens, rows = _rows(length) * length, _rows(length) * _HEADS
    sizes = [(x.in_features, x.out_features) for x in module.modules() if isinstance(x, nn.Linear)]
    operands = [
        tuple(torch.randn(shape).to(dtype) for shape in ((tokens, i), (o, i), (tokens, o)))
        for i, o in sizes
    ]
    half = length // 2
    left, right, square, narrow = (
        torch.randn(rows, *shape).to(dtype)
        for shape in ((length, _SIZE), (_SIZE, half), (length, half), (half, _SIZE))
    )

    def linear() -> None:
        for x, weight, gradient in operands:
            torch.mm(x, weight.t())
            torch.mm(gradient, weight)
            torch.mm(gradient.t(), x)

    def attention() -> None:
        for _ in range(3):
            torch.bmm(left, right)
        for _ in range(4):
            torch.bmm(square, narrow)

    return linear, attention


def parts(run: Step) -> dict[str, float]:
    """Shares of one run: linear layers, attention's products and softmax, elementwise work."""
    with profile(activities=[ProfilerActivity.CPU]) as events:
        run()
    took: dict[str, float] = dict.fromkeys(_PARTS, 0.0)
    for event in events.key_averages():
        if event.key in ("aten::mm", "aten::addmm"):
            part = "linear"
        elif any(word in event.key for word in ("bmm", "dot_product", "softmax", "masked_fill")):
            part = "attention"
        else:
            part = "elementwise"
        took[part] += event.self_cpu_time_total
    return {part: round(value / sum(took.values()), 3) for part, value in took.items()}


def _rows(length: int) -> int:
    return max(_TOKENS // length, 1)


if __name__ == "__main__":
    main()
