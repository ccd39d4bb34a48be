# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Early, late and constant dropout against none, on little data read many times.

Claims (Liu et al. 2023, arXiv 2303.01500): dropout in the first part of training only lets a model
that underfits end at a lower training loss; dropout in the last part only helps one that overfits
on held-out data. So both losses are measured, without dropout.

p is 0.1 on the residual branches. Early falls linearly to 0 over a fifth of the run (Refact), late
begins at its half. Runs are equally long and read a part of the data either three times, which is
nearer to underfitting, or ten times, where the model overfits; the results hold by how much.
"""

from __future__ import annotations

from typing import Any

from benchmarks.dynamics import optimizers
from benchmarks.dynamics.lab import PYTHON, Lab, Settings
from benchmarks.dynamics.optimizers import LION, loss
from benchmarks.dynamics.spread import LOWER, difference, sentence, summary
from benchmarks.dynamics.training import BATCH, EVAL_BATCH

_P = 0.1
_NONE, _EARLY, _LATE, _CONSTANT = "none", "early", "late", "constant"
_MODES: dict[str, Settings] = {
    _EARLY: {"mode": "early", "t_end": "0.2dur"},
    _LATE: {"mode": "late", "t_start": "0.5dur"},
    _CONSTANT: {"mode": "constant"},
}
# Modes by epochs.
_KINDS = {3: (_NONE, _EARLY), 10: (_NONE, _EARLY, _LATE, _CONSTANT)}
_SEEN = "seen"
_WORDS = {_SEEN: "training data", PYTHON: "held-out"}
_CLAIMED = {(3, _EARLY, _SEEN): LOWER, (10, _LATE, PYTHON): LOWER}


def _batches(lab: Lab) -> int:
    """Two thirds of the longest runs: there are many of them."""
    return lab.batches * 2 // 3


def _settings(lab: Lab, lr: float, epochs: int, mode: str, seed: int) -> Settings:
    batches = _batches(lab)
    samples = max(EVAL_BATCH, batches // epochs * BATCH)
    # The same samples in each epoch, others for each seed.
    little = {
        "streams": {"part": {"local": lab.data(PYTHON), "split": "train", "choose": samples}},
        "sampling_method": "fixed",
        "shuffle_seed": seed,
    }
    base = optimizers.settings(lab, LION, lr, seed)
    return {
        **base,
        "batches": batches,
        "dropout": 0.0 if mode == _NONE else _P,
        "callbacks": {} if mode == _NONE else {"early_dropout": _MODES[mode]},
        "train": little,
        "evaluate": {**base["evaluate"], _SEEN: little},
        "save_every": None,
    }


def dropout(lab: Lab) -> dict[str, Any]:
    """Figures, curves and verdicts."""
    lr = optimizers.chosen(lab)[LION]
    kinds = [(epochs, mode) for epochs, modes in _KINDS.items() for mode in modes]
    runs = {(*kind, seed): _settings(lab, lr, *kind, seed) for kind in kinds for seed in lab.seeds}
    results = lab.train(runs)
    ends = {
        (*kind, data): [loss(results[*kind, seed], data) for seed in lab.seeds]
        for kind in kinds
        for data in _WORDS
    }
    return {
        "claim": "Early dropout lowers the final training loss of a model that underfits; late "
        "dropout helps one that overfits on held-out data (Liu et al. 2023, arXiv 2303.01500).",
        "limits": "A language model and LionW instead of the source's vision transformers and "
        f"AdamW, and runs of {_batches(lab)} batches.",
        "rows": {
            f"{epochs} epochs, {mode} dropout": {
                words: summary(ends[epochs, mode, data]) for data, words in _WORDS.items()
            }
            for epochs, mode in kinds
        },
        **_compared(ends),
        "held_out_above_training_loss_without_dropout": {
            f"{epochs} epochs": difference(ends[epochs, _NONE, PYTHON], ends[epochs, _NONE, _SEEN])
            for epochs in _KINDS
        },
        "curves": {
            f"{epochs} epochs, {mode}": [results[epochs, mode, seed]["train"] for seed in lab.seeds]
            for epochs, mode in kinds
        },
    }


def _compared(ends: dict[tuple[int, str, str], list[float]]) -> dict[str, Any]:
    differences, verdicts = {}, []
    for (epochs, mode, data), values in ends.items():
        if mode == _NONE:
            continue
        where = f"{_WORDS[data]}, {epochs} epochs"
        gap = difference(values, ends[epochs, _NONE, data])
        differences[f"{where}: {mode} - none"] = gap
        claimed = _CLAIMED.get((epochs, mode, data))
        verdicts.append(sentence(f"Loss, {where}", f"{mode} dropout", _NONE, gap, claimed))
    return {"differences": differences, "verdicts": verdicts}
