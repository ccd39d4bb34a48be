# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A finished conversion as the questions about it see it: its folder, its map, its texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep import store
from data_prep.document_file import read_lines
from data_prep.provenance import lookup_index, table
from data_prep.provenance.settings import FINGERPRINTS_SUFFIX
from data_prep.split import SPLITS
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sample import DatasetMetadata

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "provenance"
DOCUMENTS = "documents"


@dataclasses.dataclass(frozen=True)
class Dataset:
    """The output folder of a conversion.

    Attributes:
        root: The folder.
        parts: Names of all parts, sorted, e.g. ``train-00003``.
    """

    root: Path
    parts: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path | str) -> Dataset:
        """Finds the parts.

        Raises:
            UserError: if there is no dataset, or it has no map.
        """
        if store.is_remote(str(folder)):
            raise UserError(
                f"{folder} is in an object store; download the folder and give the path of the "
                "copy."
            )
        root = Path(folder).expanduser()
        found = sorted((root / FOLDER).glob(f"*{table.SUFFIX}"))
        parts = tuple(path.stem for path in found if path.stem.startswith(SPLITS))
        if not parts:
            raise UserError(
                f"{root} holds no map of samples to files ({FOLDER}/); give the `output` folder of "
                "`convert_dataset run`."
            )
        return cls(root, parts)

    @property
    def folder(self) -> Path:
        """Where the map is."""
        return self.root / FOLDER

    @property
    def splits(self) -> list[str]:
        """The splits that have parts, in their usual order."""
        return [split for split in SPLITS if any(split_of(part) == split for part in self.parts)]

    def metadata(self, split: str) -> DatasetMetadata:
        """What the shards of a split say of themselves.

        Raises:
            UserError: if they are not there or are not ours.
        """
        path = self.root / split
        if not (path / "index.json").is_file() or not (found := DatasetMetadata.read(path)):
            raise UserError(
                f"{path} holds no shards of this command, though {FOLDER}/ names parts of it; run "
                "`convert_dataset run` with its recipe again."
            )
        return found

    def rows(self, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The map of a part."""
        return table.read(self.folder / f"{part}{table.SUFFIX}", columns)

    def lookup_index(self) -> lookup_index.LookupIndex:
        """The sorted keys of all documents."""
        return lookup_index.LookupIndex(self.folder / lookup_index.FILE)

    def fingerprints(self, part: str) -> Path:
        """The attribution index of a part; the file may be missing."""
        return self.folder / f"{part}{FINGERPRINTS_SUFFIX}"

    def documents(self, part: str) -> Path:
        """The file with a part's texts."""
        return self.root / DOCUMENTS / f"{part}.jsonl.zst"

    def describe(self, part: str, numbers: Iterable[int]) -> list[dict[str, Any]]:
        """Rows of the map as plain data, in ascending order of document."""
        rows = self.rows(part)
        places = np.flatnonzero(np.isin(rows["document"].to_numpy(), list(numbers)))
        length = table.metadata_of(rows)["sequence_length"]
        return [_plain(part, length, row) for row in rows.take(places).to_pylist()]

    def records(self, part: str, numbers: Iterable[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Number and whole record of some documents of a part, read up to the last of them."""
        import orjson

        known = self.rows(part, ["document"])["document"].to_numpy()
        wanted = {int(place) for place in np.flatnonzero(np.isin(known, list(numbers)))}
        if not wanted:
            return
        last = max(wanted)
        for place, line in enumerate(read_lines(self.documents(part))):
            if place in wanted:
                yield int(known[place]), orjson.loads(line)
            if place == last:
                return


def split_of(part: str) -> str:
    """The split that a part belongs to."""
    return part.rpartition("-")[0]


def samples_of(document: dict[str, Any], first_byte: int, end_byte: int) -> list[int]:
    """Ids of the samples that hold a range of bytes of a document's text."""
    ends = np.cumsum(document["fragment_bytes"])
    first = int(np.searchsorted(ends, first_byte, "right"))
    last = int(np.searchsorted(ends, max(end_byte - 1, first_byte), "right"))
    last = min(last, len(ends) - 1)
    return [document["first_sample_id"] + n for n in range(min(first, last), last + 1)]


def swhid_of(path: str, origin: str) -> str:
    """Software Heritage's identifier of what a document was made of.

    That of a commit where the document is one in a diff format, whose path begins with its id.

    >>> swhid_of("src/a.py", "9f"), swhid_of("commit/9f/src/a.py", "9f")
    ('swh:1:cnt:9f', 'swh:1:rev:9f')
    """
    kind = "rev" if path.startswith(f"commit/{origin}") else "cnt"
    return f"swh:1:{kind}:{origin}"


def _plain(part: str, sequence_length: int, row: dict[str, Any]) -> dict[str, Any]:
    """A row of the map as JSON values."""
    repositories = row["repositories"]
    name = "/".join([*repositories[:1], row["path"]])
    end = row["first_token"] + row["num_tokens"]
    return {
        **row,
        "split": split_of(part),
        "part": part,
        "sequence_length": sequence_length,
        "name": name,
        "swhid": swhid_of(row["path"], row["origin"].hex()),
        "last_sample_id": row["first_sample_id"] + (end - 1) // sequence_length,
        **{digest: row[digest].hex() for digest in ("origin", "sha256", "normalized")},
    }
