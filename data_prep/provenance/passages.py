# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents that hold a passage, byte for byte.

A passage of w + k - 1 whole words has at least one fingerprint, which every document that holds it
has too; only documents with all of its fingerprints are read. A shorter one, or data without the
attribution index, is searched through from end to end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from data_prep.document_file import read_lines
from data_prep.provenance.dataset import Dataset


def find(dataset: Dataset, passage: str) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """Part, number and byte range (of the first occurrence) of all documents that hold it."""
    wanted = fingerprints_of(dataset, passage.encode())
    for part in dataset.parts:
        if wanted is None:
            found = _scan(dataset, part, passage)
        else:
            found = dataset.records(part, _having_all(dataset, part, wanted))
        for number, record in found:
            before, there, _ = record["text"].partition(passage)
            if there:
                start = len(before.encode())
                yield part, number, (start, start + len(passage.encode()))


def fingerprints_of(dataset: Dataset, passage: bytes) -> np.ndarray | None:
    """Hashes that every document with the passage has; None if there can be none."""
    path = dataset.fingerprints(dataset.parts[0])
    if not path.is_file():
        return None
    from data_prep.provenance import fingerprints, winnow

    index = fingerprints.read(path)
    data = np.frombuffer(passage, np.uint8)
    hashes = winnow.words(data)
    starts, ends = winnow.bounds(data)
    # A word at an edge may be a piece of a longer one.
    first = int(len(starts) > 0 and starts[0] == 0)
    end = len(hashes) - int(len(ends) > 0 and ends[-1] == len(passage))
    grams = winnow.grams(hashes[first:end], index.gram)
    if len(grams) < index.window:
        return None
    return np.unique(winnow.minima(grams, index.window))


def _having_all(dataset: Dataset, part: str, hashes: np.ndarray) -> list[int]:
    from data_prep.provenance import fingerprints

    which, documents = fingerprints.read(dataset.fingerprints(part)).find(hashes)
    pairs = np.unique(np.stack([documents, which]), axis=1)
    numbers, counts = np.unique(pairs[0], return_counts=True)
    return numbers[counts == len(hashes)].tolist()


def _scan(dataset: Dataset, part: str, passage: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Documents whose line holds the passage as JSON writes it; the few are parsed."""
    import orjson

    escaped = orjson.dumps(passage)[1:-1]
    numbers = dataset.rows(part, ["document"])["document"].to_pylist()
    for number, line in zip(numbers, read_lines(dataset.documents(part)), strict=True):
        if escaped in line:
            yield number, orjson.loads(line)
