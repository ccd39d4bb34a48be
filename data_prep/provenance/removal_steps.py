# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The steps of a removal: each builds one folder of a dataset anew without some documents.

A folder is built aside, of links to what stays and new files for what changes, and then takes the
old one's place. Every step, done twice, leaves what it left the first time.
"""

from __future__ import annotations

import collections
import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.document import Document
from data_prep.document_file import dump_line, read_file, read_lines, writing
from data_prep.provenance import lookup_index, removed, shard_edit, table
from data_prep.provenance.dataset import DOCUMENTS, Dataset, split_of
from foundry_plugins.contract import sample
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import atomic_path, write_json, write_text

if TYPE_CHECKING:
    from data_prep.licenses.opt_out import OptOut

# part -> numbers of its documents that go
Gone = Mapping[str, np.ndarray]
# Beside the data if the recipe keeps what it drops.
DROPPED = "dropped"


def shards(dataset: Dataset, split: str, gone: Gone) -> list[str]:
    """Blanks documents in a split's shards; the names of the shards that changed."""
    index, edits = _planned(dataset, split, gone)
    if not edits:
        return []
    folder = dataset.root / split
    changed = _names(edits)
    # Readers keep decompressed shards beside the stored ones.
    unpacked = [edit.entry["raw_data"]["basename"] for edit in edits.values()]
    with atomic_path(folder) as partial:
        link_all(folder, partial, {*changed, *unpacked, sample.INDEX_FILE, sample.METADATA_FILE})
        for place, edit in edits.items():
            index["shards"][place] = shard_edit.rewrite(edit, partial)
        content = _counted(dataset, split, gone, index[sample.METADATA_KEY])
        index[sample.METADATA_KEY] = content
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        write_text(partial / sample.METADATA_FILE, text)
        write_json(partial / sample.INDEX_FILE, index)
    return changed


def affected_shards(dataset: Dataset, split: str, gone: Gone) -> list[str]:
    """The names of a split's shards that hold documents; no shard is read."""
    return _names(_planned(dataset, split, gone)[1])


def _planned(
    dataset: Dataset, split: str, gone: Gone
) -> tuple[dict[str, Any], dict[int, shard_edit.Edit]]:
    """The index of a split, and what to change in which entry."""
    folder = dataset.root / split
    index = json.loads((folder / sample.INDEX_FILE).read_text(encoding="utf-8"))
    ranges = _ranges(dataset, gone)
    return index, _edits(folder, index["shards"], ranges, dataset.metadata(split))


def _names(edits: Mapping[int, shard_edit.Edit]) -> list[str]:
    return [shard_edit.file_of(edit.entry)["basename"] for edit in edits.values()]


def _edits(
    folder: Path,
    entries: Sequence[dict[str, Any]],
    ranges: Mapping[int, list[shard_edit.Range]],
    metadata: sample.DatasetMetadata,
) -> dict[int, shard_edit.Edit]:
    """What to change in which entry of the index."""
    edits: dict[int, shard_edit.Edit] = {}
    left = dict(ranges)
    # A part's shards follow one another, and its samples are numbered through them.
    seen: collections.Counter[str] = collections.Counter()
    for place, entry in enumerate(entries):
        part = Path(shard_edit.file_of(entry)["basename"]).parent.name
        ids = [sample.sample_id(int(part), seen[part] + n) for n in range(entry["samples"])]
        seen[part] += entry["samples"]
        if found := {number: left.pop(number) for number in ids if number in left}:
            edits[place] = shard_edit.Edit(folder, entry, found, metadata)
    if left:
        raise UserError(
            f"{folder} has no sample {min(left)}, which the map of samples to files names; run "
            "`convert_dataset run` with its recipe again."
        )
    return edits


def _ranges(dataset: Dataset, gone: Gone) -> dict[int, list[shard_edit.Range]]:
    """Sample id -> ranges of tokens that hold the documents."""
    found: dict[int, list[shard_edit.Range]] = collections.defaultdict(list)
    for part, numbers in gone.items():
        for row in dataset.describe(part, numbers.tolist()):
            length, begin = row["sequence_length"], row["first_token"]
            end = begin + row["num_tokens"]
            for n in range(row["last_sample_id"] - row["first_sample_id"] + 1):
                place = (max(begin - n * length, 0), min(end - n * length, length))
                found[row["first_sample_id"] + n].append(place)
    return dict(found)


def _counted(dataset: Dataset, split: str, gone: Gone, metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a split with the counts of what stays."""
    counts = {"num_documents": 0, "num_tokens": 0, "num_bytes": 0}
    for part in dataset.parts:
        if split_of(part) == split:
            rows = dataset.rows(part, ["document", "num_tokens", "num_bytes"])
            stays = ~np.isin(rows["document"].to_numpy(), gone.get(part, ()))
            counts["num_documents"] += int(stays.sum())
            for name in ("num_tokens", "num_bytes"):
                counts[name] += int(rows[name].to_numpy()[stays].sum())
    return metadata | counts


def documents(dataset: Dataset, gone: Gone) -> None:
    """Takes documents out of the texts."""
    places = {
        part: np.flatnonzero(np.isin(dataset.rows(part, ["document"])["document"], numbers))
        for part, numbers in gone.items()
    }
    places = {
        part: found
        for part, found in places.items()
        if len(found) and not _is_without(dataset, part, found)
    }
    if not places:
        return
    folder = dataset.root / DOCUMENTS
    with atomic_path(folder) as partial:
        link_all(folder, partial, {dataset.documents(part).name for part in places})
        for part, found in places.items():
            lost = set(found.tolist())
            with writing(partial / dataset.documents(part).name) as writer:
                for place, line in enumerate(read_lines(dataset.documents(part))):
                    if place not in lost:
                        writer.write(line)


def _is_without(dataset: Dataset, part: str, places: np.ndarray) -> bool:
    """Whether a part's texts lack the documents already: a removal was killed after that step."""
    rows = dataset.rows(part, ["document"]).num_rows
    lines = sum(1 for _ in read_lines(dataset.documents(part)))
    if lines not in (rows, rows - len(places)):
        raise UserError(
            f"{dataset.documents(part)} holds {lines} documents, the map of samples to files "
            f"{rows}; run `convert_dataset run` with its recipe again."
        )
    return lines != rows


def dropped(root: Path, opt_out: OptOut, *, dry_run: bool) -> int:
    """Takes what is opted out from among the documents that the recipe dropped; how many."""
    folder = root / DROPPED
    counts: dict[str, int] = {}
    for path in sorted(folder.glob("*.jsonl.zst")) if folder.is_dir() else ():
        counts[path.name] = sum(_is_opted_out(opt_out, record) for record in read_file(path))
    affected = {name for name, count in counts.items() if count}
    if affected and not dry_run:
        with atomic_path(folder) as partial:
            link_all(folder, partial, affected)
            for name in affected:
                with writing(partial / name) as writer:
                    for record in read_file(folder / name):
                        if not _is_opted_out(opt_out, record):
                            writer.write(dump_line(record))
    return sum(counts.values())


def _is_opted_out(opt_out: OptOut, record: dict[str, Any]) -> bool:
    return opt_out.reason(Document.from_dict(record)) is not None


def provenance(dataset: Dataset, gone: Gone, rows: list[dict[str, Any]]) -> None:
    """Takes documents out of the map and the indexes, and notes them as removed."""
    from data_prep.provenance import fingerprints

    known = removed.read(dataset.folder / removed.FILE)
    noted = {(row["part"], row["document"]): row for row in [*known, *rows]}
    indexes = [part for part in gone if dataset.fingerprints(part).is_file()]
    changed = {
        *(f"{part}{table.SUFFIX}" for part in gone),
        *(dataset.fingerprints(part).name for part in indexes),
        *(removed.FILE, lookup_index.FILE),
    }
    with atomic_path(dataset.folder) as partial:
        link_all(dataset.folder, partial, changed)
        for part, numbers in gone.items():
            found = dataset.rows(part)
            found = found.filter(~np.isin(found["document"].to_numpy(), numbers))
            table.write(partial / f"{part}{table.SUFFIX}", found)
            if part in indexes:
                path = dataset.fingerprints(part)
                index = fingerprints.read(path).without(numbers, num_documents=found.num_rows)
                fingerprints.write(partial / path.name, index)
        old = dataset.folder / lookup_index.FILE
        lookup_index.without(old, gone, partial / lookup_index.FILE)
        removed.write(partial / removed.FILE, [noted[place] for place in sorted(noted)])


def link_all(source: Path, target: Path, without: Collection[str]) -> None:
    """Links every file of a folder into another, but for some, named relative to it."""
    target.mkdir()
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if path.is_dir():
            (target / name).mkdir(exist_ok=True)
        elif name not in without:
            try:
                os.link(path, target / name)
            except OSError:
                # A file system without links; a full disk fails in the copy as well.
                shutil.copyfile(path, target / name)
