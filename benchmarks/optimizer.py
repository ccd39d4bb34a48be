# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A step of `lionw` beside other optimizers: CPU seconds, extra memory, and the memory's limit.

List A is a GPT-2-like model of 90M parameters in 146 tensors, list B 8M in 2,000 small tensors.
All optimizers step the same weights and gradients in turns, each with its own state; the ratio is
the median over rounds of its CPU seconds to those of LLM Foundry's DecoupledLionW in that round.
Ours include the look for non-finite gradients, which the others do not have.

The limit is a compiled pass that reads weights, gradients and momentum and writes weights and
momentum, over three flat arrays: 20 bytes a parameter in fp32. Nothing may move before all
gradients are known to be finite, so ours read 4 more: `checked_limit` reads the gradients first.

    python -m benchmarks.optimizer [--rounds 15] [--scale 1.0] [--threads 1] [--output FILE]
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from torch import nn

from benchmarks import measure
from foundry_plugins.optim.lion import LionW

SETTINGS: dict[str, Any] = {"lr": 1e-4, "betas": (0.95, 0.98)}
PEERS = ("llm-foundry", "lion-pytorch", "timm", "torch", "numba")
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def list_a(scale: float) -> list[tuple[int, ...]]:
    """12 layers of width 768 and a vocabulary of 6,000: 146 tensors, 90M parameters."""
    d = int(768 * scale**0.5)
    layer = [(d,), (d,), (3 * d, d), (3 * d,), (d, d), (d,)]
    layer += [(d,), (d,), (4 * d, d), (4 * d,), (d, 4 * d), (d,)]
    return [*(layer * 12), (6000, d), (d,)]


def list_b(scale: float) -> list[tuple[int, ...]]:
    """2,000 tensors of 4,000 elements."""
    return [(50, 80)] * int(2000 * scale)


def optimizers(parameters: Sequence[nn.Parameter]) -> dict[str, torch.optim.Optimizer]:
    """Every contender, with equal settings where they mean the same."""
    from lion_pytorch import Lion
    from llmfoundry.optim import DecoupledLionW
    from timm.optim.lion import Lion as TimmLion

    coupled = {**SETTINGS, "weight_decay": 0.1}
    ours = {**coupled, "weight_decay_mode": "lr_coupled"}
    return {
        "foundry": DecoupledLionW(parameters, **SETTINGS, weight_decay=1e-5),
        "ours": LionW(parameters, **ours),
        "ours_plain": LionW(parameters, **ours, compiled=False),
        "lion_pytorch": Lion(parameters, **coupled),
        "timm": TimmLion(parameters, **coupled, foreach=False),
        "timm_foreach": TimmLion(parameters, **coupled, foreach=True),
        "adamw_fused": torch.optim.AdamW(parameters, **coupled, fused=True),
    }


@numba.njit
def _pass(p: Any, g: Any, m: Any) -> None:
    for i in range(p.size):
        p[i] += g[i]
        m[i] -= g[i]


@numba.njit
def _largest(bits: Any) -> Any:
    found = bits[0]
    for i in range(bits.size):
        found = max(found, bits[i])
    return found


def limits(size: int, dtype: torch.dtype) -> dict[str, Callable[[], Any]]:
    """Passes with the memory traffic of a step, without and with a look at the gradients."""
    kind, bits = (np.float32, np.uint32) if dtype is torch.float32 else (np.uint16, np.uint16)
    p, g, m = (np.ones(size, kind) for _ in range(3))
    return {
        "limit": lambda: _pass(p, g, m),
        "checked_limit": lambda: (_largest(g.view(bits)), _pass(p, g, m)),
    }


def extra_bytes(step: Callable[[], Any]) -> int:
    """What a step adds to the resident set at its peak."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    before = _resident("VmRSS")
    # Resets the peak to the present (proc(5), clear_refs).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    step()
    return max(0, _resident("VmHWM") - before)


def _resident(key: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith(key + ":"))
    return int(line.split()[1]) * 1024


def cpu_seconds(step: Callable[[], Any]) -> float:
    """CPU seconds of one call, of all threads."""
    start = time.process_time()
    step()
    return time.process_time() - start


def compare(shapes: Sequence[tuple[int, ...]], dtype: torch.dtype, rounds: int) -> dict[str, Any]:
    """The figures of one list in one dtype."""
    torch.manual_seed(0)
    parameters = [nn.Parameter(torch.randn(shape).to(dtype)) for shape in shapes]
    for p in parameters:
        p.grad = torch.randn(p.shape).to(dtype)
    size = sum(p.numel() for p in parameters)
    steps = {name: o.step for name, o in optimizers(parameters).items()}
    calls: dict[str, Callable[[], Any]] = {**steps, **limits(size, dtype)}
    for call in calls.values():
        # The first call compiles and makes the state.
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(cpu_seconds(call))
    least = {name: min(found) for name, found in seconds.items()}
    figures = {
        name: {
            "cpu_ms": round(least[name] * 1e3, 2),
            "of_foundry": round(_ratio(seconds[name], seconds["foundry"]), 3),
            "limit_share": round(least["limit"] / least[name], 3),
            "extra_mb": round(extra_bytes(calls[name]) / 1e6, 1),
        }
        for name in calls
    }
    return {"tensors": len(parameters), "parameters": size, "optimizers": figures}


def _ratio(a: Sequence[float], b: Sequence[float]) -> float:
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


def main() -> None:
    """Compares, prints a line each and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the lists' sizes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="instead of results/optimizer.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    results: dict[str, Any] = {"threads": arguments.threads, "rounds": arguments.rounds}
    for name, shapes in (("A", list_a(arguments.scale)), ("B", list_b(arguments.scale))):
        for kind, dtype in DTYPES.items():
            found = compare(shapes, dtype, arguments.rounds)
            results[f"{name}_{kind}"] = found
            for optimizer, figures in found["optimizers"].items():
                print(f"{name} {kind} {optimizer:13s} {figures}", flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    else:
        print(measure.write("optimizer", results, *PEERS))


if __name__ == "__main__":
    main()
