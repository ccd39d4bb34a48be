# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What the writing of a part leaves behind: its map, its look-up keys, its fingerprints.

Fed with the documents as they are encoded, so no text is held or read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.licenses.opt_out import REPOSITORIES
from data_prep.provenance import lookup_index, table
from data_prep.provenance.settings import FINGERPRINTS_SUFFIX, GRAM_WORDS, Provenance

_GATHERED = (
    *("path", "repositories", "language", "source", "licenses"),
    *("origin", "sha256", "normalized"),
)


class Recorder:
    """Gathers one part.

    ``add`` every document in the order in which they are packed, then ``write``.
    """

    def __init__(self, settings: Provenance) -> None:
        self.settings = settings
        self._columns: dict[str, list[Any]] = {name: [] for name in _GATHERED}
        self._fingerprints: list[np.ndarray] = []

    def add(self, record: Mapping[str, Any], sha256: bytes, normalized: bytes) -> None:
        """Takes note of a document.

        Args:
            record: The document, as `data_prep.document.Document.to_dict` gives it.
            sha256: Of its text in UTF-8.
            normalized: The text's `data_prep.dedup.exact.normalized_digest`.
        """
        row = {
            "path": record["path"],
            "repositories": repositories_of(record),
            "language": record["language"],
            "source": record["source"],
            "licenses": list(record.get("licenses", ())),
            "origin": bytes.fromhex(record["origin"]),
            "sha256": sha256,
            "normalized": normalized,
        }
        for name, value in row.items():
            self._columns[name].append(value)
        if self.settings.attribution:
            from data_prep.provenance import winnow

            found = winnow.fingerprints(record["text"].encode(), GRAM_WORDS, self.settings.window)
            self._fingerprints.append(found)

    def write(
        self, folder: Path, part: str, fragments: Sequence[np.ndarray], *, sequence_length: int
    ) -> tuple[tuple[str, ...], str]:
        """Writes the part's files.

        Args:
            folder: Where to.
            part: The part's name, e.g. ``train-00003``; the files' names begin with it.
            fragments: Those of the packed samples.
            sequence_length: Tokens in a sample.

        Returns:
            The files' names, and a digest of their content.
        """
        import pyarrow as pa

        number = int(part.rpartition("-")[2])
        columns: dict[str, Any] = self._columns | table.placements(fragments, part=number)
        count = len(columns["path"])
        if len(columns["num_tokens"]) != count:
            raise ValueError(f"{part}: {count} documents, {len(columns['num_tokens'])} packed")
        columns["document"] = np.arange(count, dtype=np.uint32)
        metadata = {"part": part, "sequence_length": sequence_length}
        rows = pa.table(columns, schema=table.schema(metadata))
        names = [f"{part}{table.SUFFIX}", f"{part}{lookup_index.KEYS_SUFFIX}"]
        table.write(folder / names[0], rows)
        lookup_index.write_keys(folder / names[1], rows)
        if self.settings.attribution:
            from data_prep.provenance import fingerprints

            names.append(f"{part}{FINGERPRINTS_SUFFIX}")
            index = fingerprints.build(
                self._fingerprints, gram=GRAM_WORDS, window=self.settings.window
            )
            fingerprints.write(folder / names[2], index)
        content = hashlib.sha256()
        for name in names:
            content.update((folder / name).read_bytes())
        return tuple(names), content.hexdigest()


def repositories_of(record: Mapping[str, Any]) -> list[str]:
    """The repositories of a document, its own first."""
    names = [record.get("repository", ""), *record.get("metadata", {}).get(REPOSITORIES, ())]
    return [name for name in dict.fromkeys(names) if name]
