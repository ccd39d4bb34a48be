# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Decoding with a cache beside LLM Foundry's own, as tokens per second and a share of the limit.

    python -m benchmarks.decode [--tokens 128] [--prompt 128] [--models 100M] [--batches 1 8]

A model of 100M parameters and one of the quickstart's shape, ALiBi and multi-query attention, on
this machine's CPU. Foundry's ``mpt_causal_lm`` with ``attn_impl: torch`` gets the same weights. One
loop drives both: the whole prompt, then token by token the likeliest one, with the cache that the
model returned; it has nothing in it but the model and an argmax. ``generate`` of transformers
drives ours once more, with what it adds itself. Rounds alternate in one process; a figure is the
best of them, by the clock. The prompt is timed on its own and taken off.

A step must read every matrix once, whatever the batch is. *The limit* is the time of reading the
same number of bytes: the sum of one tensor that holds all of them, the fastest read that torch has.
``share`` is that time divided by the time of a step. ``products_share`` is the same for the matrix
products alone, each called as our model calls it: no change to the model around them can go above
that. ``torch_products_share`` is that of torch's ``linear``, which Foundry's model calls, and ours
too for more than a few rows. ``share_of_products`` compares a step with our products instead.
Cache, activations and norms count as nothing. Where all weights fit into the processor's caches
the limit is theirs.

Tokens must be identical in fp32. In bf16 two orders of adding round differently, and weights at
random leave many tokens almost as likely as the first; there ``identical_tokens`` is the share of
steps in which Foundry's model, led along our text, chooses as ours did.

Writes ``results/decode.json`` and ``results/decode.png``: shares over the batch.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import linear

from benchmarks import measure
from foundry_plugins.models.products import product

_MODELS: dict[str, dict[str, int]] = {
    "100M": {"d_model": 768, "n_heads": 12, "n_layers": 12, "vocab_size": 32768, "hidden": 2048},
    "quickstart": {"d_model": 256, "n_heads": 8, "n_layers": 4, "vocab_size": 4096, "hidden": 768},
}
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_SECONDS = 6.0  # for the rounds of one model, dtype and batch, each of them at least twice
_ROUNDS = 2
_LARGER = 3  # times the initial weights, so that the likeliest token is clearly so

Decode = Callable[[torch.Tensor, int], torch.Tensor]


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=128, help="new tokens")
    parser.add_argument("--prompt", type=int, default=128, help="tokens before them")
    parser.add_argument("--models", nargs="+", default=list(_MODELS), choices=list(_MODELS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--dtypes", nargs="+", default=list(_DTYPES), choices=list(_DTYPES))
    arguments = parser.parse_args()
    results: dict[str, Any] = {
        "prompt": arguments.prompt,
        "new_tokens": arguments.tokens,
        "threads": torch.get_num_threads(),
    }
    for name in arguments.models:
        for dtype in arguments.dtypes:
            ours, theirs = (model.to(_DTYPES[dtype]) for model in build(**_MODELS[name]))
            for batch in arguments.batches:
                title = f"{name}, {dtype}, batch {batch}"
                found = compare(ours, theirs, batch, arguments.prompt, arguments.tokens)
                results[title] = found
                print(json.dumps({title: found}, indent=2), flush=True)
    print(measure.write("decode", results, "llm-foundry", "torch", "transformers", "numba"))
    print(plot(results, arguments.models, arguments.dtypes, arguments.batches))


def build(hidden: int, **sizes: int) -> tuple[Any, Any]:
    """Our model and Foundry's, with the same weights."""
    from llmfoundry.models.mpt import MPTConfig, MPTForCausalLM

    from foundry_plugins.models.causal_lm import CodeMPTForCausalLM
    from foundry_plugins.models.config import CodeMPTConfig

    torch.manual_seed(0)
    ffn = {"ffn_type": "mptglu", "ffn_act_fn": {"name": "silu"}, "ffn_hidden_size": hidden}
    common: dict[str, Any] = {**sizes, "max_seq_len": 2048, "ffn_config": ffn, "use_cache": True}
    common |= {"no_bias": True, "norm_type": "rmsnorm", "tie_word_embeddings": True}
    ours = CodeMPTForCausalLM(CodeMPTConfig(**copy.deepcopy(common))).eval()
    attention = {"attn_type": "multiquery_attention", "attn_impl": "torch", "alibi": True}
    theirs = MPTForCausalLM(MPTConfig(**common, attn_config=attention)).eval()
    for parameter in ours.parameters():
        parameter.data.mul_(_LARGER)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def compare(ours: Any, theirs: Any, batch: int, prompt: int, tokens: int) -> dict[str, Any]:
    """Steps of both models and of ``generate``, with their share of the limit."""
    vocabulary = ours.config.vocab_size
    ids = torch.randint(0, vocabulary, (batch, prompt), generator=torch.Generator().manual_seed(1))
    ways = {"foundry": loop(theirs), "ours": loop(ours), "ours, generate": generate(ours)}
    weights = matrices(ours)
    others = {
        "limit": reading(weights),
        "products": products(weights, batch, product),
        "torch_products": products(weights, batch, linear),
    }
    texts: dict[str, torch.Tensor] = {}
    whole, first = dict.fromkeys(ways, float("inf")), dict.fromkeys(ways, float("inf"))
    once = dict.fromkeys(others, float("inf"))
    until = time.perf_counter() + _SECONDS
    rounds = 0
    while rounds < _ROUNDS or time.perf_counter() < until:
        for name, decode in ways.items():
            seconds, texts[name] = timed(decode, ids, tokens)
            whole[name] = min(whole[name], seconds)
            first[name] = min(first[name], timed(decode, ids, 1)[0])
            for other, run in others.items():
                once[other] = min(once[other], timed(run)[0])
        rounds += 1
    num_bytes = sum(x.numel() * x.element_size() for x in weights)
    steps = {name: (whole[name] - first[name]) / (tokens - 1) for name in ways}
    return {
        "weight_mb": round(num_bytes / 1e6, 1),
        "limit_gb_per_second": round(num_bytes / 1e9 / once["limit"], 1),
        "products_share": round(once["limit"] / once["products"], 3),
        "torch_products_share": round(once["limit"] / once["torch_products"], 3),
        "identical_tokens": identical(theirs, ids, texts),
        **{name: figures(name, steps, once, batch) for name in ways},
    }


def figures(
    name: str, steps: dict[str, float], once: dict[str, float], batch: int
) -> dict[str, float]:
    """One way of decoding, from the seconds of a step of each."""
    return {
        "milliseconds": round(steps[name] * 1e3, 3),
        "tokens_per_second": round(batch / steps[name], 1),
        "times_foundry": round(steps["foundry"] / steps[name], 2),
        "share": round(once["limit"] / steps[name], 3),
        "share_of_products": round(once["products"] / steps[name], 3),
    }


def identical(theirs: Any, ids: torch.Tensor, texts: dict[str, torch.Tensor]) -> float:
    """Share of our tokens that Foundry's model chooses as well."""
    if not torch.equal(texts["ours"], texts["ours, generate"]):
        raise SystemExit("`generate` and the loop chose different tokens.")
    exact = theirs.dtype == torch.float32
    choices = texts["foundry"]
    if not exact:
        choices = timed(loop(theirs, texts["ours"]), ids, choices.shape[1])[1]
    share = float((texts["ours"] == choices).float().mean())
    if exact and share != 1:
        raise SystemExit("The two models chose different tokens.")
    return round(share, 4)


def timed(run: Callable[..., Any], *inputs: Any) -> tuple[float, Any]:
    """Seconds by the clock, and the result."""
    start = time.perf_counter()
    with torch.no_grad():
        result = run(*inputs)
    return time.perf_counter() - start, result


def loop(model: Any, text: torch.Tensor | None = None) -> Decode:
    """The model and an argmax, with the cache it returns; with a text, what it chooses along it."""

    def decode(ids: torch.Tensor, tokens: int) -> torch.Tensor:
        past, found = None, []
        for step in range(tokens):
            out = model(ids, past_key_values=past, use_cache=True)
            past, ids = out.past_key_values, out.logits[:, -1:].argmax(-1)
            found.append(ids)
            ids = ids if text is None else text[:, step : step + 1]
        return torch.cat(found, dim=1)

    return decode


def generate(model: Any) -> Decode:
    """``generate`` as a user calls it."""
    options: dict[str, Any] = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}

    def decode(ids: torch.Tensor, tokens: int) -> torch.Tensor:
        mask = torch.ones_like(ids)
        found = model.generate(ids, attention_mask=mask, max_new_tokens=tokens, **options)
        return found[:, ids.shape[1] :]

    return decode


def matrices(model: Any) -> list[torch.Tensor]:
    """What a step reads, in its order: every layer's matrices, then the tied embeddings."""
    transformer = model.transformer
    layers = [x.detach() for x in transformer.blocks.parameters() if x.dim() == 2]
    return [*layers, transformer.wte.weight.detach()]


def reading(weights: list[torch.Tensor]) -> Callable[[], Any]:
    """Reads all bytes; as fp32 numbers whatever they are, since bf16 sums are slow."""
    words = torch.cat([x.flatten() for x in weights]).view(torch.float32)
    return words.sum


def products(
    weights: list[torch.Tensor], batch: int, multiply: Callable[..., torch.Tensor]
) -> Callable[[], Any]:
    """The products of a step, each with an input of its own."""
    inputs = [torch.randn(batch, 1, x.shape[1]).to(x.dtype) for x in weights]
    return lambda: [multiply(x, w) for x, w in zip(inputs, weights, strict=True)]


def plot(results: dict[str, Any], models: list[str], dtypes: list[str], batches: list[int]) -> Path:
    """Shares of the limit over the batch; a panel for each model and dtype."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    batches = sorted(batches)
    cases = [(name, dtype) for name in models for dtype in dtypes]
    figure, axes = plt.subplots(1, len(cases), figsize=(4 * len(cases), 4), squeeze=False)
    for ax, (name, dtype) in zip(axes[0], cases, strict=True):
        found = [results[f"{name}, {dtype}, batch {batch}"] for batch in batches]
        for way, color in (("foundry", "C7"), ("ours", "C0"), ("ours, generate", "C2")):
            ax.plot(batches, [at[way]["share"] for at in found], "o-", color=color, label=way)
        for key, color in (("torch_products_share", "C7"), ("products_share", "C0")):
            label = key.removesuffix("_share").replace("_", " ") + " alone"
            ax.plot(batches, [at[key] for at in found], ":", color=color, label=label)
        ax.axhline(1, color="black", linewidth=0.8)
        ax.set_xscale("log", base=2)
        ax.set_xticks(batches, [str(batch) for batch in batches])
        ax.set_ylim(0, None)
        ax.set_title(f"{name}, {dtype}")
        ax.set_xlabel("batch")
    axes[0, 0].set_ylabel("share of the speed of reading all weights")
    axes[0, 0].legend(fontsize="small")
    figure.tight_layout()
    path = measure.RESULTS / "decode.png"
    figure.savefig(path, dpi=120)
    return path


if __name__ == "__main__":
    main()
