# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Token documents to samples of a fixed length, with every boundary kept.

Documents follow one another, each ended by the end-of-text token, and are cut every T tokens; the
last sample is filled with padding. No token is dropped and none is repeated. A fragment is what
lies between two neighbouring cuts, where a cut is the end of a document or of a sample:

    cuts = {T, 2T, ...} + {end of each document},  fragment i = [cuts[i], cuts[i + 1])

so a document longer than a sample gives one fragment a sample, and short ones share one. Fields
of a fragment are those of `foundry_plugins.contract.sample.FRAGMENT`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from foundry_plugins.contract.sample import (
    ENDS_DOCUMENT,
    FRAGMENT,
    PADDING,
    STARTS_DOCUMENT,
)


@dataclasses.dataclass(frozen=True, slots=True)
class TokenDocument:
    """An encoded document.

    Attributes:
        tokens: Its ids, without end-of-text.
        origin: Git object id, 20 bytes.
        language: Index into the metadata's languages; likewise ``source`` and ``format``.
        target: Position of the first token that is to be predicted; 0 for plain text.
    """

    tokens: np.ndarray
    origin: bytes
    language: int = 0
    source: int = 0
    format: int = 0
    target: int = 0


@dataclasses.dataclass(frozen=True)
class Packed:
    """Samples: ``tokens`` of shape (N, T), and one array of `FRAGMENT` for each of the N."""

    tokens: np.ndarray
    fragments: list[np.ndarray]


def pack(
    documents: Sequence[TokenDocument],
    *,
    sequence_length: int,
    eos: int,
    pad: int,
    byte_lengths: np.ndarray,
    dtype: str,
) -> Packed:
    """Packs documents in the given order.

    Args:
        documents: At least one.
        sequence_length: T.
        eos: Id that ends every document.
        pad: Id that fills the last sample.
        byte_lengths: For every id, the bytes of a document that it stands for.
        dtype: Of the tokens.
    """
    lengths = np.array([len(document.tokens) + 1 for document in documents], dtype=np.int64)
    ends = np.cumsum(lengths)
    num_samples = -(-int(ends[-1]) // sequence_length)
    stream = np.full(num_samples * sequence_length, pad, dtype=dtype)
    position = 0
    for document in documents:
        stream[position : position + len(document.tokens)] = document.tokens
        position += len(document.tokens) + 1
    stream[ends - 1] = eos
    # bytes_before[i] is the number of document bytes in stream[:i].
    sizes = byte_lengths[stream]
    sizes[ends[-1] :] = 0
    bytes_before = np.concatenate([[0], np.cumsum(sizes)])
    fragments = _fragments(documents, ends, bytes_before, sequence_length, len(stream))
    by_sample = np.split(fragments, np.flatnonzero(fragments["end"] == sequence_length)[:-1] + 1)
    return Packed(stream.reshape(num_samples, sequence_length), by_sample)


def _fragments(
    documents: Sequence[TokenDocument],
    document_ends: np.ndarray,
    bytes_before: np.ndarray,
    sequence_length: int,
    stream_length: int,
) -> np.ndarray:
    """All fragments of the stream, in order."""
    sample_ends = np.arange(sequence_length, stream_length + 1, sequence_length)
    stops = np.union1d(document_ends, sample_ends)
    starts = np.concatenate([[0], stops[:-1]])
    is_padding = starts >= document_ends[-1]
    # The document of a fragment is the first that ends at or after the fragment's stop.
    owner = np.minimum(np.searchsorted(document_ends, stops), len(documents) - 1)
    document_starts = np.concatenate([[0], document_ends[:-1]])[owner]
    targets = document_starts + np.array([document.target for document in documents])[owner]
    sample_starts = starts - starts % sequence_length

    fragments = np.zeros(len(stops), dtype=FRAGMENT)
    fragments["end"] = stops - sample_starts
    # No token of padding is a target: like a target that lies in a later fragment.
    targets = np.where(is_padding, stops, np.clip(targets, starts, stops))
    fragments["target"] = targets - sample_starts
    fragments["num_bytes"] = bytes_before[stops] - bytes_before[starts]
    flags = np.where(starts == document_starts, STARTS_DOCUMENT, 0) | np.where(
        stops == document_ends[owner], ENDS_DOCUMENT, 0
    )
    fragments["flags"] = np.where(is_padding, PADDING, flags)
    real = ~is_padding
    fragments["document_offset"][real] = (bytes_before[starts] - bytes_before[document_starts])[
        real
    ]
    for field in ("language", "source", "format"):
        values = np.array([getattr(document, field) for document in documents])
        fragments[field][real] = values[owner][real]
    origins = np.frombuffer(b"".join(document.origin for document in documents), dtype="u1")
    fragments["origin"][real] = origins.reshape(-1, 20)[owner][real]
    return fragments
