# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``convert_dataset train-tokenizer``: the recipe up to its tokenizer, and how good that is.

Writes ``tokenizer/``, ``tokenizer_report.json`` and ``tokenizer_report.png`` into the output
folder. A run of the same recipe continues from there.
"""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.document_file import read_file
from data_prep.recipe import Recipe
from data_prep.split import TRAIN, VALIDATION
from data_prep.tokenizers import comparison
from data_prep.tokenizers.encoder import Encoder
from data_prep.tokenizers.proof import COMPILED
from foundry_plugins.contract.files import atomic_path, write_json

REPORT_FILE = "tokenizer_report.json"
CHART_FILE = "tokenizer_report.png"
FOLDER = "tokenizer"
# Enough for two decimals of bytes per token; a corpus may be of terabytes.
_COMPARED_BYTES = 20_000_000


def run(recipe: Recipe) -> dict[str, Any]:
    """Trains, compares, writes and prints; the report."""
    from data_prep import pipeline
    from data_prep.stages import shuffle, vocabulary

    with pipeline.conversion(recipe) as (stages, tasks):
        gathered, learned = stages.learn(tasks)
        ledger = stages.ledger
        tokenizer = ledger.folder(vocabulary.STAGE) / learned.files[0]
        documents = [ledger.folder(shuffle.STAGE) / part.files[0] for part in gathered]
        compiled = learned.figures["proof"]["encoder"] == COMPILED
        content = {
            "settings": dataclasses.asdict(recipe.tokenizer),
            "tokenizer": {k: v for k, v in learned.figures.items() if k != "sentinels"},
            "bytes_per_token": measure(Encoder.load(tokenizer, compiled=compiled), documents),
        }
        with atomic_path(recipe.output / FOLDER) as partial:
            shutil.copytree(tokenizer, partial)
    write(recipe.output, content)
    return content


def measure(encoder: Encoder, documents: Sequence[Path]) -> dict[str, comparison.Figures]:
    """Bytes per token by language, of held-out and of training documents.

    Args:
        encoder: The tokenizer.
        documents: Files of the shuffled documents, ``<split>-<part>.jsonl.zst``.
    """
    return {
        side: comparison.compare(
            encoder,
            itertools.chain.from_iterable(
                read_file(file) for file in documents if file.name.startswith(side)
            ),
            _COMPARED_BYTES,
        )
        for side in (VALIDATION, TRAIN)
    }


def write(output: Path, content: dict[str, Any]) -> None:
    """Leaves the report as JSON, as a chart and on the terminal."""
    settings, sides = content["settings"], content["bytes_per_token"]
    title = f"{settings['kind']}, {content['tokenizer']['vocab_size']:,} entries"
    write_json(output / REPORT_FILE, content)
    comparison.chart(sides, output / CHART_FILE, title)
    comparison.show(sides, f"{title}: {output / FOLDER}")
