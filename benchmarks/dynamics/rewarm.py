# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Going on with other data: re-warming, and clipping along with the learning rate.

Claims. Gupta et al. 2023 (arXiv 2308.04014): warming the learning rate up again adapts better to
new data, and costs some of the old. Replit's slides on ReplitLM (2023): with the re-warm, warm up
the clipping threshold too. They do not say what for; that less is forgotten is our reading. With
Lion, whose steps clipping cannot shorten, there is little reason for it.

Each run of `optimizers.py` goes on, at half its length, with the C++ headers of torch, and without
replay. ``kept low`` stays at the tenth of the peak at which the first training ended.
"""

from __future__ import annotations

from typing import Any

from benchmarks.dynamics import optimizers
from benchmarks.dynamics.lab import HEADERS, PYTHON, Lab, Settings
from benchmarks.dynamics.optimizers import ADAMW, LION, loss
from benchmarks.dynamics.spread import HIGHER, LOWER, difference, sentence, summary

_LOW, _WARM, _CLIP = "kept low", "re-warmed", "re-warmed, clip along lr"
_OLD, _NEW, _WORST = "old data", "new data", "old data, worst on the way"
_EVALUATIONS = 4
_CLAIMED = {
    (_WARM, _NEW): LOWER,
    (_WARM, _OLD): HIGHER,
    (_WARM, _WORST): HIGHER,
    (_CLIP, _OLD): LOWER,
    (_CLIP, _WORST): LOWER,
}


def _settings(lab: Lab, base: Settings, way: str) -> Settings:
    batches = lab.batches // 2
    cosine = {"t_warmup": "0.2dur", "t_cooldown": "rest", "cooldown": "cosine", "alpha_f": 0.1}
    flat = {"t_warmup": "0ba", "t_cooldown": "0ba"}
    clip = {"gradient_clip_warmup": {"mode": "along_lr", "min_threshold": 0.05}}
    peak = base["optimizer"]["lr"]
    return {
        **base,
        "batches": batches,
        "train": {"local": lab.data(HEADERS), "split": "train"},
        "evaluate": {
            name: {"local": lab.data(name), "split": "validation"} for name in (PYTHON, HEADERS)
        },
        "evaluate_every": max(1, batches // _EVALUATIONS),
        "optimizer": {**base["optimizer"], "lr": 0.1 * peak if way == _LOW else peak},
        "scheduler": {"name": "rewarm", **(flat if way == _LOW else cosine)},
        "callbacks": {"learning_rate_override": {}, **(clip if way == _CLIP else {})},
        "load_path": lab.checkpoint(base, lab.batches),
        "save_every": None,
    }


def rewarm(lab: Lab) -> dict[str, Any]:
    """Figures, curves and verdicts."""
    bases = optimizers.finals(lab)
    before = lab.train(bases)
    runs = {
        (name, way, seed): _settings(lab, base, way)
        for (name, seed), base in bases.items()
        for way in (_LOW, _WARM, _CLIP)
    }
    results = lab.train(runs)
    rows: dict[str, Any] = {}
    ends: dict[tuple[str, str], dict[str, list[float]]] = {}
    for name in (LION, ADAMW):
        start = summary([loss(before[name, seed]) for seed in lab.seeds])
        rows[f"{name}, before"] = {_OLD: start}
        for way in (_LOW, _WARM, _CLIP):
            found = [results[name, way, seed] for seed in lab.seeds]
            ends[name, way] = _measures(found)
            rows[f"{name}, {way}"] = {what: summary(v) for what, v in ends[name, way].items()}
    differences, verdicts = _compared(ends)
    return {
        "claim": "Re-warming adapts better to new data and forgets more of the old (Gupta et al. "
        "2023, arXiv 2308.04014); with clipping warmed up along with it (Replit 2023) less is to "
        "be forgotten.",
        "limits": f"No replay, a strong shift (Python to C++), {lab.batches // 2} batches.",
        "rows": rows,
        "differences": differences,
        "verdicts": verdicts,
        "share_of_batches_clipped": _clipped(lab, results),
        "curves": {
            f"{name}, {way}, {data}": [
                results[name, way, seed]["evaluate"][data] for seed in lab.seeds
            ]
            for name in (LION, ADAMW)
            for way in (_LOW, _WARM, _CLIP)
            for data in (PYTHON, HEADERS)
        },
    }


def _measures(found: list[Settings]) -> dict[str, list[float]]:
    return {
        _NEW: [loss(result, HEADERS) for result in found],
        _OLD: [loss(result, PYTHON) for result in found],
        _WORST: [max(value for _, value in result["evaluate"][PYTHON]) for result in found],
    }


def _compared(
    ends: dict[tuple[str, str], dict[str, list[float]]],
) -> tuple[dict[str, Any], list[str]]:
    differences, verdicts = {}, []
    for name in (LION, ADAMW):
        for way, other in ((_WARM, _LOW), (_CLIP, _WARM)):
            for what in (_NEW, _OLD, _WORST):
                gap = difference(ends[name, way][what], ends[name, other][what])
                differences[f"{name}, {what}: {way} - {other}"] = gap
                verdicts.append(
                    sentence(f"{name}, {what}", way, other, gap, _CLAIMED.get((way, what)))
                )
    return differences, verdicts


def _clipped(lab: Lab, results: dict[Any, Settings]) -> dict[str, float]:
    """With ``along_lr``, over the whole run; the callback logs it for each batch."""
    shares = {}
    for name in (LION, ADAMW):
        logged = [results[name, _CLIP, seed]["logged"] for seed in lab.seeds]
        batches = [x for each in logged for x in each["gradient_clip_warmup/clipped"]]
        shares[name] = round(sum(batches) / len(batches), 3)
    return shares
