# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Shards that Foundry's own converter packed."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foundry_plugins.contract.errors import UserError
from tests.foundry_plugins.data.written_shards import T, load_tokenizer, loader, rows, write_columns


@pytest.fixture(scope="module")
def folder(root: Path, source_folder: Path, tmp_path_factory: Any) -> Path:
    """Written by ``llmfoundry data_prep convert_dataset_json``, in this process."""
    from llmfoundry.command_utils.data_prep.convert_dataset_json import convert_dataset_json

    out = tmp_path_factory.mktemp("packed")
    with (out / "data.jsonl").open("w") as file:
        for path in sorted(source_folder.glob("json/*.py")):
            file.write(json.dumps({"text": path.read_text()}) + "\n")
    convert_dataset_json(
        path=str(out / "data.jsonl"),
        out_root=str(out / "train"),
        compression=None,
        concat_tokens=T,
        split="train",
        tokenizer=str(root / "data/tokenizer"),
        bos_text="",
        eos_text="<|endoftext|>",
        no_wrap=False,
        num_workers=None,
    )
    return out


def stored(folder: Path) -> np.ndarray:
    from streaming import StreamingDataset

    source = StreamingDataset(local=str(folder), split="train", batch_size=1, shuffle=False)
    return np.stack([source[i]["tokens"] for i in range(len(source))])


def test_fragments_end_behind_the_end_of_text(root: Path, folder: Path) -> None:
    tokenizer = load_tokenizer(root)
    eos = tokenizer.eos_token_id
    expected = stored(folder)
    assert (expected == eos).sum() >= 4
    found = rows(loader(tokenizer, local=str(folder), split="train", sequence_id=True))
    assert [row["input_ids"] for row in found] == expected.tolist()
    for row in found:
        ends = [0, *(position + 1 for position, t in enumerate(row["input_ids"]) if t == eos)]
        numbers = [sum(end <= p for end in ends) - 1 for p in range(T)]
        assert row["sequence_id"] == numbers
        assert row["labels"] == row["input_ids"]


def test_cuts_differ_by_sample_epoch_showing_and_stream(
    root: Path, folder: Path, tmp_path: Path
) -> None:
    tokenizer = load_tokenizer(root)
    middle = tokenizer.convert_tokens_to_ids("<fim_middle>")
    (tmp_path / "again").symlink_to(folder)
    streams = {
        "a": {"local": str(folder), "split": "train", "repeat": 2},
        "b": {"local": str(tmp_path / "again"), "split": "train"},
    }
    spec = loader(tokenizer, streams=streams, fim={"rate": 1.0})
    dataset = spec.dataloader.dataset
    size = len(stored(folder))
    seen: dict[int, list[Any]] = {}
    for _epoch in range(2):
        for row in dataset:
            place = dataset.place(row["number"])
            seen.setdefault(place.position, []).append(tuple(row["input_ids"].tolist()))
    assert len(seen) == size
    cut = [rows for rows in seen.values() if any(middle in row for row in rows)]
    assert len(cut) > 0.9 * size
    # Two showings and another stream, in two epochs.
    assert all(len(rows) == 6 for rows in cut)
    assert sum(len(set(rows)) == 6 for rows in cut) > 0.9 * len(cut)


def test_level_document_leaves_the_first_fragment(root: Path, folder: Path) -> None:
    tokenizer = load_tokenizer(root)
    eos = tokenizer.eos_token_id
    fim = {"rate": 1.0, "level": "document"}
    plain = stored(folder)
    for before, row in zip(
        plain.tolist(),
        rows(loader(tokenizer, local=str(folder), split="train", fim=fim)),
        strict=True,
    ):
        whole = before.count(eos) >= 2
        assert whole or row["input_ids"] == before


def test_plain_bytes_and_what_does_not_fit(root: Path, tmp_path: Path, caplog: Any) -> None:
    tokenizer = load_tokenizer(root)
    tokens = np.arange(2, 2 + T, dtype=np.int32)
    write_columns(tmp_path / "bytes", {"tokens": "bytes"}, [{"tokens": tokens.tobytes()}] * 4)
    section = {"local": str(tmp_path), "split": "bytes", "token_encoding_type": "int32"}
    with caplog.at_level(logging.INFO):
        found = rows(loader(tokenizer, **section))
    assert found[0]["input_ids"] == tokens.tolist()
    assert "they name no tokenizer" in caplog.text
    with pytest.raises(UserError, match=r"`token_encoding_type` to the type they were written in"):
        loader(tokenizer, **section | {"token_encoding_type": "int64"})
    with pytest.raises(UserError, match=r"token_encoding_type` must be one of"):
        loader(tokenizer, **section | {"token_encoding_type": "float"})
    with pytest.raises(UserError, match=r"`max_seq_len` is 32, but a sample in .* holds 64 tokens"):
        loader(tokenizer, **section | {"max_seq_len": 32})
    write_columns(tmp_path / "wide", {"tokens": "ndarray:int32"}, [{"tokens": tokens + 480}] * 4)
    with pytest.raises(UserError, match=r"holds the token ids 482 to 545, but .* has 512 entries"):
        loader(tokenizer, local=str(tmp_path), split="wide")


@pytest.mark.parametrize("ended", [True, False])
def test_documents_that_begin_with_a_token_of_their_own(
    root: Path, tmp_path: Path, ended: bool
) -> None:
    tokenizer = load_tokenizer(root, bos_token="<repo_name>")
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    text = tokenizer("value = other + 1\n" * 9, add_special_tokens=False)["input_ids"]
    first, second = text[:20], text[: T - 22 - ended]
    ids = [*first, *[eos] * ended, bos, *second, bos]
    tokens = np.array(ids, dtype=np.uint16)
    assert len(tokens) == T
    folder = write_columns(tmp_path / "x", {"tokens": "ndarray:uint16"}, [{"tokens": tokens}] * 9)
    options = {"local": str(tmp_path), "split": folder.name, "sequence_id": True}
    plain = rows(loader(tokenizer, **options))[0]
    sizes = (20 + ended, 1 + len(second), 1)
    assert plain["sequence_id"] == [n for n, size in enumerate(sizes) for _ in range(size)]
    # The first may have begun before; the second is whole.
    fim = {"rate": 1.0, "level": "document"}
    middle = tokenizer.convert_tokens_to_ids("<fim_middle>")
    for row in rows(loader(tokenizer, fim=fim, **options)):
        assert row["input_ids"][: sizes[0] + 1] == ids[: sizes[0] + 1]
        assert row["input_ids"].count(middle) == 1
        assert row["input_ids"].count(bos) == 2
        assert row["input_ids"][-2] == eos


def test_padding_of_another_packer_is_not_learned(root: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(root)
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    tokens = np.array([100] * 30 + [eos] + [101] * 20 + [pad] * 13, dtype=np.uint16)
    folder = write_columns(tmp_path / "x", {"tokens": "ndarray:uint16"}, [{"tokens": tokens}] * 4)
    spec = loader(tokenizer, local=str(tmp_path), split=folder.name, sequence_id=True)
    row = rows(spec)[0]
    assert row["labels"] == [*tokens[:51].tolist(), *[-100] * 13]
    assert row["sequence_id"] == [0] * 31 + [1] * 20 + [2] * 13
    assert row["stored_tokens"] == 51


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": "str"}, "holds raw text, which is not packed yet; convert it with"),
        ({"messages": "json"}, "holds conversations; convert them"),
        (
            {"tokens": "bytes", "fragments": "bytes", "sample_id": "bytes"},
            "index.json has no `metadata`: another tool wrote it",
        ),
        ({"image": "bytes"}, "holds the columns image; code_text reads `tokens`"),
    ],
)
def test_other_shards_are_refused(
    root: Path, tmp_path: Path, columns: dict[str, str], message: str
) -> None:
    values = {"str": "x", "json": [], "bytes": b"x"}
    row = {name: values[kind] for name, kind in columns.items()}
    write_columns(tmp_path / "train", columns, [row])
    with pytest.raises(UserError, match=message):
        loader(load_tokenizer(root), local=str(tmp_path), split="train")
