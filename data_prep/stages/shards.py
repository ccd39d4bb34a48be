# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 6, a map: each part's documents to tokens, samples and MDS shards.

Leaves one folder a part, published as ``<split>/<part>/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from data_prep import mds, pack, tokenizer
from data_prep.document_file import read_file
from data_prep.ledger import Outcome, Task, code_of, digest, size_of
from data_prep.recipe import Recipe, Shards
from foundry_plugins.contract import sample, token_bytes
from foundry_plugins.contract.files import atomic_path
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD

STAGE = "shards"
# Texts handed to the tokenizer at once: enough to be fast, few enough to hold their encodings.
_BATCH_CHARS = 1_000_000


def plan(
    recipe: Recipe,
    gathered: Sequence[Outcome],
    documents: Path,
    vocabulary: Outcome,
    vocabulary_folder: Path,
) -> list[Task]:
    """One task for each part of documents."""
    languages = languages_of(gathered)
    sources = [step.name for step in recipe.sources]
    tasks = []
    for outcome in gathered:
        part = outcome.files[0].split(".")[0]
        arguments = {
            "documents": documents / outcome.files[0],
            "tokenizer_folder": vocabulary_folder / vocabulary.files[0],
            "languages": languages,
            "sources": sources,
            "shards": recipe.shards,
        }
        shards = recipe.shards
        inputs = digest(
            code_of(__name__, mds, pack, tokenizer, sample, token_bytes),
            outcome.digest,
            vocabulary.digest,
            languages,
            sources,
            [shards.sequence_length, shards.shard_bytes, shards.compression],
        )
        weight = outcome.figures["bytes"]
        tasks.append(Task(STAGE, part, inputs, weight, write_part, arguments))
    return tasks


def languages_of(gathered: Sequence[Outcome]) -> list[str]:
    """All languages, sorted: what fragments index into."""
    return sorted({name for outcome in gathered for name in outcome.figures["languages"]})


def write_part(
    folder: Path,
    part: str,
    *,
    documents: Path,
    tokenizer_folder: Path,
    languages: list[str],
    sources: list[str],
    shards: Shards,
) -> Outcome:
    """Encodes, packs and writes one part."""
    encoder = tokenizer.Encoder.load(tokenizer_folder)
    token_documents = list(_encode(encoder, documents, languages, sources))
    packed = pack.pack(
        token_documents,
        sequence_length=shards.sequence_length,
        eos=encoder.ids[END_OF_TEXT],
        pad=encoder.ids[PAD],
        byte_lengths=encoder.byte_lengths,
        dtype=sample.token_dtype(encoder.vocab_size),
    )
    with atomic_path(folder / part) as partial:
        entries = mds.write_part(
            partial,
            packed,
            part=int(part.rpartition("-")[2]),
            vocab_size=encoder.vocab_size,
            size_limit=shards.shard_bytes,
            compression=shards.compression,
        )
    figures = {
        "documents": len(token_documents),
        "tokens": sum(len(document.tokens) + 1 for document in token_documents),
        "samples": len(packed.tokens),
        "shard_bytes": size_of(folder / part),
        "index": entries,
    }
    return Outcome((part,), digest(entries), figures)


def _encode(
    encoder: tokenizer.Encoder, file: Path, languages: list[str], sources: list[str]
) -> Iterator[pack.TokenDocument]:
    for batch in _batches(file):
        encoded = encoder.encode([r["text"] for r in batch], [r["path"] for r in batch])
        for record, tokens in zip(batch, encoded, strict=True):
            yield pack.TokenDocument(
                tokens=tokens,
                origin=bytes.fromhex(record["origin"]),
                language=languages.index(record["language"]),
                source=sources.index(record["source"]),
            )


def _batches(file: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for record in read_file(file):
        batch.append(record)
        size += len(record["text"])
        if size >= _BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
