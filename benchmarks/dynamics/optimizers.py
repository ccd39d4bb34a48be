# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""LionW against torch's AdamW, each at the best of its own learning rates.

Claim (Chen et al. 2023, arXiv 2302.06675): at a learning rate 3 to 10 times smaller, and with the
decay as much larger, Lion ends at most as high as AdamW after as many steps.

Both get the same number of rates to try, on a seed that is used for nothing else. Where the best of
them is the lowest or the highest, one more beyond it is tried, for both; betas are those of Chen et
al. for language models (Lion) and the usual ones (AdamW).
"""

from __future__ import annotations

from typing import Any

from benchmarks.dynamics.lab import PYTHON, Lab, Settings
from benchmarks.dynamics.spread import NOT_HIGHER, difference, sentence, summary
from benchmarks.dynamics.training import BATCH, LENGTH

LION, ADAMW = "LionW", "AdamW"
_GRIDS = {LION: (2e-4, 4e-4, 8e-4, 1.6e-3), ADAMW: (1.5e-3, 3e-3, 6e-3, 1.2e-2)}
_SECTIONS: dict[str, Settings] = {
    LION: {
        "name": "lionw",
        "betas": [0.95, 0.98],
        "weight_decay": 0.5,
        "weight_decay_mode": "lr_coupled",
    },
    ADAMW: {"name": "torch_adamw", "betas": [0.9, 0.95], "weight_decay": 0.1},
}
_MOST_ADDED = 3


def settings(lab: Lab, name: str, lr: float, seed: int) -> Settings:
    """A run over the standard library: warm-up, then cosine to a tenth."""
    return {
        "seed": seed,
        "batches": lab.batches,
        "dropout": 0.0,
        "tokenizer": f"{lab.data(PYTHON)}/tokenizer",
        "train": {"local": lab.data(PYTHON), "split": "train"},
        "evaluate": {PYTHON: {"local": lab.data(PYTHON), "split": "validation"}},
        "optimizer": {**_SECTIONS[name], "lr": lr},
        "scheduler": {
            "name": "warmup_stable_decay",
            "t_warmup": f"{lab.batches // 20}ba",
            "t_cooldown": "rest",
            "cooldown": "cosine",
            "alpha_f": 0.1,
        },
        "callbacks": {},
        # Only the last: rewarm goes on from there.
        "save_every": lab.batches if seed else None,
    }


def loss(result: Settings, name: str = PYTHON) -> float:
    """The last held-out loss of a run."""
    return result["evaluate"][name][-1][1]


def sweep(lab: Lab) -> dict[str, dict[float, float]]:
    """The held-out loss of each learning rate of each optimizer."""
    grids = {name: list(grid) for name, grid in _GRIDS.items()}
    found = _losses(lab, grids)
    for _ in range(_MOST_ADDED):
        best = {name: min(losses, key=losses.__getitem__) for name, losses in found.items()}
        if not any(best[n] in (min(grid), max(grid)) for n, grid in grids.items()):
            break
        for name, grid in grids.items():
            # Upwards too where the best lies inside, so that both try equally many.
            grid.append(min(grid) / 2 if best[name] == min(grid) else max(grid) * 2)
        found = _losses(lab, grids)
    return found


def _losses(lab: Lab, grids: dict[str, list[float]]) -> dict[str, dict[float, float]]:
    runs = {(name, lr): settings(lab, name, lr, 0) for name, grid in grids.items() for lr in grid}
    results = lab.train(runs)
    return {name: {lr: loss(results[name, lr]) for lr in sorted(grids[name])} for name in grids}


def chosen(lab: Lab) -> dict[str, float]:
    """The best learning rate of each."""
    return {name: min(losses, key=losses.__getitem__) for name, losses in sweep(lab).items()}


def finals(lab: Lab) -> dict[tuple[str, int], Settings]:
    """Settings of the runs at the chosen rates, by optimizer and seed."""
    rates = chosen(lab)
    return {(n, seed): settings(lab, n, lr, seed) for n, lr in rates.items() for seed in lab.seeds}


def optimizers(lab: Lab) -> dict[str, Any]:
    """Figures, curves and verdicts."""
    found, rates = sweep(lab), chosen(lab)
    results = lab.train(finals(lab))
    ends = {name: [loss(results[name, seed]) for seed in lab.seeds] for name in rates}
    gap = difference(ends[LION], ends[ADAMW])
    ratio = rates[ADAMW] / rates[LION]
    within = "within" if 3 <= ratio <= 10 else "outside"
    return {
        "claim": "Lion ends no higher than AdamW at a learning rate 3 to 10 times smaller "
        "(Chen et al. 2023, arXiv 2302.06675).",
        "limits": f"Batches of {BATCH * LENGTH} tokens and {lab.batches} of them. Lion profits "
        "from large batches by its authors' account, so this is its weak side.",
        "sweep": {n: {f"{lr:g}": round(v, 4) for lr, v in s.items()} for n, s in found.items()},
        "rows": {f"{n}, lr {rates[n]:g}": {"held-out": summary(ends[n])} for n in rates},
        "differences": {"LionW - AdamW": gap},
        "verdicts": [
            sentence("Held-out loss", LION, ADAMW, gap, NOT_HIGHER),
            f"The best learning rate of LionW is {ratio:.3g} times smaller than AdamW's, {within} "
            "the 3 to 10 of the claim.",
        ],
        "curves": {n: [results[n, seed]["train"] for seed in lab.seeds] for n in rates},
    }
