# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Shards of SentencePiece vocabularies, from source files to training batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foundry_plugins.contract import sample as schema
from foundry_plugins.contract.token_bytes import token_bytes
from tests.conftest import BIN, ROOT, call

TRICKY = "a = '\u2581'\t# not a space: \u2581\u2581, \u2409, <fim_middle>, <0x41>\r\n" * 9


@pytest.fixture(scope="module", params=["sentencepiece_bpe", "sentencepiece_unigram"])
def folder(request: Any, source_folder: Path, tmp_path_factory: Any) -> Path:
    """A converted data set."""
    source = tmp_path_factory.mktemp("source")
    (source / "json").symlink_to(source_folder / "json")
    (source / "asyncio").symlink_to(source_folder / "asyncio")
    for path in [*source_folder.glob("json/*.py"), *source_folder.glob("asyncio/*.py")]:
        (source / path.name).write_bytes(path.read_bytes())
    (source / "tricky.py").write_bytes(TRICKY.encode())
    output = tmp_path_factory.mktemp(request.param) / "data"
    call(
        [
            *(BIN / "convert_dataset", "run", ROOT / "yamls/quickstart/data.yaml"),
            *(f"variables.source={source}", f"variables.output={output}"),
            *("variables.sequence_length=64", "variables.vocab_size=600"),
            *("variables.validation_share=0.2", f"tokenizer.kind={request.param}"),
        ]
    )
    return output


def loaded(folder: Path) -> Any:
    from llmfoundry.utils.builders import build_tokenizer

    return build_tokenizer(str(folder / "tokenizer"), {"model_max_length": 64})


def batches(folder: Path, split: str, **section: Any) -> Any:
    from foundry_plugins.data.dataloader import build_code_text_dataloader

    dataset = {"local": str(folder), "split": split, "max_seq_len": 64, "num_canonical_nodes": 1}
    options = {"num_workers": 0, "drop_last": False}
    spec = build_code_text_dataloader(
        loaded(folder), 4, {**dataset, "shuffle": False, **section}, **options
    )
    return spec.dataloader


def stored_texts(folder: Path, split: str) -> set[bytes]:
    """The documents that the shards hold, put together from their tokens' bytes."""
    table = token_bytes((folder / "tokenizer/tokenizer.json").read_text())
    samples = [row for batch in batches(folder, split) for row in batch["input_ids"].tolist()]
    eos, pad = loaded(folder).eos_token_id, loaded(folder).pad_token_id
    stream = [token for row in samples for token in row if token != pad]
    ends = [position for position, token in enumerate(stream) if token == eos]
    starts = [0, *(end + 1 for end in ends[:-1])]
    pairs = zip(starts, ends, strict=True)
    return {b"".join(table[token] for token in stream[start:end]) for start, end in pairs}


def test_every_document_is_there_byte_for_byte(folder: Path) -> None:
    from data_prep.document_file import read_file

    metadata = schema.DatasetMetadata.read(folder / "train")
    assert metadata is not None
    assert metadata.token_dtype == "uint16"
    for split in ("train", "validation"):
        files = sorted((folder / "documents").glob(f"{split}-*.jsonl.zst"))
        texts = {record["text"].encode() for file in files for record in read_file(file)}
        assert stored_texts(folder, split) == texts
    report = json.loads((folder / "report.json").read_text())
    assert report["tokenizer"]["proof"]["encoder"] == "compiled"


def test_fill_in_the_middle_loses_no_byte(folder: Path) -> None:
    tokenizer = loaded(folder)
    table = token_bytes(tokenizer.backend_tokenizer.to_str())
    fim = {"rate": 1.0, "spm_rate": 0.5, "seed": 3}
    middle, pad = tokenizer.convert_tokens_to_ids("<fim_middle>"), tokenizer.pad_token_id
    lost = transformed = 0
    for plain, changed in zip(
        batches(folder, "train"), batches(folder, "train", fim=fim), strict=True
    ):
        for before, after in zip(plain["input_ids"], changed["input_ids"], strict=True):
            sizes = [sum(len(table[t]) for t in row.tolist()) for row in (before, after)]
            # The room for sentinels is taken from the outer ends, a few tokens a fragment.
            lost += sizes[0] - sizes[1]
            transformed += int((after == middle).sum())
        numbers = changed["num_bytes"].numpy()
        expected = [sum(len(table[t]) for t in row[1:]) for row in changed["input_ids"].tolist()]
        assert np.array_equal(numbers, expected)
        assert (changed["labels"][changed["input_ids"] == pad] == -100).all()
    assert transformed > 100
    assert lost < 40 * transformed


def test_foundrys_text_dataloader(folder: Path) -> None:
    from llmfoundry.data.text_data import build_text_dataloader
    from streaming.base.util import clean_stale_shared_memory

    tokenizer = loaded(folder)
    clean_stale_shared_memory()
    dataset = {"local": str(folder), "split": "train", "shuffle": False, "max_seq_len": 64}
    spec = build_text_dataloader(
        tokenizer=tokenizer,
        device_batch_size=4,
        dataset={**dataset, "num_canonical_nodes": 1, "eos_token_id": tokenizer.eos_token_id},
        drop_last=False,
        num_workers=0,
        pin_memory=False,
        prefetch_factor=None,
        persistent_workers=False,
    )
    ours = next(iter(batches(folder, "train")))
    theirs = next(iter(spec.dataloader))
    assert theirs["input_ids"].tolist() == ours["input_ids"].tolist()
