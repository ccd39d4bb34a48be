# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""ALiBi + multi-query attention alone: every kernel beside LLM Foundry's ``torch`` one, over T.

    python -m benchmarks.attention [--longest 2048] [--seconds 2]

Forward and backward of one layer's attention, 16 heads of 64, one key/value head, fp32 and bf16,
with and without packed documents, alternating in one process; the least of several times by the
clock. Foundry gets the bias that its MPT builds once for all layers: (1, H, 1, T), and with
documents (B, H, T, T); its memory counts, its time does not. What ours takes (positions, masks,
segments) is inside the time. Causal SDPA without ALiBi shows what ALiBi costs. ``flex`` is left
out: on a CPU it is there to be correct. The limit is the time of the matrix products that causal
attention cannot do without, all documents in one, at the speed this machine multiplies. Memory is
the growth of the peak of a fresh process that does it once. Writes
``results/attention.json`` and ``results/attention.png``. About five minutes on two idle cores.

Why blocks of our own: on a CPU with bf16 instructions Foundry's large products run three times as
fast as in fp32, torch's flash kernel does not. On one core, 4 x 16 heads of 72 at T=1,024, a
forward pass takes 188 ms in bf16 and 177 ms in fp32, though its products take 30 ms and 96 ms by
torch.mm in blocks of its size (256 x 512), and its exponentials and conversions 28 ms. ``blocked``
takes all products through torch.bmm, all heads that share keys in one. By torch's
profiler at T=1,024 in bf16 its products take 40 % of the time, the softmaxes 20 %, conversions and
copies 18 %, the gradient of softmax and the bias 4 % each, Python and the rest 14 %. It may beat
"limit", whose products write their results to memory and not to the cache.

On cores that others use as well, many short calls make threads wait for each other: there compare
with OMP_NUM_THREADS=1, or with OMP_WAIT_POLICY=passive.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import measure
from foundry_plugins.models.attention.augmented import augmented_attention
from foundry_plugins.models.attention.blocked import blocked_attention
from foundry_plugins.models.attention.causal import causal_attention
from foundry_plugins.models.attention.sdpa import sdpa_attention
from foundry_plugins.models.attention.visible import Visible

_HEADS, _SIZE = 16, 64
_SCALE = _SIZE**-0.5
_TOKENS = 4096  # a batch holds so many, in rows of T
_DOCUMENTS = 5  # in a row
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_OURS: dict[str, Callable[..., torch.Tensor]] = {
    "sdpa": sdpa_attention,
    "augmented": augmented_attention,
    "blocked": blocked_attention,
    "causal, no ALiBi": causal_attention,
}
_FOUNDRY = "foundry torch"

Step = Callable[[], Any]


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longest", type=int, default=2048, help="largest T")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each kernel and T")
    arguments = parser.parse_args()
    lengths = [n for n in (64, 256, 512, 1024, 2048, 4096, 8192) if n <= arguments.longest]
    results: dict[str, Any] = {
        "heads": _HEADS,
        "head_size": _SIZE,
        "threads": torch.get_num_threads(),
    }
    for documents in (False, True):
        for dtype in _DTYPES:
            name = f"{dtype}{', packed documents' if documents else ''}"
            results[name] = {
                f"T={n}": compare(n, dtype, documents, arguments.seconds) for n in lengths
            }
            print(json.dumps({name: results[name]}, indent=2), flush=True)
    path = measure.write("attention", results, "llm-foundry", "torch")
    plot(results, lengths)
    print(f"Written to {path}")


def compare(length: int, dtype: str, documents: bool, budget: float) -> dict[str, Any]:
    """All kernels at one length: seconds, how many times Foundry, share of the limit, memory."""
    steps = {name: step(name, length, dtype, documents) for name in (_FOUNDRY, *_kernels(dtype))}
    seconds = measure.alternate(steps | {"limit": _products(length, dtype)}, budget)
    limit = seconds["limit"]
    found: dict[str, Any] = {"rows": _rows(length)}
    for name in steps:
        found[name] = {
            "seconds": round(seconds[name], 5),
            "times_foundry": round(seconds[_FOUNDRY] / seconds[name], 2),
            "share_of_limit": round(limit / seconds[name], 2),
            "extra_mb": round(_memory(name, length, dtype, documents) / 1e6, 1),
        }
    return found


def step(kernel: str, length: int, dtype: str, documents: bool) -> Step:
    """Forward and backward of one kernel."""
    rows = _rows(length)
    torch.manual_seed(0)
    shapes = [(rows, length, heads * _SIZE) for heads in (_HEADS, 1, 1)]
    inputs = [torch.randn(shape).to(_DTYPES[dtype]).requires_grad_() for shape in shapes]
    upstream = torch.randn(shapes[0]).to(_DTYPES[dtype])
    sequence_id = _sequence_id(rows, length) if documents else None
    attend = _foundry(length, dtype) if kernel == _FOUNDRY else _ours(_OURS[kernel])

    def run() -> None:
        for tensor in inputs:
            tensor.grad = None
        attend(*inputs, sequence_id).backward(upstream)

    return run


def _foundry(length: int, dtype: str) -> Callable[..., torch.Tensor]:
    from llmfoundry.models.layers.attention import (
        build_alibi_bias,
        scaled_multihead_dot_product_attention,
    )
    from llmfoundry.models.mpt.modeling_mpt import apply_sequence_id

    bias = build_alibi_bias(_HEADS, length, dtype=_DTYPES[dtype])
    full = build_alibi_bias(_HEADS, length, full=True, dtype=_DTYPES[dtype])

    made: list[torch.Tensor] = []

    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, sequence_id: Any) -> torch.Tensor:
        if not made:
            masked = sequence_id is not None
            made.append(apply_sequence_id(full, sequence_id, length) if masked else bias)
        return scaled_multihead_dot_product_attention(
            *(q, k, v, _HEADS, 1),
            softmax_scale=_SCALE,
            attn_bias=made[0],
            is_causal=True,
            training=True,
        )[0]

    return attend


def _ours(kernel: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def attend(
        q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, sequence_id: torch.Tensor | None
    ) -> torch.Tensor:
        rows, length = q.shape[:2]
        mask = None if sequence_id is None else Visible(None, sequence_id, length, length)
        out = kernel(
            q.view(rows, length, _HEADS, _SIZE).transpose(1, 2),
            k.unsqueeze(1),
            v.unsqueeze(1),
            scale=_SCALE,
            mask=mask,
        )
        return out.transpose(1, 2).reshape(rows, length, -1)

    return attend


def _products(length: int, dtype: str) -> Step:
    """Half of the seven products of forward and backward that a square context has."""
    rows = _rows(length)
    left = torch.randn(rows * _HEADS, length, _SIZE).to(_DTYPES[dtype])
    right = torch.randn(rows * _HEADS, _SIZE, length // 2).to(_DTYPES[dtype])
    square = torch.randn(rows * _HEADS, length, length // 2).to(_DTYPES[dtype])
    narrow = torch.randn(rows * _HEADS, length // 2, _SIZE).to(_DTYPES[dtype])

    def run() -> None:
        for _ in range(3):
            torch.bmm(left, right)
        for _ in range(4):
            torch.bmm(square, narrow)

    return run


def _memory(kernel: str, length: int, dtype: str, documents: bool) -> int:
    """By a process that is forked from one that has loaded everything and computed nothing."""
    with _server().Pool(1) as pool:
        return pool.apply(_growth, (kernel, length, dtype, documents))


@functools.lru_cache(maxsize=1)
def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.attention", "llmfoundry.models.mpt.modeling_mpt"])
    return context


def _growth(kernel: str, length: int, dtype: str, documents: bool) -> int:
    run = step(kernel, length, dtype, documents)
    step(kernel, 64, dtype, documents)()  # what loading the libraries takes
    # Forget the peak so far, which was that of loading (Linux, proc(5)).
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    run()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    """Bytes of this process, by /proc."""
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(field))
    return int(line.split()[1]) * 1024


def _kernels(dtype: str) -> Sequence[str]:
    return [name for name in _OURS if dtype == "fp32" or name != "sdpa"]


def _rows(length: int) -> int:
    return max(_TOKENS // length, 1)


def _sequence_id(rows: int, length: int) -> Any:
    """Documents of unequal lengths."""
    generator = torch.Generator().manual_seed(1)
    cuts = torch.rand(rows, length, generator=generator) < _DOCUMENTS / length
    # Any: the host's hints want a LongTensor, which is what a cumulated boolean is.
    numbers: Any = cuts.cumsum(1)
    return numbers


def plot(results: dict[str, Any], lengths: Sequence[int]) -> Path:
    """Speed and memory over T."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    kinds = [name for name, value in results.items() if isinstance(value, dict)]
    figure, axes = plt.subplots(2, len(kinds), figsize=(4 * len(kinds), 7), squeeze=False)
    for column, kind in enumerate(kinds):
        series = results[kind]
        for number, kernel in enumerate((_FOUNDRY, *_OURS)):
            if kernel not in series[f"T={lengths[0]}"]:
                continue
            style = {"marker": "o", "color": f"C{number}", "label": kernel}
            rows = [series[f"T={n}"][kernel] for n in lengths]
            axes[0][column].plot(lengths, [row["times_foundry"] for row in rows], **style)
            axes[1][column].plot(lengths, [row["extra_mb"] for row in rows], **style)
        axes[0][column].set_title(kind)
        axes[1][column].set_xlabel("T")
    axes[0][0].set_ylabel("times as fast as Foundry's torch")
    axes[1][0].set_ylabel("extra memory, MB")
    axes[0][0].legend()
    figure.tight_layout()
    path = measure.RESULTS / "attention.png"
    figure.savefig(path, dpi=110)
    return path


if __name__ == "__main__":
    main()
