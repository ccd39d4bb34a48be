# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The attribution index of one part: fingerprints, sorted, each with the document it is of.

An Arrow file of one row with three lists, mapped into memory and never read as a whole:

``offsets``    of 2^b + 1: entries whose hash begins with the b bits i are those from
               ``offsets[i]`` to ``offsets[i + 1]``
``hashes``     the next 32 bits of the hash, ascending within those
``documents``  the document's number in its part, 16 bits where that suffices

so an entry takes 6 bytes and stands for 32 + b bits of hash; b grows with the part, which keeps
chance hits at one in a hundred million a look-up.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.kernel import kernel
from foundry_plugins.contract.files import atomic_path

_METADATA_KEY = b"foundry_plugins.winnow"
_ENTRIES_A_BUCKET = 32
_MOST_BUCKET_BITS = 20


@dataclasses.dataclass(frozen=True)
class Fingerprints:
    """An index, in memory or mapped.

    Attributes:
        offsets: Of the buckets.
        hashes: uint32.
        documents: uint16 or uint32.
        gram: k of `data_prep.provenance.winnow`.
        window: w of it.
        num_documents: Documents in the part, those without a fingerprint included.
    """

    offsets: np.ndarray
    hashes: np.ndarray
    documents: np.ndarray
    gram: int
    window: int
    num_documents: int

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Entries with one of the given full hashes: position in ``hashes``, and document."""
        starts, stops = _ranges(self.offsets, self.hashes, hashes)
        counts = stops - starts
        which = np.repeat(np.arange(len(hashes)), counts)
        # Entry numbers: starts[i], starts[i] + 1, ... for every i, one after the other.
        entries = np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
        return which, self.documents[entries].astype(np.int64)

    def without(self, documents: np.ndarray, *, num_documents: int) -> Fingerprints:
        """A copy that lacks some documents; ``num_documents`` are left."""
        keep = ~np.isin(self.documents, documents)
        before = np.concatenate([[0], np.cumsum(keep)])
        return dataclasses.replace(
            self,
            offsets=before[self.offsets].astype(np.uint32),
            hashes=self.hashes[keep],
            documents=self.documents[keep],
            num_documents=num_documents,
        )


def build(found: Sequence[np.ndarray], *, gram: int, window: int) -> Fingerprints:
    """The index of a part from each document's fingerprints, in the documents' order."""
    counts = np.array([len(hashes) for hashes in found], dtype=np.int64)
    hashes = np.concatenate([np.zeros(0, np.uint64), *found])
    document_bits = max(len(found) - 1, 1).bit_length()
    wanted = (len(hashes) // _ENTRIES_A_BUCKET).bit_length()
    bits = max(min(wanted, _MOST_BUCKET_BITS, 32 - document_bits), 0)
    # Bucket, hash and document in one word, so that a plain sort orders and unites them.
    shift = np.uint64(document_bits)
    words = hashes >> np.uint64(32 - bits) << shift
    words |= np.repeat(np.arange(len(found), dtype=np.uint64), counts)
    words = np.unique(words)
    buckets = words >> np.uint64(32 + document_bits)
    documents = words & np.uint64((1 << document_bits) - 1)
    return Fingerprints(
        offsets=np.searchsorted(buckets, np.arange((1 << bits) + 1)).astype(np.uint32),
        hashes=(words >> shift).astype(np.uint32),
        documents=documents.astype(np.uint16 if document_bits <= 16 else np.uint32),
        gram=gram,
        window=window,
        num_documents=len(found),
    )


def write(path: Path, index: Fingerprints) -> None:
    """Writes an index; equal ones give equal bytes."""
    import pyarrow as pa

    columns = {
        name: pa.ListArray.from_arrays(
            pa.array([0, len(values)], pa.int32()), pa.array(np.ascontiguousarray(values))
        )
        for name in ("offsets", "hashes", "documents")
        for values in [getattr(index, name)]
    }
    numbers = {name: getattr(index, name) for name in ("gram", "window", "num_documents")}
    table = pa.table(columns).replace_schema_metadata({_METADATA_KEY: json.dumps(numbers)})
    with atomic_path(path) as partial, pa.ipc.new_file(str(partial), table.schema) as writer:
        writer.write_table(table)


def read(path: Path) -> Fingerprints:
    """Maps an index into memory."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as mapped:
        table = pa.ipc.open_file(mapped).read_all()
    arrays = {
        name: table[name].chunk(0).values.to_numpy(zero_copy_only=True)
        for name in ("offsets", "hashes", "documents")
    }
    return Fingerprints(**arrays, **json.loads(table.schema.metadata[_METADATA_KEY]))


@kernel()
def _ranges(
    offsets: np.ndarray, hashes: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First and end entry of every wanted hash, by bisection within its bucket."""
    bits = 0
    while (1 << bits) < len(offsets) - 1:
        bits += 1
    starts = np.zeros(len(wanted), dtype=np.int64)
    stops = np.zeros(len(wanted), dtype=np.int64)
    for number in range(len(wanted)):
        top = np.int64(wanted[number] >> np.uint64(32 - bits))
        bucket, value = top >> 32, top & 0xFFFFFFFF
        low, high = np.int64(offsets[bucket]), np.int64(offsets[bucket + 1])
        end = high
        while low < high:
            middle = (low + high) // 2
            if np.int64(hashes[middle]) < value:
                low = middle + 1
            else:
                high = middle
        starts[number] = low
        while low < end and np.int64(hashes[low]) == value:
            low += 1
        stops[number] = low
    return starts, stops
