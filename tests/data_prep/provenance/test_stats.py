# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import collections
import json
from pathlib import Path
from typing import Any

import pytest

from data_prep.document import Document
from data_prep.document_file import read_file
from data_prep.provenance import lookup_index, stats
from data_prep.provenance.charts import bars, largest
from foundry_plugins.contract.sample import PADDING

PNG = b"\x89PNG"


def test_counts_are_those_of_the_texts_and_shards(data: Path, samples: Any) -> None:
    content = stats.stats(data)
    assert json.loads((data / "stats.json").read_text()) == content
    assert (data / "stats.png").read_bytes().startswith(PNG)
    expected = collections.Counter()
    for path in (data / "documents").iterdir():
        for record in read_file(path):
            licence = " OR ".join(record.get("licenses", ())) or "unknown"
            key = (record["split"], record["language"], record["source"], licence)
            expected[key] += len(record["text"].encode())
    axes = ("split", "language", "source", "licence")
    assert {tuple(r[a] for a in axes): r["bytes"] for r in content["counts"]} == dict(expected)
    for split, values in content["splits"].items():
        found = samples(data / split)
        tokens = sum(r["tokens"] for r in content["counts"] if r["split"] == split)
        assert tokens == values["tokens"]
        padding = sum(int((tokens == 1).sum()) for _, tokens, _ in found)
        assert values["padding_share"] == pytest.approx(padding / (64 * len(found)), abs=1e-6)
        lengths = collections.Counter()
        for _, _, fragments in found:
            start = 0
            for fragment in fragments:
                if not fragment["flags"] & PADDING:
                    lengths[(int(fragment["end"]) - start).bit_length() - 1] += 1
                start = int(fragment["end"])
        assert list(values["fragment_tokens"].values()) == [lengths[n] for n in range(7)]
    assert list(values["fragment_tokens"])[-2:] == ["32 to 63", "64 to 64"]


@pytest.mark.parametrize("rows_a_group", [1, 2, 1000])
def test_texts_on_both_sides_are_counted(
    build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_a_group: int
) -> None:
    """However the sorted keys are cut into groups of rows."""
    monkeypatch.setattr(lookup_index, "_ROWS_A_GROUP", rows_a_group)
    documents = [Document.of(f"value = {n}\n" * 9, repository="a/b") for n in range(12)]
    parts = {
        "train-00000": documents[:8] + documents[:3],
        "train-00001": documents[:4],
        "validation-00000": documents[6:],
    }
    root = build(tmp_path / "data", parts)
    assert stats.stats(root)["texts_on_both_sides"] == 2


def test_what_was_written_counts_not_what_was_read(build: Any, tmp_path: Path) -> None:
    """Two files that an edit made equal are one text; one file made two texts is not."""
    secret, other = Document.of("key = 'a'\n" * 9), Document.of("key = 'b'\n" * 9)
    redacted = secret.replace(text="key = '<KEY>'\n" * 9)
    parts = {"train-00000": [redacted], "validation-00000": [redacted.replace(origin=other.origin)]}
    assert stats.stats(build(tmp_path / "equal", parts))["texts_on_both_sides"] == 1
    parts = {"train-00000": [redacted], "validation-00000": [secret]}
    assert stats.stats(build(tmp_path / "other", parts))["texts_on_both_sides"] == 0


def test_no_text_is_on_both_sides(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    content = stats.stats(data)
    assert content["texts_on_both_sides"] == 0
    stats.show(content)
    shown = capsys.readouterr().out
    assert "both in training and in validation: 0" in shown
    assert "Apache-2.0 OR MIT" in shown


def test_charts_of_nothing_and_of_much(tmp_path: Path) -> None:
    bars(tmp_path / "a.png", {"nothing": {}, "much": largest({str(n): n for n in range(99)})})
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)
    assert len(largest({str(n): n for n in range(1, 99)})) == 21
    assert sum(largest({str(n): n for n in range(99)}).values()) == sum(range(99))
