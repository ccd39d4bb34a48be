# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What ``gpu_check`` measures: attention alone, a training step, a step of decoding.

Utilisation is by LLM Foundry's formula (see ``foundry_plugins/models/flops.py``), in which every
parameter but an untied input table counts, over the peak that NVIDIA states for dense bf16.
"""

from __future__ import annotations

import dataclasses
import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.gpu_model import Attend, Decoder, Shape
from foundry_plugins.models.flops import training_flops

# Dense bf16 operations a second, by NVIDIA's data sheets: A100 (June 2021), H100 (2023), H200
# (2024), B200 and GB200 (2025). The first name that is part of the device's counts.
PEAKS = {
    "A100": 312e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200 NVL": 835e12,
    "H200": 989e12,
    "GB200": 2500e12,
    "B200": 2250e12,
}
_TOKENS = 16_384  # of a batch, if memory allows
_COPIED = 2**31  # bytes

Row = dict[str, Any]


def peak_of(name: str) -> float | None:
    """Operations a second of a device by its name, or None if it is not in the table."""
    return next((peak for part, peak in PEAKS.items() if part in name), None)


def seconds(run: Callable[[], Any], device: torch.device, repeats: int = 10) -> float:
    """The median of some runs after three to warm up."""
    found = []
    for index in range(repeats + 3):
        synchronize(device)
        start = time.perf_counter()
        run()
        synchronize(device)
        if index >= 3:
            found.append(time.perf_counter() - start)
    return statistics.median(found)


def synchronize(device: torch.device) -> None:
    """Waits for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def attention(
    shape: Shape, attend: Attend, length: int, device: torch.device, tokens: int = _TOKENS
) -> Row:
    """Forward and backward of one layer's attention in bf16."""
    rows, size = max(tokens // length, 1), shape.head_size
    heads = (shape.heads, shape.groups, shape.groups)
    inputs = [
        torch.randn(rows, length, h, size, device=device, dtype=torch.bfloat16)
        .transpose(1, 2)
        .requires_grad_()
        for h in heads
    ]
    upstream = torch.randn_like(inputs[0])

    def run() -> None:
        torch.autograd.grad(attend(*inputs, scale=size**-0.5), inputs, upstream)

    try:
        return {"rows": rows, "ms": round(seconds(run, device) * 1e3, 3)}
    except torch.OutOfMemoryError:
        return {"rows": rows, "ms": None, "note": "out of memory"}


def training_step(
    shape: Shape, attend: Attend, length: int, device: torch.device, tokens: int = _TOKENS
) -> Row:
    """A step of AdamW in bf16 autocast, fp32 weights: as many rows as fit.

    If one row does not fit, activations are computed twice; if that does not do, it is said, and
    the time of all layers is that of a quarter and a half of them, continued in a straight line.
    """
    for checkpointing in (False, True):
        rows = max(tokens // length, 1)
        while rows:
            found = _try_step(shape, attend, (rows, length), device, checkpointing)
            if found is not None:
                note = "activation checkpointing" if checkpointing else ""
                return _rates(shape, rows, length, found, device) | {"note": note}
            rows //= 2
    few, more = (dataclasses.replace(shape, layers=shape.layers // n) for n in (4, 2))
    times = [_try_step(s, attend, (1, length), device, True) for s in (few, more)]
    if times[0] is None or times[1] is None:
        return {"rows": 1, "tokens_per_second": None, "mfu": None, "note": "out of memory"}
    a_layer = (times[1] - times[0]) / (more.layers - few.layers)
    whole = times[1] + a_layer * (shape.layers - more.layers)
    note = f"extrapolated from {few.layers} and {more.layers} layers, activation checkpointing"
    return _rates(shape, 1, length, whole, device) | {"note": note}


def _try_step(
    shape: Shape,
    attend: Attend,
    batch: tuple[int, int],
    device: torch.device,
    checkpointing: bool,
) -> float | None:
    """Seconds of a step, or None if memory does not do."""
    try:
        return _step_seconds(shape, attend, batch, device, checkpointing)
    except torch.OutOfMemoryError:
        return None
    finally:
        forget(device)


def _step_seconds(
    shape: Shape,
    attend: Attend,
    batch: tuple[int, int],
    device: torch.device,
    checkpointing: bool,
) -> float:
    with device:
        model = Decoder(shape, attend, checkpointing)
        batch_BT = torch.randint(0, shape.vocabulary, batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=device.type == "cuda")

    def run() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16):
            loss = model(batch_BT)
        loss.backward()
        optimizer.step()

    return seconds(run, device, repeats=5)


def forget(device: torch.device) -> None:
    """Gives memory back."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _rates(shape: Shape, rows: int, length: int, taken: float, device: torch.device) -> Row:
    flops = training_flops(rows, length, parameters(shape), shape.layers, shape.width)
    peak = peak_of(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
    return {
        "rows": rows,
        "tokens_per_second": round(rows * length / taken),
        "mfu": None if peak is None else round(flops / taken / peak, 4),
    }


def parameters(shape: Shape) -> int:
    """All but an untied input table."""
    with torch.device("meta"):
        model = Decoder(shape, lambda *_, **__: torch.empty(0))
    total = sum(p.numel() for p in model.parameters())
    return total if shape.tied else total - model.embedding.weight.numel()


def bandwidth(device: torch.device, size: int = _COPIED) -> float:
    """Bytes a second that this device reads and writes, by a copy."""
    source = torch.empty(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / seconds(lambda: target.copy_(source), device)


def decoding(shape: Shape, context: int, device: torch.device, speed: float) -> Row:
    """Tokens a second of one sample in bf16, with a cache of ``context`` tokens.

    The limit is the time to read weights and cache once at the measured ``speed``. As the package
    decodes, and with the launches of a whole token recorded in a CUDA graph.
    """
    with device, torch.inference_mode():
        model = Decoder(shape, lambda *_, **__: torch.empty(0)).to(torch.bfloat16)
        size = (1, shape.groups, context, shape.head_size)
        caches = [
            tuple(torch.randn(size, dtype=torch.bfloat16) for _ in range(2))
            for _ in range(shape.layers)
        ]
        token = torch.zeros(1, 1, dtype=torch.long)
        step = seconds(lambda: model(token, caches), device)
        read = 2 * (parameters(shape) + sum(x.numel() for pair in caches for x in pair))
        row = {
            "tokens_per_second": round(1 / step, 1),
            "limit": round(speed / read, 1),
            "share_of_limit": round(read / speed / step, 3),
        }
        if device.type == "cuda":
            replay = _recorded(lambda: model(token, caches))
            row["share_of_limit_recorded"] = round(read / speed / seconds(replay, device), 3)
        return row


def _recorded(run: Callable[[], Any]) -> Callable[[], None]:
    # Warmed up on a stream of its own, as torch.cuda.graph wants it.
    side: Any = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay
