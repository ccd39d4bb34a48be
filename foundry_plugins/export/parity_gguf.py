# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A GGUF file, loaded by llama.cpp, against the trained model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.export.architecture import Architecture
from foundry_plugins.export.checkpoint import Checkpoint
from foundry_plugins.export.llamacpp import LlamaCpp, Step
from foundry_plugins.export.parity import (
    LOG_PROBABILITY_LIMIT,
    Measurement,
    ParityReport,
    greedy_mismatches,
    largest,
    make_probes,
)
from foundry_plugins.export.reference import load_reference

# Log-probabilities compared at every generated token.
_TOP = 20
# llama.cpp sums in another order, and this is what that moves a log-probability by.
_TIE = 1e-4


def check_gguf(
    source: Checkpoint,
    architecture: Architecture,
    gguf: Path,
    output: Path,
    samples: Sequence[str],
) -> ParityReport:
    """Measures ``gguf``; ``output`` is the name it is going to have.

    Raises:
        UserError: if llama.cpp does not load the file.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(source.tokenizer_json)
    probes = make_probes(tokenizer, samples, architecture.max_seq_len)
    with LlamaCpp(gguf) as model:
        wrong_texts = sum(not _same_tokens(tokenizer, model, text) for text in probes.texts)
        generated = [model.greedy(row, probes.new_tokens, _TOP) for row in probes.prompts]
    reference = load_reference(source)
    differences, wrong = [], 0
    for prompt, steps in zip(probes.prompts, generated, strict=True):
        tokens = [step.token for step in steps]
        log_probabilities = reference((*prompt, *tokens)).double().log_softmax(-1)
        wrong += greedy_mismatches(log_probabilities, len(prompt), tokens, _TIE)
        differences += _differences(log_probabilities[len(prompt) - 1 :], steps)
    total = sum(map(len, generated))
    measurements = (
        Measurement(f"texts tokenized differently, of {len(probes.texts)}", wrong_texts, 0),
        Measurement(f"greedy tokens that differ, of {total}", wrong, 0),
        Measurement(
            f"largest log-probability difference, top {_TOP}",
            largest(differences),
            LOG_PROBABILITY_LIMIT,
        ),
    )
    return ParityReport("gguf", str(source.path), str(output), measurements)


def _same_tokens(tokenizer: Any, model: LlamaCpp, text: str) -> bool:
    """Compares both readings of a sentinel written out in the text: as text and as a token."""
    same = True
    for parse_special in (False, True):
        tokenizer.encode_special_tokens = not parse_special
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        same = same and ids == model.tokenize(text, parse_special)
    return same


def _differences(log_probabilities: Any, steps: Sequence[Step]) -> list[float]:
    return [
        abs(float(row[token]) - got)
        for row, step in zip(log_probabilities, steps, strict=False)
        for token, got in step.log_probabilities.items()
    ]
