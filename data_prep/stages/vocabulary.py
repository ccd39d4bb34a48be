# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 5, a reduce to one: the tokenizer, trained on the training side only.

Leaves the folder ``tokenizer``, which is also published.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from data_prep import tokenizer
from data_prep.document_file import read_file
from data_prep.ledger import Outcome, Task, code_of, digest
from data_prep.recipe import Recipe
from data_prep.split import TRAIN
from foundry_plugins.contract import fingerprint, sentinels
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import atomic_path

STAGE = "vocabulary"
PART = "tokenizer"


def plan(recipe: Recipe, gathered: Sequence[Outcome], documents: Path) -> list[Task]:
    """A single task, which reads documents until it has seen ``tokenizer.training_bytes``."""
    train = [outcome for outcome in gathered if outcome.files[0].startswith(TRAIN)]
    wanted, found = [], 0
    for outcome in train:
        if found < recipe.tokenizer.training_bytes:
            wanted.append(outcome)
            found += outcome.figures["bytes"]
    limits = (recipe.tokenizer.vocab_size, recipe.tokenizer.training_bytes)
    arguments = {
        "files": [documents / outcome.files[0] for outcome in wanted],
        "vocab_size": limits[0],
        "training_bytes": limits[1],
        "key": recipe.key("tokenizer.vocab_size"),
        "threads": recipe.num_workers,
    }
    inputs = digest(
        code_of(__name__, tokenizer, sentinels, fingerprint),
        limits,
        [outcome.digest for outcome in wanted],
    )
    return [Task(STAGE, PART, inputs, min(found, limits[1]), learn, arguments)]


def learn(
    folder: Path,
    part: str,
    *,
    files: list[Path],
    vocab_size: int,
    training_bytes: int,
    key: str,
    threads: int,
) -> Outcome:
    """Trains and saves.

    Raises:
        UserError: if the documents do not yield so many entries.
    """
    # This stage has one task, so its threads have the machine to themselves.
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    sample = _Sample(files, training_bytes)
    tokenizer_json = tokenizer.train(sample.texts(), vocab_size)
    encoder = tokenizer.Encoder(tokenizer_json)
    if encoder.vocab_size < vocab_size:
        raise UserError(
            f"A vocabulary of {vocab_size} entries is too large for this corpus: its "
            f"{sample.num_documents} training documents ({sample.num_bytes:,} bytes) yield "
            f"{encoder.vocab_size}; set `{key}={encoder.vocab_size}` or lower, or add code."
        )
    with atomic_path(folder / part) as partial:
        tokenizer.write(partial, tokenizer_json)
    figures = {
        "vocab_size": encoder.vocab_size,
        "fingerprint": encoder.fingerprint,
        "sentinels": {token: encoder.ids[token] for token in sentinels.SENTINELS},
        "training_documents": sample.num_documents,
        "training_bytes": sample.num_bytes,
    }
    return Outcome((part,), digest(tokenizer_json), figures)


class _Sample:
    """The first ``limit`` bytes of the documents of some files, counted as they pass."""

    def __init__(self, files: list[Path], limit: int) -> None:
        self.files = files
        self.limit = limit
        self.num_documents = 0
        self.num_bytes = 0

    def texts(self) -> Iterator[str]:
        for file in self.files:
            for record in read_file(file):
                if self.num_bytes >= self.limit:
                    return
                self.num_documents += 1
                self.num_bytes += len(record["text"].encode())
                yield record["text"]
