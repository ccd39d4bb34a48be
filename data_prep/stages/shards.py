# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 7, a map: each part's documents to tokens, samples and MDS shards.

Leaves one folder a part, published as ``<split>/<part>/``, and beside it the part's files of
`data_prep.provenance`, published as ``provenance/``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep import mds, pack, provenance, tokenizers
from data_prep.document_file import read_file
from data_prep.ledger import Outcome, Task, code_of, digest, size_of
from data_prep.provenance.recorder import Recorder
from data_prep.provenance.settings import Provenance
from data_prep.recipe import Recipe, Shards
from data_prep.stages import shuffle
from data_prep.tokenizers.encoder import Encoder
from data_prep.tokenizers.proof import COMPILED, batches, encode
from foundry_plugins.contract import sample, token_bytes
from foundry_plugins.contract.files import atomic_path
from foundry_plugins.contract.sample import TEXT
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD

STAGE = "shards"


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
    formats = formats_of(gathered)
    tasks = []
    for outcome in gathered:
        part = outcome.files[0].split(".")[0]
        arguments = {
            "documents": documents / outcome.files[0],
            "digests": documents / outcome.files[1],
            "tokenizer_folder": vocabulary_folder / vocabulary.files[0],
            "compiled": vocabulary.figures["proof"]["encoder"] == COMPILED,
            "languages": languages,
            "sources": sources,
            "formats": formats,
            "shards": recipe.shards,
            "provenance_settings": recipe.provenance,
        }
        shards = recipe.shards
        inputs = digest(
            code_of(__name__, shuffle, mds, pack, sample, token_bytes),
            provenance.code(),
            recipe.section("provenance"),
            tokenizers.code(),
            outcome.digest,
            vocabulary.digest,
            languages,
            sources,
            formats,
            [shards.sequence_length, shards.shard_bytes, shards.compression],
        )
        weight = outcome.figures["bytes"]
        tasks.append(Task(STAGE, part, inputs, weight, write_part, arguments))
    return tasks


def languages_of(gathered: Sequence[Outcome]) -> list[str]:
    """All languages, sorted: what fragments index into."""
    return sorted({name for outcome in gathered for name in outcome.figures["languages"]})


def formats_of(gathered: Sequence[Outcome]) -> list[str]:
    """``text``, then all diff formats, sorted: what fragments index into."""
    return [TEXT, *sorted({n for o in gathered for n in o.figures["formats"]} - {TEXT})]


def write_part(
    folder: Path,
    part: str,
    *,
    documents: Path,
    digests: Path,
    tokenizer_folder: Path,
    compiled: bool,
    languages: list[str],
    sources: list[str],
    formats: list[str],
    shards: Shards,
    provenance_settings: Provenance,
) -> Outcome:
    """Encodes, packs and writes one part."""
    # Parallelism is over parts; threads on top would only compete for the same cores.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    encoder = Encoder.load(tokenizer_folder, compiled=compiled)
    record_keeper = Recorder(provenance_settings)
    token_documents: list[pack.TokenDocument] = []
    known = iter(np.fromfile(digests, dtype=shuffle.DIGESTS))
    for batch in batches(read_file(documents)):
        for record, tokens in zip(batch, encode(encoder, batch), strict=True):
            record_keeper.add(record, *map(bytes, next(known)))
            document = _token_document(record, tokens, languages, sources, formats, encoder.ids)
            token_documents.append(document)
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
    names, content = record_keeper.write(
        folder, part, packed.fragments, sequence_length=shards.sequence_length
    )
    figures = {
        "provenance": content,
        "documents": len(token_documents),
        "tokens": sum(len(document.tokens) + 1 for document in token_documents),
        "samples": len(packed.tokens),
        "shard_bytes": size_of(folder / part),
        "index": entries,
    }
    return Outcome((part, *names), digest(entries), figures)


def _token_document(
    record: Mapping[str, Any],
    tokens: np.ndarray,
    languages: list[str],
    sources: list[str],
    formats: list[str],
    ids: Mapping[str, int],
) -> pack.TokenDocument:
    return pack.TokenDocument(
        tokens=tokens,
        origin=bytes.fromhex(record["origin"]),
        language=languages.index(record["language"]),
        source=sources.index(record["source"]),
        format=formats.index(record.get("format", TEXT)),
        target=_target(record, tokens, ids),
    )


def _target(record: Mapping[str, Any], tokens: np.ndarray, ids: Mapping[str, int]) -> int:
    """The first token behind the marker that the target begins with."""
    if record.get("format", TEXT) == TEXT:
        return 0
    # No text is ever encoded to these.
    marks = np.isin(tokens, [ids[sentinel] for _, sentinel in record["markers"]])
    return int(np.flatnonzero(marks)[record.get("target", 0)]) + 1
