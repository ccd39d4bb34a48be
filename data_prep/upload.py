# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A finished folder to an object store.

A folder of shards becomes a dataset by its ``index.json``, so that is what must never stand over a
shard that is missing or old:

1. every shard that a local index names is there locally, with the index's size;
2. what the store holds already, equal in size and checksum, is not sent again;
3. where a shard has to be sent, the store's old index goes first;
4. every file but the indexes is sent, and compared by checksum once it is there;
5. all files are looked up once more; only then are the indexes sent.

Nothing is remembered outside the two folders, so the same command continues an upload that was
broken off, wherever that was, and repeats none of it. What the store holds besides is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep import store, transfer
from data_prep.engines.local import LocalEngine
from data_prep.provenance import removed
from data_prep.stores import hidden
from data_prep.transfer import File
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.contract.sample import INDEX_FILE

_STAYS = ("dropped", "bad_rows")


def publish(
    folder: Path,
    url: str,
    *,
    workers: int = transfer.WORKERS,
    patience_seconds: float | None = None,
) -> dict[str, Any]:
    """Uploads a folder; ends with an error, and without an index, unless all of it arrived.

    Args:
        folder: What `convert_dataset run` wrote. Names that start with a dot stay here, and so do
            shards that a reader decompressed beside the compressed ones.
        url: The folder's name in the store.
        workers: Files sent at the same time.
        patience_seconds: How long to keep trying with one file; None for the default.

    Returns:
        ``url``, ``files``, ``bytes`` (all of the folder), ``sent``, ``sent_bytes`` (this time),
        ``others`` (files at ``url`` that the folder does not have).

    Raises:
        UserError: if the folder is not whole, or the store refuses or does not answer.
    """
    require(folder.is_dir(), f"There is no folder {folder} to upload; give one that exists.")
    url = store.canonical(url)
    files = [
        File(
            local=path,
            url=store.join(url, path.relative_to(folder).as_posix()),
            size=path.stat().st_size,
            patience_seconds=patience_seconds,
        )
        for path in _files(folder)
    ]
    require(bool(files), f"{folder} holds no file to upload; convert something first.")
    # Before the workers are forked: a wrong address is told once, and the client's code is loaded.
    there = {found.url: found for found in store.files_below(url)}
    removed.require_gone(folder, url, there)
    indexes = [file for file in files if file.local.name == INDEX_FILE]
    others = [file for file in files if file.local.name != INDEX_FILE]
    with LocalEngine(min(workers, len(files))) as engine:
        todo = transfer.missing(engine, others, there)
        _withdraw(indexes, todo)
        transfer.send(engine, todo)
    _require_all(others, url)
    new_indexes = [file for file in indexes if not transfer.is_there((file, store.info(file.url)))]
    for file in new_indexes:
        transfer.send_one(file)
    sent = [*todo, *new_indexes]
    return {
        "url": url,
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "sent": len(sent),
        "sent_bytes": sum(file.size for file in sent),
        "others": len(there.keys() - {file.url for file in files}),
    }


def _files(folder: Path) -> list[Path]:
    """What is to be uploaded, sorted."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    paths = [folder / name for name in sorted(names) if not hidden(name)]
    # What was dropped was dropped for a reason: opted out, contaminated, secret.
    paths = [path for path in paths if path.relative_to(folder).parts[0] not in _STAYS]
    left_here: set[Path] = set()
    for path in paths:
        if path.name == INDEX_FILE:
            left_here |= _decompressed(path)
    return [path for path in paths if path not in left_here]


def _decompressed(index: Path) -> set[Path]:
    """Copies that only a reader made, of the shards of an index whose own files are all there."""
    try:
        shards = json.loads(index.read_text(encoding="utf-8"))["shards"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{index} is not an index of shards; write the shards again.") from error
    copies = set()
    for shard in shards:
        entry = shard.get("zip_data") or shard["raw_data"]
        path = index.parent / entry["basename"]
        size = path.stat().st_size if path.is_file() else None
        require(
            size == entry["bytes"],
            f"{path} should have {entry['bytes']} bytes and "
            f"{'is missing' if size is None else f'has {size}'}; run the conversion again before "
            "uploading.",
        )
        if shard.get("zip_data"):
            copies.add(index.parent / shard["raw_data"]["basename"])
    return copies


def _withdraw(indexes: Sequence[File], todo: Sequence[File]) -> None:
    """Deletes the indexes in the store over files that are about to change."""
    for index in indexes:
        folder = index.local.parent
        if any(folder in file.local.parents for file in todo) and store.exists(index.url):
            store.delete(index.url)


def _require_all(files: Sequence[File], url: str) -> None:
    there = {found.url: found for found in store.files_below(url)}
    for file in files:
        # Some stores' listings lag behind what they hold.
        found = there.get(file.url) or store.info(file.url)
        require(
            found is not None and found.size == file.size,
            f"{file.url} was uploaded and is {'gone' if found is None else 'changed'}, so "
            f"{url} got no index; make sure that nobody else writes there and run the same "
            "command again.",
        )
