# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 5, a reduce to one: the tokenizer, trained on the training side only, or taken.

Leaves the folder ``tokenizer``, which is also published.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_prep import tokenizers
from data_prep.document_file import read_file
from data_prep.ledger import Outcome, Task, code_of, digest
from data_prep.recipe import Recipe, num_cores
from data_prep.settings import find_module
from data_prep.split import TRAIN
from data_prep.tokenizers.settings import BYTE_LEVEL_BPE, PRETRAINED, SENTENCEPIECE_BPE, Tokenizer
from foundry_plugins.contract import fingerprint, sentinels, token_bytes
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.files import atomic_path

STAGE = "vocabulary"
PART = "tokenizer"


def plan(recipe: Recipe, gathered: Sequence[Outcome], documents: Path) -> list[Task]:
    """A single task, which reads documents until it has seen ``tokenizer.training_bytes``."""
    settings = recipe.tokenizer
    wanted = training_parts(recipe, gathered)
    arguments = {
        "files": [documents / outcome.files[0] for outcome in wanted],
        "settings": settings,
        "key": recipe.key("tokenizer.vocab_size"),
        # On a cluster as many as the machine has that the task comes to.
        "threads": recipe.num_workers if recipe.engine == "local" else None,
    }
    inputs = digest(
        code_of(__name__, sentinels, fingerprint, token_bytes),
        tokenizers.code(),
        dataclasses.asdict(settings),
        _stamp(settings),
        [outcome.digest for outcome in wanted],
    )
    weight = min(sum(outcome.figures["bytes"] for outcome in wanted), settings.training_bytes)
    return [Task(STAGE, PART, inputs, weight, learn, arguments)]


def training_parts(recipe: Recipe, gathered: Sequence[Outcome]) -> list[Outcome]:
    """The first parts of the training side, enough for ``tokenizer.training_bytes``."""
    wanted, found = [], 0
    for outcome in gathered:
        if outcome.files[0].startswith(TRAIN) and found < recipe.tokenizer.training_bytes:
            wanted.append(outcome)
            found += outcome.figures["bytes"]
    return wanted


def check(recipe: Recipe) -> None:
    """Loads a tokenizer that is not trained, so that a wrong one ends the run before it begins.

    Raises:
        UserError: if it cannot be used, or lacks a special token that a source writes.
    """
    if recipe.tokenizer.kind != PRETRAINED:
        return
    loaded = _load(recipe.tokenizer)[0]
    token_bytes.token_bytes(loaded)
    known = {token["content"] for token in json.loads(loaded)["added_tokens"]}
    for step in recipe.sources:
        source = find_module(f"sources.{step.name}.kind", "data_prep.sources", step.kind)
        needed = source.sentinels(**step.settings) if hasattr(source, "sentinels") else ()
        missing = [sentinel for sentinel in needed if sentinel not in known]
        require(
            not missing,
            f"`sources.{step.name}` writes the special token {' and '.join(missing)}, which "
            f"{recipe.tokenizer.path} does not have; set `tokenizer.add_sentinels: true`.",
        )


def learn(
    folder: Path,
    part: str,
    *,
    files: list[Path],
    settings: Tokenizer,
    key: str,
    threads: int | None,
) -> Outcome:
    """Trains or loads, and saves.

    Raises:
        UserError: if the documents do not yield so many entries.
    """
    from data_prep.tokenizers import files as tokenizer_files
    from data_prep.tokenizers.encoder import Encoder

    # This stage has one task, so its threads have the machine to themselves.
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    os.environ["RAYON_NUM_THREADS"] = str(threads or num_cores())
    sample = Sample(files, settings.training_bytes)
    tokenizer_json, roles, config = _make(settings, sample, key)
    encoder = Encoder(tokenizer_json, roles, compiled=False)
    num_documents, num_bytes = sample.size
    if settings.vocab_size is not None and encoder.vocab_size < settings.vocab_size:
        raise UserError(
            f"A vocabulary of {settings.vocab_size} entries is too large for this corpus: its "
            f"{num_documents} training documents ({num_bytes:,} bytes) yield "
            f"{encoder.vocab_size}; set `{key}={encoder.vocab_size}` or lower, or add code."
        )
    with atomic_path(folder / part) as partial:
        tokenizer_files.write(partial, tokenizer_json, roles, config)
    figures = {
        "kind": settings.kind,
        "vocab_size": encoder.vocab_size,
        "fingerprint": encoder.fingerprint,
        "sentinels": encoder.ids,
        "training_documents": num_documents,
        "training_bytes": num_bytes,
    }
    return Outcome((part,), digest(tokenizer_json, roles, config), figures)


def _make(
    settings: Tokenizer, sample: Sample, key: str
) -> tuple[str, Mapping[str, str], Mapping[str, Any]]:
    """The text of ``tokenizer.json``, the roles of special tokens, further settings."""
    from data_prep.tokenizers import byte_level, sentencepiece_models
    from data_prep.tokenizers.files import TRAINED_ROLES

    if settings.kind == PRETRAINED:
        return _load(settings)
    assert settings.vocab_size is not None
    if settings.kind == BYTE_LEVEL_BPE:
        made = byte_level.train(sample.texts(), settings.vocab_size, settings.split_pattern)
    else:
        model_type = "bpe" if settings.kind == SENTENCEPIECE_BPE else "unigram"
        made = sentencepiece_models.train(sample.texts(), settings.vocab_size, model_type, key)
    return made, TRAINED_ROLES, {}


def _load(settings: Tokenizer) -> tuple[str, dict[str, str], dict[str, Any]]:
    from data_prep.tokenizers import pretrained

    assert settings.path is not None
    return pretrained.load(
        Path(settings.path).expanduser(),
        add_sentinels=settings.add_sentinels,
        drop_normalizer=settings.drop_normalizer,
    )


def _stamp(settings: Tokenizer) -> list[str]:
    if settings.kind != PRETRAINED:
        return []
    from data_prep.tokenizers.pretrained import stamp

    assert settings.path is not None
    return stamp(Path(settings.path).expanduser())


class Sample:
    """The first ``limit`` bytes of the documents of some files."""

    def __init__(self, files: list[Path], limit: int) -> None:
        self.files = files
        self.limit = limit
        self.size = (0, 0)

    def records(self) -> Iterator[dict[str, Any]]:
        """The documents; `size` then holds their number and bytes."""
        documents, num_bytes = 0, 0
        for file in self.files:
            for record in read_file(file):
                if num_bytes >= self.limit:
                    return
                documents += 1
                num_bytes += len(record["text"].encode())
                self.size = (documents, num_bytes)
                yield record

    def texts(self) -> Iterator[str]:
        """Their texts."""
        return (record["text"] for record in self.records())
