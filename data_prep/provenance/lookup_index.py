# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""From a digest, a repository or an owner to documents, without reading the map.

``lookup.parquet`` has one row for each of a document's keys, sorted, so that the statistics of its
row groups say which one to read. A key is the first 8 bytes of a digest, which the reader compares
in full with the document's row in the map. About 35 bytes a document.

Every part writes its keys sorted; `merge` brings them together in ranges of keys, so memory does
not grow with the number of documents.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foundry_plugins.contract.files import atomic_path
from foundry_plugins.contract.stateless_hash import hash64

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

FILE = "lookup.parquet"
KEYS_SUFFIX = ".keys.npy"
# What a key is of; the number is written.
ORIGIN, SHA256, NORMALIZED, REPOSITORY, OWNER = range(5)
DIGESTS = {ORIGIN: "origin", SHA256: "sha256", NORMALIZED: "normalized"}

_ENTRY = np.dtype([("key", "<u8"), ("document", "<u4"), ("kind", "u1")])
_PARTS_KEY = b"foundry_plugins.parts"
# Keys, documents, kind.
Keys = tuple[np.ndarray, np.ndarray, int]

_ROWS_A_GROUP = 1 << 16
_ENTRIES_A_RANGE = 1 << 22


def digest_key(digest: bytes) -> int:
    """The key of a digest."""
    return int.from_bytes(digest[:8], "big")


def name_key(kind: int, name: str) -> int:
    """The key of a repository or an owner; GitHub's names do not tell case apart."""
    return hash64(kind, name.lower())


def write_keys(path: Path, rows: pa.Table) -> None:
    """Writes the sorted keys of a part's rows."""
    documents = rows["document"].to_numpy()
    found = []
    for kind, column in DIGESTS.items():
        data = np.frombuffer(b"".join(rows[column].to_pylist()), np.uint8)
        firsts = np.ascontiguousarray(
            data.reshape(-1, rows.schema.field(column).type.byte_width)[:, :8]
        )
        found.append((firsts.view(">u8").ravel(), documents, kind))
    found += _named(rows["repositories"], documents)
    count = sum(len(keys) for keys, _, _ in found)
    entries = np.empty(count, dtype=_ENTRY)
    entries["key"] = np.concatenate([keys for keys, _, _ in found])
    entries["document"] = np.concatenate([numbers for _, numbers, _ in found])
    entries["kind"] = np.repeat([kind for _, _, kind in found], [len(keys) for keys, _, _ in found])
    order = np.lexsort((entries["document"], entries["kind"], entries["key"]))
    with atomic_path(path) as partial, partial.open("wb") as handle:
        np.save(handle, entries[order])


def _named(repositories: pa.ChunkedArray, documents: np.ndarray) -> Iterator[Keys]:
    """Keys of repositories and of their owners."""
    # A document in two repositories of one owner has the owner's key twice; readers unite them.
    lists = repositories.combine_chunks()
    owners = np.repeat(documents, lists.value_lengths().to_numpy())
    names = lists.flatten().to_pylist()
    for kind in (REPOSITORY, OWNER):
        keys = {name: name_key(kind, name) for name in set(names)}
        yield np.array([keys[name] for name in names], dtype=np.uint64), owners, kind
        names = [name.split("/")[0] for name in names]


def merge(keys: Mapping[str, Path], target: Path) -> None:
    """Writes ``lookup.parquet`` from the key files of all parts.

    Args:
        keys: Part name -> file.
        target: Where to.
    """
    parts = sorted(keys)
    count = sum(len(np.load(keys[part], mmap_mode="r")) for part in parts)
    num_ranges = max(-(-count // _ENTRIES_A_RANGE), 1)
    edges = np.array([(n << 64) // num_ranges for n in range(1, num_ranges)], dtype=np.uint64)
    bounds = [_bounds(keys[part], edges) for part in parts]
    schema = _schema(parts)
    with _writing(target, schema) as writer:
        for n in range(num_ranges):
            pieces = [_slice(keys[p], *b[n : n + 2]) for p, b in zip(parts, bounds, strict=True)]
            writer.write_table(_sorted(pieces, schema), row_group_size=_ROWS_A_GROUP)


def _bounds(path: Path, edges: np.ndarray) -> list[int]:
    """Where the ranges of keys begin in a part's file, and where the last one ends."""
    run = np.load(path, mmap_mode="r")
    return [0, *np.searchsorted(run["key"], edges).tolist(), len(run)]


def _slice(path: Path, start: int, stop: int) -> np.ndarray:
    # Opened anew each time: there may be more parts than a process may hold files open.
    return np.array(np.load(path, mmap_mode="r")[start:stop])


@contextlib.contextmanager
def _writing(target: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    import pyarrow.parquet as pq

    # Any: the stubs allow no list of columns.
    options: dict[str, Any] = {"compression": "zstd", "use_dictionary": ["kind"]}
    with atomic_path(target) as partial, pq.ParquetWriter(partial, schema, **options) as writer:
        yield writer


def _schema(parts: list[str]) -> pa.Schema:
    import pyarrow as pa

    columns = [("key", pa.uint64()), ("kind", pa.uint8())]
    places = [("part", pa.uint32()), ("document", pa.uint32())]
    return pa.schema([*columns, *places], metadata={_PARTS_KEY: json.dumps(parts)})


def _sorted(pieces: list[np.ndarray], schema: pa.Schema) -> pa.Table:
    """One range of keys from all parts."""
    import pyarrow as pa

    part = np.repeat(np.arange(len(pieces), dtype=np.uint32), [len(piece) for piece in pieces])
    entries = np.concatenate([np.zeros(0, _ENTRY), *pieces])
    order = np.lexsort((entries["document"], part, entries["kind"], entries["key"]))
    columns = {name: np.ascontiguousarray(entries[name][order]) for name in ("key", "kind")}
    columns["part"] = part[order]
    columns["document"] = np.ascontiguousarray(entries["document"][order])
    return pa.table(columns, schema=schema)


class LookupIndex:
    """A ``lookup.parquet``, held open for any number of questions.

    Attributes:
        parts: Names of the parts that its rows number.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path)
        self.parts: list[str] = json.loads(self._file.schema_arrow.metadata[_PARTS_KEY])
        groups = self._file.metadata
        statistics = [
            groups.row_group(n).column(0).statistics for n in range(groups.num_row_groups)
        ]
        self._ranges = [(s.min, s.max) if s is not None else (1, 0) for s in statistics]

    def find(self, kind: int, key: int) -> list[tuple[str, int]]:
        """Part and number of the documents that have a key."""
        found: list[tuple[str, int]] = []
        for number, (smallest, largest) in enumerate(self._ranges):
            if smallest <= key <= largest:
                group = self._file.read_row_group(number)
                keys = group["key"].to_numpy()
                first = np.searchsorted(keys, np.uint64(key), "left")
                end = np.searchsorted(keys, np.uint64(key), "right")
                rows = group.slice(first, end - first).to_pylist()
                found += [(self.parts[r["part"]], r["document"]) for r in rows if r["kind"] == kind]
        return list(dict.fromkeys(found))

    def whole_keys(self, kind: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Keys of one kind and the positions in ``parts``, ascending; no key is cut in two."""
        keys, parts = np.zeros(0, np.uint64), np.zeros(0, np.uint32)
        for number in range(self._file.num_row_groups):
            group = self._file.read_row_group(number)
            mine = group["kind"].to_numpy() == kind
            keys = np.concatenate([keys, group["key"].to_numpy()[mine]])
            parts = np.concatenate([parts, group["part"].to_numpy()[mine]])
            # The last key may go on in the next group.
            end = int(np.searchsorted(keys, keys[-1])) if len(keys) else 0
            yield keys[:end], parts[:end]
            keys, parts = keys[end:], parts[end:]
        yield keys, parts


def without(source: Path, removed: Mapping[str, np.ndarray], target: Path) -> None:
    """Writes a copy that lacks some documents, given by part."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source)
    parts = json.loads(file.schema_arrow.metadata[_PARTS_KEY])
    gone = np.concatenate(
        [np.zeros(0, np.uint64)]
        + [_place(np.uint64(parts.index(part)), numbers) for part, numbers in removed.items()]
    )
    with _writing(target, file.schema_arrow) as writer:
        for number in range(file.num_row_groups):
            group = file.read_row_group(number)
            places = _place(group["part"].to_numpy(), group["document"].to_numpy())
            writer.write_table(group.filter(pa.array(~np.isin(places, gone))))


def _place(part: np.ndarray | np.uint64, document: np.ndarray) -> np.ndarray:
    return (np.asarray(part).astype(np.uint64) << np.uint64(32)) | document.astype(np.uint64)
