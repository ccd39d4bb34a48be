# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.document_file import read_file
from data_prep.provenance import fingerprints, lookup_index
from data_prep.provenance.dataset import Dataset, samples_of
from data_prep.provenance.recorder import Recorder
from data_prep.provenance.settings import Provenance
from foundry_plugins.contract.token_bytes import token_bytes


def test_a_row_says_where_its_tokens_are(written: Path, samples: Any) -> None:
    """Read back from the shards by the map alone, every document is its text."""
    dataset = Dataset.open(written)
    assert dataset.parts == ("train-00000", "train-00001", "validation-00000")
    table = token_bytes((written / "tokenizer/tokenizer.json").read_text())
    for split in dataset.splits:
        stored = {number: tokens for number, tokens, _ in samples(written / split)}
        for part in (p for p in dataset.parts if p.startswith(split)):
            texts = [r["text"].encode() for r in read_file(dataset.documents(part))]
            rows = dataset.describe(part, range(len(texts)))
            assert len(rows) == len(texts)
            for row, text in zip(rows, texts, strict=True):
                ids = range(row["first_sample_id"], row["last_sample_id"] + 1)
                stream = np.concatenate([stored[number] for number in ids])
                tokens = stream[row["first_token"] :][: row["num_tokens"]]
                assert b"".join(table[t] for t in tokens) == text
                assert tokens[-1] == 0  # end of text
                assert len(row["fragment_bytes"]) == len(ids)
                assert sum(row["fragment_bytes"]) == row["num_bytes"] == len(text)
                assert row["sha256"] == hashlib.sha256(text).hexdigest()
                # The last may hold nothing but the end of the text.
                last = list(ids)[: len(ids) - (row["fragment_bytes"][-1] == 0)]
                assert samples_of(row, 0, len(text)) == last


def test_bytes_of_a_document_are_found_in_their_sample(written: Path, samples: Any) -> None:
    dataset = Dataset.open(written)
    table = token_bytes((written / "tokenizer/tokenizer.json").read_text())
    stored = {number: (tokens, found) for number, tokens, found in samples(written / "train")}
    row = max(dataset.describe("train-00000", range(99)), key=lambda row: row["num_bytes"])
    ((_, record),) = dataset.records("train-00000", [row["document"]])
    text = record["text"].encode()
    for start in range(0, len(text) - 40, 997):
        ids = samples_of(row, start, start + 40)
        held = b"".join(table[t] for number in ids for t in stored[number][0])
        assert text[start : start + 40] in held
        assert len(ids) <= 2


def test_rows_name_repositories_licences_and_origin(written: Path) -> None:
    dataset = Dataset.open(written)
    rows = [row for part in dataset.parts for row in dataset.describe(part, range(99))]
    by_name = {row["name"]: row for row in rows}
    forked = next(row for row in rows if "carol/fork" in row["repositories"])
    assert forked["repositories"][0] == "alice/asyncio"
    assert forked["licenses"] == ["Apache-2.0", "MIT"]
    redacted = by_name["net/connect.py"]
    assert redacted["swhid"] == f"swh:1:cnt:{redacted['origin']}"
    assert redacted["licenses"] == []
    assert redacted["source"] == "code"


def test_equal_documents_give_equal_bytes(
    build: Any, corpus: Any, written: Path, tmp_path: Path
) -> None:
    again = build(tmp_path / "data", corpus)
    for path in (written / "provenance").iterdir():
        assert path.read_bytes() == (again / "provenance" / path.name).read_bytes(), path.name


def test_attribution_can_be_left_out(build: Any, corpus: Any, tmp_path: Path) -> None:
    root = build(tmp_path / "data", corpus, settings=Provenance(attribution=False))
    assert not list((root / "provenance").glob("*.arrow"))


def test_a_part_without_documents(tmp_path: Path) -> None:
    recorder = Recorder(Provenance())
    names, _ = recorder.write(tmp_path, "train-00007", [], sequence_length=8)
    lookup_index.merge({"train-00007": tmp_path / names[1]}, tmp_path / lookup_index.FILE)
    assert lookup_index.LookupIndex(tmp_path / lookup_index.FILE).find(0, 5) == []
    assert fingerprints.read(tmp_path / names[2]).num_documents == 0


def test_the_code_that_decides_a_part_is_told_without_the_compiler() -> None:
    program = (
        "import sys; from data_prep import provenance; n = len(set(provenance.code()));"
        "sys.exit(n != 6 or 'numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
