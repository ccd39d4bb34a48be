# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Tells by a folder's index what kind of shards it holds."""

from __future__ import annotations

import json
from pathlib import Path

from foundry_plugins.contract import sample as schema
from foundry_plugins.contract.errors import UserError, require
from foundry_plugins.data.shards.foundry_packed import FoundryPackedShards
from foundry_plugins.data.shards.own import OwnShards
from foundry_plugins.data.shards.prompt_response import PROMPT, RESPONSES, TURNS, PairShards
from foundry_plugins.data.shards.sample import Reader, Setup

# Columns that no other packer writes.
_OWN = frozenset({"fragments", "sample_id"})
_ADVICE = {
    "text": "raw text, which is not packed yet; convert it with `convert_dataset`, or with "
    "Foundry's converter and `--concat_tokens`",
    "messages": "conversations; convert them with Foundry's converter and its `--tokenizer`, "
    "which writes `turns`",
}


def reader_of(folder: Path, stream: int, setup: Setup) -> Reader:
    """The reader of one stream.

    Args:
        folder: Of one split, with an index.
        stream: Number of the stream.
        setup: Of the run.

    Raises:
        UserError: for shards that cannot be read, or that do not fit the run.
    """
    metadata = schema.DatasetMetadata.read(folder)
    if metadata is not None:
        return OwnShards(folder, metadata, setup)
    columns = _columns(folder)
    require(
        not columns >= _OWN,
        f"{folder} holds samples of convert_dataset, but its {schema.INDEX_FILE} has no "
        f"`{schema.METADATA_KEY}`: another tool wrote it, such as streaming's merge_index; take "
        "the index that convert_dataset wrote (for several data sets, a stream each).",
    )
    if "tokens" in columns:
        return FoundryPackedShards(folder, stream, setup)
    if TURNS in columns or (PROMPT in columns and columns & set(RESPONSES)):
        return PairShards(folder, stream, setup)
    for name, advice in _ADVICE.items():
        if name in columns:
            raise UserError(f"{folder} holds {advice}.")
    raise UserError(
        f"{folder} holds the columns {', '.join(sorted(columns))}; code_text reads `tokens`, "
        "`prompt` with `response`, or `turns`."
    )


def _columns(folder: Path) -> set[str]:
    index = json.loads((folder / schema.INDEX_FILE).read_text(encoding="utf-8"))
    return {name for shard in index["shards"] for name in shard.get("column_names", [])}
