# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Shards of every kind, written for tests, and a loader over any section."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.pack import TokenDocument, pack
from foundry_plugins.contract import sample as schema
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.token_bytes import token_bytes
from foundry_plugins.data.tokenizer import byte_lengths

T = 64


def load_tokenizer(root: Path, **kwargs: Any) -> Any:
    """That of the shared shards."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(root / "data/tokenizer", **kwargs)


def write_own(
    folder: Path,
    tokenizer: Any,
    documents: Sequence[TokenDocument],
    *,
    languages: Sequence[str] = ("python",),
    formats: Sequence[str] = ("text",),
    name: str = "test",
    size_limit: int = 1 << 20,
) -> Path:
    """Writes documents as ``convert_dataset`` would."""
    from streaming import MDSWriter

    content = tokenizer.backend_tokenizer.to_str()
    size = len(tokenizer)
    packed = pack(
        documents,
        sequence_length=T,
        eos=tokenizer.eos_token_id,
        pad=tokenizer.pad_token_id,
        byte_lengths=byte_lengths(size, token_bytes(content)),
        dtype=schema.token_dtype(size),
    )
    with MDSWriter(
        out=str(folder), columns=schema.mds_columns(T, size), size_limit=size_limit
    ) as writer:
        pairs = zip(packed.tokens, packed.fragments, strict=True)
        for number, (tokens, fragments) in enumerate(pairs):
            writer.write(
                {
                    "tokens": tokens,
                    "sample_id": np.uint64(schema.sample_id(0, number)),
                    "fragments": fragments.tobytes(),
                }
            )
    metadata = schema.DatasetMetadata(
        split=folder.name,
        sequence_length=T,
        token_dtype=schema.token_dtype(size),
        vocab_size=size,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        sentinels={},
        tokenizer_fingerprint=fingerprint(content),
        languages=list(languages),
        sources=["test"],
        formats=list(formats),
        recipe_hash=name,
        num_samples=len(packed.tokens),
        num_documents=len(documents),
        num_tokens=sum(len(document.tokens) + 1 for document in documents),
        num_bytes=0,
    )
    index = folder / schema.INDEX_FILE
    index.write_text(
        json.dumps({**json.loads(index.read_text()), schema.METADATA_KEY: metadata.to_dict()})
    )
    return folder


def write_columns(
    folder: Path, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
) -> Path:
    """Writes any MDS data set."""
    from streaming import MDSWriter

    with MDSWriter(out=str(folder), columns=dict(columns)) as writer:
        for row in rows:
            writer.write(dict(row))
    return folder


def loader(
    tokenizer: Any,
    *,
    batch_size: int = 4,
    workers: int = 0,
    drop_last: bool = False,
    **section: Any,
) -> Any:
    """The registered loader, as a `DataSpec`."""
    from foundry_plugins.data.dataloader import build_code_text_dataloader

    common = {"shuffle": False, "max_seq_len": T, "num_canonical_nodes": 1}
    return build_code_text_dataloader(
        tokenizer, batch_size, {**common, **section}, num_workers=workers, drop_last=drop_last
    )


def rows(spec: Any) -> list[dict[str, Any]]:
    """All rows of the next epoch: every tensor of a batch, row by row."""
    found: list[dict[str, Any]] = []
    for batch in spec.dataloader:
        tensors = {name: value for name, value in batch.items() if hasattr(value, "tolist")}
        found += [
            {name: value[row].tolist() for name, value in tensors.items()}
            for row in range(len(batch["input_ids"]))
        ]
    return found
