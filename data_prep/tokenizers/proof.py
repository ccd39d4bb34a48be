# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The proof, on the corpus, that a tokenizer loses nothing and that the fast way is the exact way.

Every text must come back byte for byte, and the compiled encoder must give the ids of the
tokenizers library. It knows no way to lose a byte, so ``proof_bytes`` are enough to compare the
two. Where they differ, or where only the library can apply a tokenizer, the library encodes, the
log says so, and the whole sample must come back. Later every document is checked once more as it
is encoded.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from data_prep.tokenizers.encoder import Encoder

COMPILED, LIBRARY = "compiled", "library"
_BATCH_CHARS = 1_000_000

_log = logging.getLogger(__name__)

Records = Callable[[], Iterable[Mapping[str, Any]]]


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


def prove(tokenizer_json: str, roles: Mapping[str, str], records: Records, limit: int) -> Proof:
    """Encodes documents.

    Args:
        tokenizer_json: The tokenizer.
        roles: Of its special tokens.
        records: Gives the documents, each time it is called.
        limit: Bytes on which both encoders are compared; the library alone is given all.

    Raises:
        UserError: naming the first document that does not come back, and what was lost.
    """
    encoder = Encoder(tokenizer_json, roles)
    if not encoder.is_compiled:
        return _fall_back(tokenizer_json, roles, records, encoder.obstacle)
    library = Encoder(tokenizer_json, roles, compiled=False)
    proof = Proof(COMPILED)
    for batch in batches(records()):
        encoded = _encode(encoder, batch, proof)
        for record, ids, wanted in zip(batch, encoded, encode(library, batch), strict=True):
            if not np.array_equal(ids, wanted):
                reason = f"the compiled encoder gives other ids for {name_of(record)}"
                return _fall_back(tokenizer_json, roles, records, reason)
        if proof.bytes >= limit:
            break
    return proof


def _fall_back(
    tokenizer_json: str, roles: Mapping[str, str], records: Records, reason: str
) -> Proof:
    _log.warning("Encoding with the tokenizers library, several times slower: %s.", reason)
    encoder = Encoder(tokenizer_json, roles, compiled=False)
    proof = Proof(LIBRARY, reason)
    for batch in batches(records()):
        _encode(encoder, batch, proof)
    return proof


def _encode(encoder: Encoder, batch: list[Mapping[str, Any]], proof: Proof) -> list[np.ndarray]:
    encoded = encode(encoder, batch)
    proof.documents += len(batch)
    proof.bytes += sum(int(encoder.byte_lengths[ids].sum()) for ids in encoded)
    proof.tokens += sum(len(ids) for ids in encoded)
    return encoded


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


def batches(records: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Documents by about a million characters: enough to be fast, few enough to hold."""
    batch: list[Mapping[str, Any]] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record["text"])
        if size >= _BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
