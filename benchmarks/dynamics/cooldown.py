# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A constant rate with a 1-sqrt cooldown against cosine, at three lengths of training.

Claim (Hägele et al. 2024, arXiv 2405.18392): cooling down over the last fifth along 1 - sqrt(x)
ends as low as a cosine made for that length, so that one stable run serves all lengths.

The cooldowns of a seed are branches of its one stable run. Each schedule gets the best of four
peaks, chosen at the middle length on a seed of its own, and cosine at the longest also the peak
that `optimizers.py` chose there. Cosine falls to a tenth, which is usual, and the cooldown to 0, as
in the source.
"""

from __future__ import annotations

from typing import Any

from benchmarks.dynamics import optimizers
from benchmarks.dynamics.lab import Lab, Settings
from benchmarks.dynamics.optimizers import LION, loss
from benchmarks.dynamics.spread import NOT_HIGHER, difference, sentence, summary

_BRANCH, _COSINE, _OWN = "1-sqrt", "cosine", "cosine, own peak"
_PEAKS = (0.5, 1.0, 2.0, 4.0)  # of the rate that is best for cosine at the longest


def _lengths(lab: Lab) -> list[int]:
    # So that the cooldowns of all begin at multiples of where the first does.
    return [lab.batches // 4, lab.batches // 2, lab.batches]


def _base(lab: Lab, lr: float, seed: int) -> Settings:
    return {**optimizers.settings(lab, LION, lr, seed), "save_every": None}


def _cosine(lab: Lab, lr: float, seed: int, length: int) -> Settings:
    if length == lab.batches:
        return optimizers.settings(lab, LION, lr, seed)  # which may have been made already
    return {**_base(lab, lr, seed), "batches": length}


def _stable(lab: Lab, lr: float, seed: int, lengths: list[int]) -> Settings:
    base = _base(lab, lr, seed)
    first = min(lengths) * 4 // 5
    last = max(lengths) * 4 // 5
    schedule = {**base["scheduler"], "t_cooldown": "0ba", "alpha_f": 0.0}
    return {**base, "batches": last, "scheduler": schedule, "save_every": first}


def _branch(lab: Lab, stable: Settings, length: int) -> Settings:
    schedule = {**stable["scheduler"], "t_cooldown": "0.2dur", "cooldown": "1-sqrt"}
    return {
        **stable,
        "batches": length,
        "scheduler": schedule,
        "load_path": lab.checkpoint(stable, length * 4 // 5),
        "save_every": None,
    }


def _peaks(lab: Lab) -> tuple[dict[str, dict[float, float]], dict[str, float]]:
    best = optimizers.chosen(lab)[LION]
    middle = _lengths(lab)[1]
    rates = [best * share for share in _PEAKS]
    stables = {lr: _stable(lab, lr, 0, [middle]) for lr in rates}
    lab.train(stables)
    runs = {(_COSINE, lr): _cosine(lab, lr, 0, middle) for lr in rates}
    runs |= {(_BRANCH, lr): _branch(lab, stables[lr], middle) for lr in rates}
    results = lab.train(runs)
    found = {name: {lr: loss(results[name, lr]) for lr in rates} for name in (_BRANCH, _COSINE)}
    return found, {name: min(losses, key=losses.__getitem__) for name, losses in found.items()}


def cooldown(lab: Lab) -> dict[str, Any]:
    """Figures, curves and verdicts."""
    found, peaks = _peaks(lab)
    lengths = _lengths(lab)
    stables = {seed: _stable(lab, peaks[_BRANCH], seed, lengths) for seed in lab.seeds}
    trunks = lab.train(stables)
    runs = {(_BRANCH, n, seed): _branch(lab, stables[seed], n) for n in lengths for seed in stables}
    for n in lengths:
        runs |= {(_COSINE, n, seed): _cosine(lab, peaks[_COSINE], seed, n) for seed in lab.seeds}
    finals = optimizers.finals(lab)
    runs |= {(_OWN, lab.batches, seed): finals[LION, seed] for seed in lab.seeds}
    results = lab.train(runs)
    kinds = [(name, n) for n in lengths for name in (_BRANCH, _COSINE)] + [(_OWN, lab.batches)]
    return {
        "claim": "A 1-sqrt cooldown over the last fifth ends as low as a cosine of that length, "
        "from one stable run for all (Hägele et al. 2024, arXiv 2405.18392).",
        "limits": "LionW instead of the source's AdamW, and runs of a few hundred batches.",
        "sweep": {n: {f"{lr:g}": round(v, 4) for lr, v in s.items()} for n, s in found.items()},
        "peak": peaks,
        **_compared({kind: [loss(results[*kind, s]) for s in lab.seeds] for kind in kinds}),
        "batches_of_training_a_seed": {
            _BRANCH: max(lengths) * 4 // 5 + sum(lengths) // 5,
            _COSINE: sum(lengths),
        },
        "curves": {
            f"{name} {n}": [
                (trunks[s]["train"][: n * 4 // 5] if name == _BRANCH else [])
                + results[name, n, s]["train"]
                for s in lab.seeds
            ]
            for name, n in kinds
        },
    }


def _compared(ends: dict[tuple[str, int], list[float]]) -> dict[str, Any]:
    differences, verdicts = {}, []
    for (name, n), values in ends.items():
        if name == _BRANCH:
            continue
        gap = difference(ends[_BRANCH, n], values)
        differences[f"{n} batches: {_BRANCH} - {name}"] = gap
        what = f"Held-out loss, {n} batches"
        verdicts.append(sentence(what, _BRANCH, name, gap, NOT_HIGHER))
    return {
        "rows": {f"{n} batches, {name}": {"held-out": summary(v)} for (name, n), v in ends.items()},
        "differences": differences,
        "verdicts": verdicts,
    }
