# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Sound datasets pass; every kind of damage is named by file and sample."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from data_prep import upload, verify
from data_prep.verify_shard import runs
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.files import write_json
from foundry_plugins.contract.sample import (
    ENDS_DOCUMENT,
    FRAGMENT,
    PADDING,
    REMOVED,
    STARTS_DOCUMENT,
)
from tests.data_prep import small_dataset
from tests.data_prep.s3_server import S3Server
from tests.data_prep.small_dataset import EOS, LENGTH, NO_TOKEN, VOCAB

SHARD = "train/00001/shard.00001.mds.zstd"
INDEX = "train/index.json"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset.build(tmp_path_factory.mktemp("written") / "data")


@pytest.fixture
def data(written: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(written, tmp_path / "data"))


def faults(folder: Path | str, **options: Any) -> list[tuple[str, int | None, str]]:
    """What verify finds, as (file, sample, fault)."""
    result = verify.verify(folder, **options)
    found = [(f["file"], f["sample"], f["fault"]) for f in result["faults"]]
    assert result["num_faults"] >= len(found)
    assert sum(figures["faults"] for figures in result["splits"].values()) <= result["num_faults"]
    return found


def edit_json(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    write_json(path, content)


def entry_of(index: dict[str, Any], name: str) -> dict[str, Any]:
    names = {shard["zip_data"]["basename"]: shard for shard in index["shards"]}
    return names[name.partition("/")[2]]


def rewrite(root: Path, name: str, change: Callable[[bytearray, np.ndarray], None]) -> None:
    """Changes a shard's samples and makes file and index agree again: only the content is wrong."""
    raw = bytearray(zstandard.decompress((root / name).read_bytes()))
    count = int.from_bytes(raw[:4], "little")
    change(raw, np.frombuffer(bytes(raw), "<u4", count + 1, 4))
    stored = zstandard.compress(bytes(raw))
    (root / name).write_bytes(stored)

    def update(index: dict[str, Any]) -> None:
        entry = entry_of(index, name)
        for key, content in (("raw_data", bytes(raw)), ("zip_data", stored)):
            entry[key]["bytes"] = len(content)
            entry[key]["hashes"] = {"sha256": hashlib.sha256(content).hexdigest()}

    edit_json(root / "train/index.json", update)


def sample_editor(
    sample: int, change: Callable[[np.ndarray, np.ndarray], None]
) -> Callable[[bytearray, np.ndarray], None]:
    """Changes the fragments and tokens of one sample in place."""

    def edit(raw: bytearray, offsets: np.ndarray) -> None:
        begin, end = int(offsets[sample]), int(offsets[sample + 1])
        size = int.from_bytes(raw[begin : begin + 4], "little")
        fragments = np.frombuffer(raw, FRAGMENT, size // FRAGMENT.itemsize, begin + 4)
        tokens = np.frombuffer(raw, "<u2", LENGTH, end - 2 * LENGTH)
        change(fragments, tokens)

    return edit


# Sound


@pytest.mark.parametrize("compression", [None, "zstd", "zstd:9"])
def test_a_sound_dataset(tmp_path: Path, compression: str | None) -> None:
    root = small_dataset.build(tmp_path / "data", compression=compression)
    result = verify.verify(root, workers=2)
    verify.require_sound(result)
    report = json.loads((root / "report.json").read_text())["splits"]
    assert result["num_faults"] == 0
    for split in ("train", "validation"):
        figures = result["splits"][split]
        assert {name: figures[name] for name in report[split]} == report[split]
        files = list((root / split).rglob("shard.*"))
        assert figures["shards"] == len(files) > 2
        assert figures["stored_bytes"] == sum(path.stat().st_size for path in files)
        assert (figures["unlisted_files"], figures["faults"]) == (0, 0)


def test_one_split_alone_and_a_home_path(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify.verify(data / "train")["splits"].keys() == {""}
    assert faults(data / "train") == []
    monkeypatch.setenv("HOME", str(data.parent))
    assert faults("~/data/") == []
    monkeypatch.chdir(data)
    assert faults(".") == []


def test_blocks_change_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = verify.verify(data)
    monkeypatch.setattr("data_prep.verify_shard._BLOCK_TOKENS", 3 * LENGTH)
    parts = verify.verify(data)
    assert {**whole, "seconds": 0} == {**parts, "seconds": 0}


def test_another_writers_shards(tmp_path: Path) -> None:
    from streaming import MDSWriter

    options = {"compression": "zstd", "hashes": ["sha1", "xxh3_64"], "size_limit": 2000}
    with MDSWriter(out=str(tmp_path), columns={"text": "str", "n": "int"}, **options) as writer:
        for number in range(100):
            writer.write({"text": "word " * number, "n": number})
    assert faults(tmp_path) == []
    result = verify.verify(tmp_path)["splits"][""]
    assert (result["samples"], result["tokens"]) == (100, 0)
    name = "shard.00002.mds.zstd"
    flip(tmp_path / name)
    assert {file for file, _, _ in faults(tmp_path)} == {name}


def test_in_an_object_store(s3_server: S3Server, bucket: str, data: Path) -> None:
    upload.publish(data, f"{bucket}/a/data")
    here, there = verify.verify(data), verify.verify(f"{bucket}/a/data/", workers=2)
    assert there["url"] == f"{bucket}/a/data"
    assert here["splits"] == there["splits"]
    assert faults(f"{bucket}/a/data/train") == []
    damaged = bytearray((data / SHARD).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    s3_server.fill(bucket, {f"a/data/{SHARD}": bytes(damaged)})
    s3_server.client.delete_object(
        Bucket=bucket.removeprefix("s3://"), Key="a/data/train/00000/shard.00000.mds.zstd"
    )
    found = faults(f"{bucket}/a/data")
    assert ("train/00000/shard.00000.mds.zstd", None, "is missing") in found
    assert {file for file, _, _ in found} == {SHARD, "train/00000/shard.00000.mds.zstd"}


# Files


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("compression", [None, "zstd"])
def test_a_flipped_bit(tmp_path: Path, place: float, compression: str | None) -> None:
    root = small_dataset.build(tmp_path / "data", compression=compression)
    name = SHARD if compression else SHARD.removesuffix(".zstd")
    flip(root / name, place)
    found = faults(root)
    assert {file for file, _, _ in found} == {name}
    assert "has the sha256" in found[0][2]


def test_a_missing_shard(data: Path) -> None:
    (data / SHARD).unlink()
    assert faults(data) == [(SHARD, None, "is missing")]


def test_a_truncated_and_a_lengthened_shard(data: Path) -> None:
    size = (data / SHARD).stat().st_size
    content = (data / SHARD).read_bytes()
    (data / SHARD).write_bytes(content[:-7])
    text = f"has {size - 7} bytes, and {size} by the index"
    assert faults(data) == [(SHARD, None, text)]
    (data / SHARD).write_bytes(content + b"x")
    assert faults(data) == [(SHARD, None, f"has {size + 1} bytes, and {size} by the index")]
    (data / SHARD).write_bytes(b"")
    assert faults(data) == [(SHARD, None, f"has 0 bytes, and {size} by the index")]


def test_a_broken_copy_that_a_reader_decompressed(data: Path) -> None:
    copy = data / SHARD.removesuffix(".zstd")
    raw = zstandard.decompress((data / SHARD).read_bytes())
    copy.write_bytes(raw)
    assert faults(data) == []
    copy.write_bytes(raw[:-1])
    text = "the decompressed copy beside it has"
    assert [(f, t[: len(text)]) for f, _, t in faults(data)] == [(SHARD, text)]


def test_files_that_no_index_names_are_counted(data: Path) -> None:
    (data / "train/00001/shard.00099.mds.zstd").write_bytes(b"of a run that died")
    result = verify.verify(data)
    assert result["num_faults"] == 0
    assert result["splits"]["train"]["unlisted_files"] == 1


# Index, report, tokenizer

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
def test_an_edited_index(data: Path, edit: Edit, file: str, fault: str) -> None:
    edit_json(data / INDEX, edit)
    found = faults(data)
    assert [f for f in found if f[0] == file and fault in f[2]], found
    with pytest.raises(UserError, match=r"Run the conversion \(or the upload\) again"):
        verify.require_sound(verify.verify(data))


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
def test_broken_and_missing_files(data: Path, name: str, content: bytes | None, fault: str) -> None:
    (data / name).unlink() if content is None else (data / name).write_bytes(content)
    found = faults(data)
    assert [file for file, _, text in found if fault in text][:1] == [name], found


def test_a_report_of_other_totals(data: Path) -> None:
    edit_json(data / "report.json", lambda report: report["splits"]["train"].update(bytes=1))
    ((file, _, text),) = faults(data)
    assert (file, text[:25]) == ("report.json", "says 1 bytes for train, w")


# Samples


def swap_first(fragments: np.ndarray, tokens: np.ndarray) -> None:
    fragments["end"][0] = LENGTH + 1


def not_to_the_end(fragments: np.ndarray, tokens: np.ndarray) -> None:
    fragments["end"][-1] -= 1


def set_field(field: str, value: int, place: int = 0) -> Callable[[np.ndarray, np.ndarray], None]:
    def change(fragments: np.ndarray, tokens: np.ndarray) -> None:
        fragments[field][place] = value

    return change


def set_tokens(value: int) -> Callable[[np.ndarray, np.ndarray], None]:
    def change(fragments: np.ndarray, tokens: np.ndarray) -> None:
        tokens[:] = value

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (swap_first, f"has fragments that do not cover its {LENGTH} tokens in ascending order"),
        (not_to_the_end, f"has fragments that do not cover its {LENGTH} tokens in ascending order"),
        (set_field("target", LENGTH + 5), "has a fragment whose target is outside of it"),
        (set_field("num_bytes", 999), "has a fragment whose bytes are not those of its tokens"),
        (set_field("language", 1), "has a fragment whose language is not below 1"),
        (set_field("source", 3), "has a fragment whose source is not below 1"),
        (set_field("format", 9), "has a fragment whose format is not below 1"),
        (set_field("flags", 16), "has a fragment whose flags is not below 16"),
        (set_field("flags", PADDING), "has padding of other tokens than padding"),
        (set_field("flags", REMOVED), "has padding of other tokens than padding"),
        (set_field("flags", 3), "has a document that starts before the last one ended"),
        (set_field("document_offset", 7), "has a document that does not go on where it stopped"),
        (set_tokens(VOCAB), f"holds the token id {VOCAB}, and the vocabulary has {VOCAB}"),
        (set_tokens(EOS), "has a fragment whose bytes are not those of its tokens"),
        (set_tokens(NO_TOKEN), "has a fragment whose bytes are not those of its tokens"),
        (set_field("flags", 2), "has a document's end without the end-of-text token"),
    ],
)
def test_a_wrong_sample_is_named(data: Path, change: Any, fault: str) -> None:
    rewrite(data, SHARD, sample_editor(4, change))
    found = faults(data)
    assert (SHARD, 4, fault) in found
    assert {sample for file, sample, _ in found if file == SHARD} <= {4, 5}


def test_a_document_that_was_removed_is_no_fault(data: Path) -> None:
    """As it is taken out: blanked in place, and out of all totals."""
    gone = {}

    def blank(fragments: np.ndarray, tokens: np.ndarray) -> None:
        (place, *_) = np.flatnonzero(fragments["flags"] == STARTS_DOCUMENT | ENDS_DOCUMENT)
        first = fragments["end"][place - 1] if place else 0
        end = fragments["end"][place]
        size = int(fragments["num_bytes"][place])
        gone.update(documents=1, tokens=int(end - first), bytes=size)
        fragments[place] = np.zeros((), dtype=FRAGMENT)
        fragments["end"][place] = fragments["target"][place] = end
        fragments["flags"][place] = REMOVED
        tokens[first:end] = NO_TOKEN

    rewrite(data, SHARD, sample_editor(_sample_with_whole_document(data), blank))
    assert {file for file, _, _ in faults(data)} == {INDEX, "report.json"}

    def subtract(content: dict[str, Any], prefix: str = "num_") -> None:
        for name, number in gone.items():
            content[prefix + name] -= number

    edit_json(data / INDEX, lambda index: subtract(index["metadata"]))
    edit_json(data / "train/metadata.json", subtract)
    edit_json(data / "report.json", lambda report: subtract(report["splits"]["train"], ""))
    assert faults(data) == []


def _sample_with_whole_document(root: Path) -> int:
    whole = STARTS_DOCUMENT | ENDS_DOCUMENT
    found = []

    def look(raw: bytearray, offsets: np.ndarray) -> None:
        for sample in range(len(offsets) - 1):
            sample_editor(
                sample, lambda f, _, sample=sample: found.append((sample, whole in f["flags"]))
            )(raw, offsets)

    rewrite(root, SHARD, look)
    return next(sample for sample, has in found if has)


def test_repeated_sample_ids(data: Path) -> None:
    def repeat(raw: bytearray, offsets: np.ndarray) -> None:
        place, other = (int(offsets[n + 1]) - 2 * LENGTH - 8 for n in (3, 2))
        raw[place : place + 8] = raw[other : other + 8]

    rewrite(data, SHARD, repeat)
    (found,) = [f for f in faults(data) if "repeats" in f[2]]
    assert found[0] == SHARD
    assert found[2].startswith("repeats 1 sample ids of the split, from 4294967")


def test_samples_whose_columns_do_not_fit(data: Path) -> None:
    def grow(raw: bytearray, offsets: np.ndarray) -> None:
        raw[int(offsets[2])] += 1

    rewrite(data, SHARD, grow)
    assert (SHARD, 2, "has columns that do not add up to its size") in faults(data)


@pytest.mark.parametrize("place", [0, 3, 1])
def test_offsets_out_of_order(data: Path, place: int) -> None:
    def change(raw: bytearray, offsets: np.ndarray) -> None:
        raw[4 + 4 * place : 8 + 4 * place] = (5).to_bytes(4, "little")

    rewrite(data, SHARD, change)
    assert faults(data) == [
        (SHARD, None, "has offsets that do not lead through its samples in order")
    ]


def test_all_faults_are_counted_and_the_first_are_shown(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def spoil(raw: bytearray, offsets: np.ndarray) -> None:
        for sample in range(len(offsets) - 1):
            sample_editor(sample, set_field("target", 99))(raw, offsets)

    count = len(_offsets(data, SHARD)) - 1
    rewrite(data, SHARD, spoil)
    result = verify.verify(data)
    assert result["num_faults"] == count > len(result["faults"]) == 10
    verify.show(result, tmp_path / "verify.json")
    shown = capsys.readouterr().out
    assert f"{SHARD}, sample 0: has a fragment whose target is outside of it" in shown
    assert f"{count} faults" in shown
    assert json.loads((tmp_path / "verify.json").read_text()) == result
    with pytest.raises(UserError, match=rf"data has {count} faults: {SHARD}, sample 0: has a frag"):
        verify.require_sound(result)


def _offsets(root: Path, name: str) -> np.ndarray:
    raw = zstandard.decompress((root / name).read_bytes())
    return np.frombuffer(raw, "<u4", int.from_bytes(raw[:4], "little") + 1, 4)


def test_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no dataset \(index.json\); give the folder of one"):
        verify.verify(tmp_path)


def test_runs() -> None:
    assert runs(np.array([5, 6, 7, 9, 3, 4], dtype=np.uint64)) == [(5, 3), (9, 1), (3, 2)]
    assert runs(np.array([2**63 + 1], dtype=np.uint64)) == [(2**63 + 1, 1)]
