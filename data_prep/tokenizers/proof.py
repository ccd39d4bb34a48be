# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The proof, on the corpus, that a tokenizer loses nothing and that the fast way is the exact way.

Every text must come back byte for byte, and the compiled encoder must give the ids of the
tokenizers library. It knows no way to lose a byte, so a sample is enough to compare the two. Where
they differ, or where only the library can apply a tokenizer, the library encodes, and all that the
tokenizer was given must come back. Later every document is checked once more as it is encoded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from data_prep.tokenizers.encoder import Encoder

COMPILED, LIBRARY = "compiled", "library"
_BATCH_CHARS = 1_000_000

Records = Iterable[Mapping[str, Any]]


@dataclasses.dataclass
class Proof:
    """What was proven.

    Attributes:
        encoder: ``compiled`` or ``library``: which of the two encodes the corpus.
        reason: Why the library, if it is that.
        documents: Texts that came back.
        bytes: Their bytes.
        tokens: Their tokens.
    """

    encoder: str
    reason: str = ""
    documents: int = 0
    bytes: int = 0
    tokens: int = 0

    def add(self, encoder: Encoder, ids: np.ndarray) -> None:
        """Takes note of a text that came back."""
        self.documents += 1
        self.bytes += int(encoder.byte_lengths[ids].sum())
        self.tokens += len(ids)


def compare(encoder: Encoder, records: Records, limit: int) -> Proof:
    """Encodes documents in both ways, until they differ.

    Args:
        encoder: The tokenizer.
        records: The documents.
        limit: Bytes that are enough.

    Raises:
        UserError: naming the first document that does not come back, and what was lost.
    """
    if not encoder.is_compiled:
        return Proof(LIBRARY, encoder.obstacle)
    library = encoder.by_library
    proof = Proof(COMPILED)
    for batch in batches(records, limit):
        encoded = encode(encoder, batch)
        for record, ids, wanted in zip(batch, encoded, encode(library, batch), strict=True):
            if not np.array_equal(ids, wanted):
                reason = f"the compiled encoder gives other ids for {name_of(record)}"
                return Proof(LIBRARY, reason)
            proof.add(encoder, ids)
        if proof.bytes >= limit:
            break
    return proof


def by_library(encoder: Encoder, records: Records) -> Proof:
    """Encodes documents with the library.

    Raises:
        UserError: as `compare`.
    """
    library = encoder.by_library
    proof = Proof(LIBRARY)
    for batch in batches(records):
        for ids in encode(library, batch):
            proof.add(library, ids)
    return proof


def encode(encoder: Encoder, batch: list[Mapping[str, Any]]) -> list[np.ndarray]:
    """Token ids of documents as `data_prep.document_file` holds them."""
    return encoder.encode(
        [record["text"] for record in batch],
        [name_of(record) for record in batch],
        [record.get("markers", ()) for record in batch],
    )


def name_of(record: Mapping[str, Any]) -> str:
    """What a document is called in a message."""
    return "/".join(filter(None, (record.get("repository"), record["path"])))


def batches(records: Records, limit: int = _BATCH_CHARS) -> Iterator[list[Mapping[str, Any]]]:
    """Documents by about a million characters or fewer: enough to be fast, few enough to hold."""
    limit = min(limit, _BATCH_CHARS)
    batch: list[Mapping[str, Any]] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record["text"])
        if size >= limit:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
