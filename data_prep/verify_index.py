# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The index of a split, read for `data_prep.verify`: what there is to check."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from data_prep import store
from data_prep.verify_shard import Shard
from foundry_plugins.contract.sample import (
    FORMAT,
    INDEX_FILE,
    METADATA_FILE,
    METADATA_KEY,
    VERSION,
    DatasetMetadata,
    token_dtype,
)

Add = Callable[[str, str], None]
# What every shard's entry has, and each of its files.
_ENTRY = {
    "samples": int,
    "raw_data": dict,
    "column_names": list,
    "column_encodings": list,
    "column_sizes": list,
}
_KINDS = {"int": int, "str": str, "list[str]": list, "dict[str, int]": dict}
_FILE = {"basename": str, "bytes": int, "hashes": dict}


@dataclasses.dataclass
class Split:
    """A folder of shards.

    Attributes:
        folder: Its name below the dataset's root; empty for the root itself.
        index: Name of its index from there.
        shards: Those that can be checked.
        metadata: None for another writer's shards.
        stored_bytes: Of the shards' files, by the index.
        unlisted_files: Files in the folder that no reader asks for.
        complete: Whether all shards of the index can be checked.
        num_faults: Found so far.
    """

    folder: str
    index: str
    shards: list[Shard] = dataclasses.field(default_factory=list)
    metadata: DatasetMetadata | None = None
    stored_bytes: int = 0
    unlisted_files: int = 0
    complete: bool = False
    num_faults: int = 0


def read_split(
    url: str, folder: str, files: dict[str, int], tokenizer: str | None, add: Add
) -> Split:
    """Reads an index; what is wrong with it goes to ``add(file, fault)``.

    Args:
        url: The dataset's root.
        folder: The split's name below it.
        files: Names and sizes of all files below the root.
        tokenizer: Url of its ``tokenizer.json``.
        add: Takes a fault.
    """
    split = Split(folder, f"{folder}/{INDEX_FILE}".lstrip("/"))

    def fault(file: str, text: str) -> None:
        split.num_faults += 1
        add(file, text)

    # Some stores' listings lag behind what they hold.
    if split.index not in files and not store.exists(store.join(url, split.index)):
        fault(split.index, "is missing")
        return split
    content = read_json(url, split.index, fault)
    if content is None:
        return split
    if not isinstance(content.get("shards"), list):
        fault(split.index, "lists no shards")
        return split
    split.metadata = _metadata(content.get(METADATA_KEY), split, fault)
    _compare_copy(url, split, content, files, fault)
    seen: set[str] = set()
    for number, entry in enumerate(content["shards"]):
        problem = _problem(entry, seen)
        if problem is not None:
            fault(split.index, f"lists a shard (number {number}) that {problem}")
            continue
        split.shards.append(_shard(url, split, entry, files, tokenizer))
        split.stored_bytes += (entry.get("zip_data") or entry["raw_data"])["bytes"]
    split.unlisted_files = _unlisted(split, content["shards"], files)
    split.complete = len(split.shards) == len(content["shards"])
    return split


def _shard(
    url: str, split: Split, entry: dict[str, Any], files: dict[str, int], tokenizer: str | None
) -> Shard:
    prefix = f"{split.folder}/" if split.folder else ""
    stored = entry.get("zip_data") or entry["raw_data"]
    return Shard(
        folder=store.join(url, split.folder) if split.folder else url,
        name=f"{prefix}{stored['basename']}",
        entry=entry,
        metadata=split.metadata,
        tokenizer=tokenizer,
        decompressed=bool(entry.get("zip_data"))
        and f"{prefix}{entry['raw_data']['basename']}" in files,
    )


def _problem(entry: object, seen: set[str]) -> str | None:
    """What keeps a shard from being checked, if anything."""
    if not isinstance(entry, dict):
        return "is no entry"
    if entry.get("format") != "mds":
        return f"is of the format {entry.get('format')!r}, not mds"
    parts: list[tuple[dict[str, Any], dict[str, type]]] = [(entry, _ENTRY)]
    if isinstance(entry.get("raw_data"), dict):
        parts.append((entry["raw_data"], _FILE))
    if entry.get("zip_data") is not None:
        parts += [(entry, {"zip_data": dict, "compression": str})]
        parts += [(entry["zip_data"], _FILE)] if isinstance(entry["zip_data"], dict) else []
    for part, fields in parts:
        for field, kind in fields.items():
            if not isinstance(part.get(field), kind):
                return f"has no {field!r} of type {kind.__name__}"
    name = entry["raw_data"]["basename"]
    if name in seen:
        return f"was listed before, {name}"
    seen.add(name)
    return None


def _unlisted(split: Split, entries: list[Any], files: dict[str, int]) -> int:
    prefix = f"{split.folder}/" if split.folder else ""
    listed = {split.index, f"{prefix}{METADATA_FILE}"}
    for entry in entries:
        pair = (entry.get("raw_data"), entry.get("zip_data")) if isinstance(entry, dict) else ()
        listed |= {f"{prefix}{file.get('basename')}" for file in pair if isinstance(file, dict)}
    return sum(name.startswith(prefix) and name not in listed for name in files)


def read_json(url: str, name: str, fault: Add) -> dict[str, Any] | None:
    """The JSON object of a file below ``url``; None if it is none, which is a fault."""
    data = store.read_bytes(store.join(url, name))
    try:
        content = json.loads(data)
    except ValueError as error:
        fault(name, f"is not valid JSON ({error})")
        return None
    if not isinstance(content, dict):
        fault(name, "is no JSON object")
        return None
    return content


def _metadata(content: object, split: Split, fault: Add) -> DatasetMetadata | None:
    if content is None:
        return None
    kinds = {field.name: _KINDS[str(field.type)] for field in dataclasses.fields(DatasetMetadata)}
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        fault(split.index, f"has metadata of another kind than {FORMAT}")
    elif content.get("version") != VERSION:
        fault(split.index, f"has metadata of version {content.get('version')}, not {VERSION}")
    elif wrong := [name for name in kinds if not isinstance(content.get(name), kinds[name])]:
        fault(split.index, f"has metadata without a valid {wrong[0]!r}")
    elif content["token_dtype"] != token_dtype(content["vocab_size"]):
        fault(split.index, f"has tokens of {content['token_dtype']}, too many or too few bytes")
    else:
        if content["split"] != split.folder and split.folder:
            fault(split.index, f"says that it is of the split {content['split']!r}")
        return DatasetMetadata(**{name: content[name] for name in kinds})
    return None


def _compare_copy(
    url: str, split: Split, content: dict[str, Any], files: dict[str, int], fault: Add
) -> None:
    """``metadata.json`` is what people read."""
    name = f"{split.folder}/{METADATA_FILE}".lstrip("/")
    if name in files and split.metadata is not None:
        copy = read_json(url, name, fault)
        if copy is not None and copy != content[METADATA_KEY]:
            fault(name, f"is not the metadata of {split.index}")
