# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A small dataset as a conversion leaves it, without running one: one token a byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from data_prep import mds
from data_prep.pack import Packed, TokenDocument, pack
from foundry_plugins.contract import sample
from foundry_plugins.contract.files import write_json, write_text
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD, SENTINELS
from foundry_plugins.contract.token_bytes import byte_level_alphabet, token_bytes

LENGTH = 32
EOS, NO_TOKEN = SENTINELS.index(END_OF_TEXT), SENTINELS.index(PAD)
VOCAB = len(SENTINELS) + 256
PARTS = {"train": 2, "validation": 1}


def build(
    root: Path, *, compression: str | None = "zstd", documents: int = 24, seed: int = 1
) -> Path:
    """Writes tokenizer, both splits and report; shards of a few samples each."""
    tokenizer_json = _tokenizer()
    write_text(root / "tokenizer/tokenizer.json", tokenizer_json)
    splits = {}
    for split, num_parts in PARTS.items():
        parts: dict[str, list[dict[str, Any]]] = {}
        totals = {"samples": 0, "documents": 0, "tokens": 0, "bytes": 0}
        for part in range(num_parts):
            packed = _packed(tokenizer_json, documents, (seed, part, len(split)))
            parts[f"{part:05}"] = mds.write_part(
                root / split / f"{part:05}",
                packed,
                part=part,
                vocab_size=VOCAB,
                size_limit=2500,
                compression=compression,
            )
            totals["samples"] += len(packed.tokens)
            totals["documents"] += documents
            totals["tokens"] += int((packed.tokens != NO_TOKEN).sum())
            totals["bytes"] += int((packed.tokens >= len(SENTINELS)).sum())
        metadata = _metadata(split, totals, tokenizer_json)
        write_text(root / split / sample.METADATA_FILE, metadata.to_json())
        index = {**mds.merged_index(parts), sample.METADATA_KEY: metadata.to_dict()}
        write_json(root / split / sample.INDEX_FILE, index)
        splits[split] = totals
    write_json(root / "report.json", {"splits": splits, "recipe_hash": "0" * 64})
    write_text(root / ".work/ledger/marker.json", "{}")
    return root


def _packed(tokenizer_json: str, documents: int, seed: tuple[int, ...]) -> Packed:
    rng = np.random.default_rng(seed)
    return pack(
        [
            TokenDocument(
                rng.integers(len(SENTINELS), VOCAB, size).astype(np.uint32), rng.bytes(20)
            )
            for size in rng.integers(0, 100, documents)
        ],
        sequence_length=LENGTH,
        eos=EOS,
        pad=NO_TOKEN,
        byte_lengths=np.array([len(token) for token in token_bytes(tokenizer_json)]),
        dtype="uint16",
    )


def _metadata(split: str, totals: dict[str, int], tokenizer_json: str) -> sample.DatasetMetadata:
    return sample.DatasetMetadata(
        split=split,
        sequence_length=LENGTH,
        token_dtype="uint16",
        vocab_size=VOCAB,
        eos_token_id=EOS,
        pad_token_id=NO_TOKEN,
        sentinels={token: number for number, token in enumerate(SENTINELS)},
        tokenizer_fingerprint=fingerprint(tokenizer_json),
        languages=["Python"],
        sources=["code"],
        formats=["text"],
        recipe_hash="0" * 64,
        **{f"num_{name}": value for name, value in totals.items()},
    )


def _tokenizer() -> str:
    alphabet = sorted(byte_level_alphabet().items(), key=lambda item: item[1])
    entries = [*SENTINELS, *(character for character, _ in alphabet)]
    added = [{"id": n, "content": token, "special": True} for n, token in enumerate(SENTINELS)]
    vocabulary = {token: number for number, token in enumerate(entries)}
    content = {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }
    return json.dumps(content)
