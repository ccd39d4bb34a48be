# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The sample schema: its layout is on disk in every data set, so it is pinned here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sample import (
    ENDS_DOCUMENT,
    FRAGMENT,
    PADDING,
    REMOVED,
    STARTS_DOCUMENT,
    DatasetMetadata,
    mds_columns,
    read_fragments,
    sample_id,
    token_dtype,
)

METADATA = DatasetMetadata(
    split="train",
    sequence_length=512,
    token_dtype="uint16",
    vocab_size=4096,
    eos_token_id=0,
    pad_token_id=1,
    sentinels={"<|endoftext|>": 0},
    tokenizer_fingerprint="ab",
    languages=["Python"],
    sources=["code"],
    formats=["text"],
    recipe_hash="cd",
    num_samples=3,
    num_documents=2,
    num_tokens=1500,
    num_bytes=5000,
)


def test_fragment_layout() -> None:
    assert FRAGMENT.itemsize == 44
    assert FRAGMENT.fields is not None
    layout = {name: (str(kind), offset) for name, (kind, offset) in FRAGMENT.fields.items()}
    assert layout == {
        "end": ("uint32", 0),
        "target": ("uint32", 4),
        "num_bytes": ("uint32", 8),
        "document_offset": ("uint32", 12),
        "language": ("uint16", 16),
        "source": ("uint16", 18),
        "format": ("uint16", 20),
        "flags": ("uint16", 22),
        "origin": ("('u1', (20,))", 24),
    }
    assert (STARTS_DOCUMENT, ENDS_DOCUMENT, PADDING, REMOVED) == (1, 2, 4, 8)


def test_fragments_come_back() -> None:
    fragments = np.zeros(3, dtype=FRAGMENT)
    fragments["end"] = [4, 9, 16]
    fragments["origin"][1] = 7
    found = read_fragments(fragments.tobytes())
    assert (found == fragments).all()
    assert not found.flags.writeable
    with pytest.raises(ValueError, match="buffer size"):
        read_fragments(b"x" * 45)


def test_columns_and_ids() -> None:
    assert mds_columns(512, 4096) == {
        "tokens": "ndarray:uint16:512",
        "sample_id": "uint64",
        "fragments": "bytes",
    }
    assert [token_dtype(n) for n in (65_536, 65_537)] == ["uint16", "uint32"]
    assert sample_id(3, 5) == 3 * 2**32 + 5


def write_index(folder: Path, metadata: object) -> None:
    index = {"version": 2, "shards": []} | ({} if metadata is None else {"metadata": metadata})
    (folder / "index.json").write_text(json.dumps(index))


def test_metadata_comes_back_from_the_index(tmp_path: Path) -> None:
    write_index(tmp_path, None)
    assert DatasetMetadata.read(tmp_path) is None
    write_index(tmp_path, METADATA.to_dict())
    assert DatasetMetadata.read(tmp_path) == METADATA
    # What a later release may add does no harm.
    write_index(tmp_path, METADATA.to_dict() | {"more": 1})
    assert DatasetMetadata.read(tmp_path) == METADATA


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "format and version"),
        ({"format": "other"}, "format and version"),
        ({"split": None}, "lacks the field 'split'"),
        ({"formats": ["commit"]}, "lacks 'text' as the first format"),
    ],
)
def test_metadata_of_another_kind_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    content = METADATA.to_dict() | change
    write_index(tmp_path, {key: value for key, value in content.items() if value is not None})
    with pytest.raises(UserError, match=message):
        DatasetMetadata.read(tmp_path)


def test_an_index_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        DatasetMetadata.read(tmp_path)
    assert dataclasses.is_dataclass(METADATA)
