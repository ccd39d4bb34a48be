# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A whole training step beside LLM Foundry's: tokens per second, and what each part takes.

    python -m benchmarks.train_step [--seconds 20]

Forward pass, loss, backward pass, clipping and optimizer of the quickstart's model and of one of
100M parameters, in fp32 and, for the larger, under bf16 autocast. Ours is ``code_mpt_causal_lm``
with ``lionw``; Foundry's is ``mpt_causal_lm`` of the same shape, with its ``torch`` attention and
``decoupled_lionw``, from the same weights. They alternate in one process; the fastest step counts,
and the shares are that step's. Those of attention and MLP are of the forward pass, with their
projections; the backward pass is one. Writes ``results/train_step.json`` and
``results/train_step.png``.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks import measure

_QUICKSTART = Path(__file__).resolve().parents[1] / "yamls/quickstart/train.yaml"
# 97M parameters; width and depth of GPT-2 small.
_HUNDRED_MILLION: dict[str, Any] = {
    **{"d_model": 768, "n_heads": 12, "n_layers": 12, "max_seq_len": 1024, "vocab_size": 32768},
    **{"norm_type": "rmsnorm", "no_bias": True, "tie_word_embeddings": True},
    "ffn_config": {"ffn_type": "mptglu", "ffn_act_fn": {"name": "silu"}, "ffn_hidden_size": 2048},
    "attn_config": {"attn_type": "alibi_multiquery_attention", "alibi": True},
    "loss_fn": "torch_crossentropy",
    "use_train_metrics": False,
}
_LR, _BETAS, _CLIP = 1.0e-4, [0.9, 0.98], 1.0
_OURS, _FOUNDRY = "ours", "foundry"
_PARTS: tuple[str, ...] = (
    *("attention", "MLP", "other forward", "head and loss"),
    *("backward", "clipping", "optimizer"),
)


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each model and precision")
    arguments = parser.parse_args()
    cases: dict[str, tuple[dict[str, Any], int, bool]] = {
        "quickstart, fp32": (_quickstart(), 8, False),
        "100M, fp32": (_HUNDRED_MILLION, 1, False),
        "100M, amp_bf16": (_HUNDRED_MILLION, 1, True),
    }
    results: dict[str, Any] = {"threads": torch.get_num_threads()}
    for name, (section, samples, autocast) in cases.items():
        results[name] = compare(section, samples, autocast, arguments.seconds)
        print(json.dumps({name: results[name]}, indent=2), flush=True)
    print(table(results))
    path = measure.write("train_step", results, "llm-foundry", "mosaicml", "torch")
    plot(results)
    print(f"Written to {path}")


def compare(
    section: dict[str, Any], samples: int, autocast: bool, seconds: float
) -> dict[str, Any]:
    """Both at one shape: tokens per second, ratio, shares of the parts."""
    steps = {name: TrainStep(name, section, samples, autocast) for name in (_OURS, _FOUNDRY)}
    steps[_OURS].model.load_state_dict(steps[_FOUNDRY].model.state_dict())
    best: dict[str, dict[str, float]] = {}
    until = time.perf_counter() + seconds * len(steps)
    rounds = 0
    while rounds < 4 or time.perf_counter() < until:
        for name, step in steps.items():
            took = step.run()
            # The first step makes the optimizer's state.
            if rounds and (name not in best or sum(took.values()) < sum(best[name].values())):
                best[name] = took
        rounds += 1
    tokens = samples * section["max_seq_len"]
    whole = {name: sum(took.values()) for name, took in best.items()}
    parameters = sum(parameter.numel() for parameter in steps[_OURS].model.parameters())
    found: dict[str, Any] = {
        **{"parameters": parameters, "samples": samples, "length": section["max_seq_len"]},
        "times_foundry": round(whole[_FOUNDRY] / whole[_OURS], 3),
    }
    for name, took in best.items():
        found[name] = {
            "seconds_a_step": round(whole[name], 4),
            "tokens_per_second": round(tokens / whole[name], 1),
            "shares": {part: round(took[part] / whole[name], 3) for part in _PARTS},
            "seconds": {part: round(took[part], 4) for part in _PARTS},
        }
    return found


class TrainStep:
    """One of the two models with its optimizer and a batch; `run` says what each part took."""

    def __init__(self, name: str, section: dict[str, Any], samples: int, autocast: bool) -> None:
        from llmfoundry.utils.builders import build_composer_model, build_optimizer

        ours = name == _OURS
        torch.manual_seed(0)
        self.model: Any = build_composer_model(
            name="code_mpt_causal_lm" if ours else "mpt_causal_lm",
            # A copy: the host writes into what it is given.
            cfg=copy.deepcopy(section if ours else _as_foundrys(section)),
            tokenizer=None,
            init_context=contextlib.nullcontext(),
        ).train()
        options: dict[str, Any] = {"lr": _LR, "betas": _BETAS, "weight_decay": 1e-5}
        if ours:
            options["weight_decay_mode"] = "decoupled"
        self.optimizer: Any = build_optimizer(
            self.model, "lionw" if ours else "decoupled_lionw", options
        )
        shape = (samples, section["max_seq_len"])
        ids = torch.randint(section["vocab_size"], shape)
        self.batch = {"input_ids": ids, "labels": ids.clone()}
        self.batch["attention_mask"] = torch.ones(shape, dtype=torch.bool)
        self.autocast = autocast
        self.took: dict[str, float] = dict.fromkeys(_PARTS, 0.0)
        transformer = self.model.model.transformer
        for block in transformer.blocks:
            self._watch(block.attn, "attention")
            self._watch(block.ffn, "MLP")
        self._watch(transformer, "other forward")

    def run(self) -> dict[str, float]:
        """Seconds of the parts of a step."""
        self.took = dict.fromkeys(_PARTS, 0.0)
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            loss = self.model.loss(self.model(self.batch), self.batch)
        forward = time.perf_counter() - start
        self.took["head and loss"] = forward - self.took["other forward"]
        self.took["other forward"] -= self.took["attention"] + self.took["MLP"]
        self._time("backward", loss.backward)
        parameters = [*self.model.parameters()]
        self._time("clipping", lambda: nn.utils.clip_grad_norm_(parameters, _CLIP))
        self._time("optimizer", self.optimizer.step)
        self.optimizer.zero_grad()
        return self.took

    def _time(self, part: str, function: Callable[[], Any]) -> None:
        start = time.perf_counter()
        function()
        self.took[part] += time.perf_counter() - start

    def _watch(self, module: nn.Module, part: str) -> None:
        def before(*_: Any) -> None:
            self.took[part] -= time.perf_counter()

        def after(*_: Any) -> None:
            self.took[part] += time.perf_counter()

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after)


def _quickstart() -> dict[str, Any]:
    from omegaconf import OmegaConf

    section: Any = OmegaConf.to_container(OmegaConf.load(_QUICKSTART), resolve=True)
    return {key: value for key, value in section["model"].items() if key != "name"}


def _as_foundrys(section: dict[str, Any]) -> dict[str, Any]:
    attention = section["attn_config"] | {"attn_type": "multiquery_attention", "attn_impl": "torch"}
    return section | {"attn_config": attention}


def table(results: dict[str, Any]) -> str:
    """The shares, a model and an implementation a line."""
    lines = [f"{'':28}" + "".join(f"{part:>15}" for part in ("tokens/s", *_PARTS))]
    for case, name in _rows(results):
        row = results[case][name]
        shares = "".join(f"{row['shares'][part]:>15.1%}" for part in _PARTS)
        lines.append(f"{case + ', ' + name:28}{row['tokens_per_second']:>15}{shares}")
    return "\n".join(lines)


def plot(results: dict[str, Any]) -> Path:
    """A bar for a model and an implementation, cut into parts; Foundry's whole step is 1."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = _rows(results)
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.4 * len(rows)), layout="constrained")
    names = [f"{case}, {name}" for case, name in rows]
    left = [0.0] * len(rows)
    for part in _PARTS:
        widths = [
            results[case][name]["seconds"][part] / results[case][_FOUNDRY]["seconds_a_step"]
            for case, name in rows
        ]
        axes.barh(names, widths, left=left, label=part)
        left = [sum(pair) for pair in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("time of a training step, Foundry's = 1")
    figure.legend(loc="outside lower center", ncols=4)
    path = measure.RESULTS / "train_step.png"
    figure.savefig(path, dpi=110)
    return path


def _rows(results: dict[str, Any]) -> list[tuple[str, str]]:
    cases = [name for name, value in results.items() if isinstance(value, dict)]
    return [(case, name) for case in cases for name in (_OURS, _FOUNDRY)]


if __name__ == "__main__":
    main()
