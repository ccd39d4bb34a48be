# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Indexes, reports and tokenizers that do not agree with the shards or with one another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_prep import verify
from foundry_plugins.contract.errors import UserError
from tests.data_prep.damaged_dataset import INDEX, SHARD, edit_json, entry_of, faults
from tests.data_prep.small_dataset import VOCAB

Edit = Callable[[dict[str, Any]], object]


def set_in(*path: str, value: Any) -> Edit:
    """Sets a value in the entry of `SHARD`."""

    def change(index: dict[str, Any]) -> None:
        place = entry_of(index, SHARD)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def metadata(**values: Any) -> Edit:
    return lambda index: index["metadata"].update(values)


@pytest.mark.parametrize(
    ("edit", "file", "fault"),
    [
        (set_in("samples", value=1), SHARD, "samples, and 1 by the index"),
        (set_in("zip_data", "bytes", value=5), SHARD, "bytes, and 5 by the index"),
        (set_in("raw_data", "bytes", value=5), SHARD, "more than 5 bytes when decompressed, and 5"),
        (set_in("raw_data", "bytes", value=10**6), SHARD, "when decompressed, and 1000000 by"),
        (set_in("raw_data", "hashes", value={"sha1": "0"}), SHARD, "decompressed, it has the sha1"),
        (set_in("zip_data", "hashes", value={"crc": "0"}), SHARD, "a hash of an unknown kind, crc"),
        (set_in("compression", value="br:3"), SHARD, "compressed by br:3, which cannot be checked"),
        (set_in("column_names", value=["a"]), SHARD, "its columns in another way than the index"),
        (set_in("format", value="json"), INDEX, "(number 4) that is of the format 'json', not mds"),
        (set_in("raw_data", value=3), INDEX, "(number 4) that has no 'raw_data' of type dict"),
        (set_in("zip_data", "bytes", value="5"), INDEX, "that has no 'bytes' of type int"),
        (lambda index: index["shards"].append(index["shards"][0]), INDEX, "was listed before, 00"),
        (lambda index: index["shards"].append(7), INDEX, "(number 6) that is no entry"),
        (lambda index: index["shards"].pop(), INDEX, "samples in its shards, and 70 by its meta"),
        (lambda index: index.pop("shards"), INDEX, "lists no shards"),
        (metadata(num_documents=49), INDEX, "has 48 documents in its shards, and 49 by its meta"),
        (metadata(num_bytes=1), INDEX, "bytes in its shards, and 1 by its metadata"),
        (metadata(num_tokens=1), INDEX, "tokens in its shards, and 1 by its metadata"),
        (metadata(split="validation"), INDEX, "says that it is of the split 'validation'"),
        (metadata(format="other"), INDEX, "metadata of another kind than foundry_plugins.sample"),
        (metadata(version=9), INDEX, "has metadata of version 9, not 1"),
        (metadata(languages=None), INDEX, "has metadata without a valid 'languages'"),
        (metadata(token_dtype="uint32"), INDEX, "has tokens of uint32"),
        (metadata(sequence_length=16), SHARD, "has the columns {"),
        (metadata(vocab_size=VOCAB - 100), SHARD, "and the vocabulary has 201"),
        (metadata(languages=[]), SHARD, "has a fragment whose language is not below 0"),
        (metadata(eos_token_id=9), SHARD, "has a document's end without the end-of-text token"),
        (metadata(tokenizer_fingerprint="f" * 64), "tokenizer/tokenizer.json", "train was written"),
        (metadata(recipe_hash="f" * 64), "report.json", "is of another recipe than train"),
    ],
)
def test_an_edited_index(dataset: Path, edit: Edit, file: str, fault: str) -> None:
    edit_json(dataset / INDEX, edit)
    found = faults(dataset)
    assert [f for f in found if f[0] == file and fault in f[2]], found
    with pytest.raises(UserError, match=r"Run the conversion \(or the upload\) again"):
        verify.require_sound(verify.verify(dataset))


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        (INDEX, b"{", "is not valid JSON"),
        (INDEX, b"[]", "is no JSON object"),
        (INDEX, None, "is missing"),
        ("report.json", b"\xff", "is not valid JSON"),
        ("train/metadata.json", b"{}", "is not the metadata of train/index.json"),
        ("tokenizer/tokenizer.json", b"{", "is not a tokenizer"),
        ("tokenizer/tokenizer.json", b"\xff", "is not a tokenizer"),
        ("tokenizer/tokenizer.json", b'{"model": {}}', "has the fingerprint"),
        ("tokenizer/tokenizer.json", None, "is missing"),
    ],
)
def test_broken_and_missing_files(
    dataset: Path, name: str, content: bytes | None, fault: str
) -> None:
    (dataset / name).unlink() if content is None else (dataset / name).write_bytes(content)
    found = faults(dataset)
    assert [file for file, _, text in found if fault in text][:1] == [name], found


def test_a_report_of_other_totals(dataset: Path) -> None:
    edit_json(dataset / "report.json", lambda report: report["splits"]["train"].update(bytes=1))
    ((file, _, text),) = faults(dataset)
    assert (file, text[:25]) == ("report.json", "says 1 bytes for train, w")
