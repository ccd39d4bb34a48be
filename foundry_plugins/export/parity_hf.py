# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""An exported folder, loaded by transformers alone, against the trained model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundry_plugins.contract.errors import UserError
from foundry_plugins.export.architecture import Architecture
from foundry_plugins.export.checkpoint import Checkpoint
from foundry_plugins.export.parity import (
    COMPARED_POSITIONS,
    LOGIT_LIMIT,
    PATIENT_THREADS,
    Measurement,
    ParityReport,
    Probes,
    greedy_mismatches,
    largest,
    make_probes,
)
from foundry_plugins.export.reference import load_reference


def check_hf(
    source: Checkpoint,
    architecture: Architecture,
    folder: Path,
    output: Path,
    samples: Sequence[str],
) -> ParityReport:
    """Measures ``folder``; ``output`` is the name it is going to have.

    Raises:
        UserError: if transformers cannot load the folder.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(source.tokenizer_json)
    probes = make_probes(tokenizer, samples, architecture.max_seq_len)
    facts, logits = run_probe(folder, probes)
    wrong_texts = sum(
        tokenizer.encode(text, add_special_tokens=False).ids != ids
        for text, ids in zip(probes.texts, facts["texts"], strict=True)
    )
    measurements = (
        Measurement("packages of the trained model imported", len(facts["loaded"]), 0),
        Measurement(f"texts tokenized differently, of {len(probes.texts)}", wrong_texts, 0),
        *_compare(source, probes, facts["generated"], logits),
    )
    return ParityReport("hf", str(source.path), str(output), measurements)


def _compare(
    source: Checkpoint, probes: Probes, generated: list[list[int]], logits: list[Any]
) -> list[Measurement]:
    import torch

    reference = load_reference(source)
    worst = largest(
        (reference(row)[-COMPARED_POSITIONS:] - torch.from_numpy(got)).abs().max().item()
        for row, got in zip(probes.rows, logits, strict=True)
    )
    wrong = 0
    for prompt, tokens in zip(probes.prompts, generated, strict=True):
        log_probabilities = reference((*prompt, *tokens)).double().log_softmax(-1)
        wrong += greedy_mismatches(log_probabilities, len(prompt), tokens, 2 * LOGIT_LIMIT)
    total = sum(map(len, generated))
    positions = sum(map(len, logits))
    return [
        Measurement(f"largest logit difference, {positions} positions", worst, LOGIT_LIMIT),
        Measurement(f"greedy tokens that differ, of {total}", wrong, 0),
    ]


def run_probe(folder: Path, probes: Probes) -> tuple[dict[str, Any], list[Any]]:
    """Runs `hf_probe` in a process that cannot import this package.

    Returns:
        Its facts, and the logits of every row's last positions as numpy arrays.
    """
    import numpy as np

    with tempfile.TemporaryDirectory() as scratch:
        request, answer = Path(scratch, "request.json"), Path(scratch, "answer.npz")
        request.write_text(
            json.dumps(
                {
                    "texts": probes.texts,
                    "rows": probes.rows,
                    "prompts": probes.prompts,
                    "new_tokens": probes.new_tokens,
                    "positions": COMPARED_POSITIONS,
                }
            ),
            encoding="utf-8",
        )
        script = Path(__file__).with_name("hf_probe.py")
        done = subprocess.run(
            # -P: the script's own folder holds a module named like the package `gguf`.
            [sys.executable, "-P", str(script), str(folder.resolve()), str(request), str(answer)],
            env={
                **os.environ,
                **PATIENT_THREADS,
                "HF_HUB_OFFLINE": "1",
                # Remote code is copied here before it is imported; the user's own copy is not used.
                "HF_MODULES_CACHE": str(Path(scratch, "modules")),
                "TOKENIZERS_PARALLELISM": "false",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise UserError(
                f"transformers cannot run the exported folder ({reason}), so it was not kept; "
                "check that `python -c 'import transformers, torch'` works in this environment."
            )
        with np.load(answer) as content:
            logits = [content[f"logits_{i}"] for i in range(len(probes.rows))]
            return json.loads(str(content["facts"])), logits
