# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Documents out of a dataset in an object store, as `removal` takes them out of a folder.

The map comes here first, and of the rest what it says is affected: those shards, the texts and the
fingerprints of their parts. So a temporary folder (``TMPDIR``) needs room for the map and for them.
There the removal is done, and what it changed goes back in this order:

1. what is to go (`removed.PENDING`), and copies of the indexes (`_INDEXES`);
2. the index of a split whose shards change is deleted: readers find the old dataset, none, or the
   new one, and never an index over other shards;
3. shards and texts, then the indexes, then the map, the figures and the cards;
4. what step 1 wrote is deleted.

A removal that was cut short is finished by the next one. As the map goes after the shards it still
says where they have to be changed, and blanking a document twice gives what it gave the first time.
Nobody else may write there meanwhile: a store has no lock.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep import store, transfer
from data_prep.engines.local import LocalEngine
from data_prep.provenance import data_card, removal, removal_steps, removed, table
from data_prep.provenance.dataset import DOCUMENTS, FOLDER, Dataset
from data_prep.split import SPLITS
from data_prep.stores import hidden
from data_prep.transfer import File
from foundry_plugins.contract.errors import require
from foundry_plugins.contract.sample import INDEX_FILE

if TYPE_CHECKING:
    from data_prep.licenses.opt_out import OptOut

# While a removal is under way: <split>.json are the indexes as they were.
_INDEXES = "removal"


def remove(url: str, opt_out: OptOut, *, dry_run: bool = False) -> dict[str, Any]:
    """Takes every document out that an opt-out names.

    Args:
        url: The dataset.
        opt_out: Who and what is to be left out.
        dry_run: Only say what would be done.

    Returns:
        As `removal.remove`.

    Raises:
        UserError: if there is no dataset, its parts do not fit together, or the store does not let
            it be read and written.
    """
    with tempfile.TemporaryDirectory(prefix="convert_dataset.") as folder:
        copy = _Copy(store.canonical(url), Path(folder) / "data")
        copy.fetch_map()
        rows = removed.read(copy.root / removed.PENDING)
        rows += removal.affected(Dataset.open(copy.root), opt_out)
        if dry_run or not rows:
            return removal.remove(copy.root, opt_out, dry_run=True) | {"dry_run": dry_run}
        copy.fetch_affected(rows)
        copy.announce(rows, Path(folder))
        summary = removal.remove(copy.root, opt_out)
        copy.publish()
        return summary


class _Copy:
    """The affected half of a dataset in a store, in a folder.

    Attributes:
        root: The folder.
    """

    def __init__(self, url: str, root: Path) -> None:
        self.root = root
        self._url = url
        below = {found.url[len(url) + 1 :]: found for found in store.files_below(url)}
        self._there = below
        require(
            any(name.startswith(f"{FOLDER}/") for name in below),
            f"{url} holds no map of samples to files ({FOLDER}/); give the url that "
            "`convert_dataset run` uploaded to.",
        )

    def fetch_map(self) -> None:
        """The map, the indexes and the figures: all but shards, texts and fingerprints."""
        files = [self._file(name) for name in self._there if _is_of_map(name)]
        for split in SPLITS:
            kept = f"{_INDEXES}/{split}.json"
            if kept in self._there and f"{split}/{INDEX_FILE}" not in self._there:
                url = store.join(self._url, kept)
                local = self.root / split / INDEX_FILE
                files.append(File(local, url, self._there[kept].size))
        self._fetch(files)

    def fetch_affected(self, rows: removal.Rows) -> None:
        """Shards, texts and fingerprints that the removal of documents changes."""
        dataset = Dataset.open(self.root)
        gone = removal.by_part(rows)
        names = [path for part in gone for path in _of_part(dataset, part)]
        for split in dataset.splits:
            mine = removal.of_split(gone, split)
            names += [f"{split}/{n}" for n in removal_steps.affected_shards(dataset, split, mine)]
        self._fetch([self._file(name) for name in names if name in self._there])

    def announce(self, rows: removal.Rows, folder: Path) -> None:
        """Writes down in the store what is about to go, and the indexes as they are."""
        pending = folder / removed.PENDING
        removed.write(pending, list({(row["part"], row["document"]): row for row in rows}.values()))
        for index in sorted(self.root.glob(f"*/{INDEX_FILE}")):
            name = f"{_INDEXES}/{index.parent.name}.json"
            store.upload_file(index, store.join(self._url, name))
        store.upload_file(pending, store.join(self._url, removed.PENDING))

    def publish(self) -> None:
        """Sends what changed, and forgets the announcement."""
        files = [self._file(name) for name in self._names()]
        there = {found.url: found for found in self._there.values()}
        with LocalEngine(transfer.WORKERS) as engine:
            todo = transfer.missing(engine, files, there)
            for split in SPLITS:
                index = self._file(f"{split}/{INDEX_FILE}")
                if any(self.root / split in file.local.parents for file in todo):
                    store.delete(index.url)
                    todo = [file for file in todo if file != index] + [index]
            for turn in range(_LAST_TURN + 1):
                transfer.send(engine, [file for file in todo if self._turn(file) == turn])
        for name in (*(f"{_INDEXES}/{split}.json" for split in SPLITS), removed.PENDING):
            store.delete(store.join(self._url, name))

    def _names(self) -> Iterator[str]:
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if path.is_file() and not hidden(name):
                yield name

    def _turn(self, file: File) -> int:
        first = file.local.relative_to(self.root).parts[0]
        if first in SPLITS:
            return 1 if file.local.name == INDEX_FILE else 0
        return {DOCUMENTS: 0, FOLDER: 2}.get(first, _LAST_TURN)

    def _file(self, name: str) -> File:
        """The file ``name``, by its size here if it is here."""
        local = self.root / name
        size = local.stat().st_size if local.is_file() else 0
        found = self._there.get(name)
        return File(local, store.join(self._url, name), size or (found.size if found else 0))

    def _fetch(self, files: list[File]) -> None:
        with LocalEngine(min(transfer.WORKERS, max(len(files), 1))) as engine:
            transfer.fetch(engine, files)


_LAST_TURN = 3


def _is_of_map(name: str) -> bool:
    first, *rest = name.split("/")
    if first == FOLDER:
        return name.endswith(table.SUFFIX)
    return not rest or first == data_card.FOLDER or (first in SPLITS and len(rest) == 1)


def _of_part(dataset: Dataset, part: str) -> list[str]:
    paths = (dataset.documents(part), dataset.fingerprints(part))
    return [path.relative_to(dataset.root).as_posix() for path in paths]
