# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The command from end to end: what it writes, what it skips, what it refuses."""

from __future__ import annotations

import collections
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from data_prep.document import blob_id
from data_prep.document_file import read_file
from data_prep.languages import language_of
from foundry_plugins.contract.sample import DatasetMetadata, read_fragments
from foundry_plugins.contract.token_bytes import token_bytes

Convert = Callable[..., subprocess.CompletedProcess[str]]


def documents(output: Path) -> list[dict[str, Any]]:
    return [r for p in sorted((output / "documents").iterdir()) for r in read_file(p)]


def samples(folder: Path) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Sample id, tokens and fragments of every sample, read without the streaming library."""
    found = []
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        data = zstandard.ZstdDecompressor().decompress(
            (folder / shard["zip_data"]["basename"]).read_bytes()
        )
        count = int(np.frombuffer(data, "<u4", 1)[0])
        offsets = np.frombuffer(data, "<u4", count + 1, 4)
        for begin, end in itertools.pairwise(offsets):
            size = int(np.frombuffer(data, "<u4", 1, begin)[0])
            rest = data[begin + 4 : end]
            number = int(np.frombuffer(rest, "<u8", 1, size)[0])
            tokens = np.frombuffer(rest, "<u2", -1, size + 8)
            found.append((number, tokens, read_fragments(rest[:size])))
    return found


def test_documents_are_the_files(converted: Path, source_folder: Path) -> None:
    found = documents(converted)
    assert len(found) > 80
    for record in found:
        data = (source_folder / record["path"]).read_bytes()
        assert record["text"].encode() == data
        assert record["origin"] == blob_id(data)
        assert record["language"] == language_of(record["path"])
        assert record["source"] == "code"


def test_no_text_is_on_both_sides(converted: Path) -> None:
    sides = collections.defaultdict(set)
    for record in documents(converted):
        sides[record["split"]].add(record["text"])
    assert sides["train"]
    assert sides["validation"]
    assert not sides["train"] & sides["validation"]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_shards_hold_every_document_of_their_side(converted: Path, split: str) -> None:
    table = token_bytes((converted / "tokenizer/tokenizer.json").read_text())
    pieces: dict[str, list[tuple[int, bytes]]] = collections.defaultdict(list)
    found = samples(converted / split)
    for _, tokens, fragments in found:
        assert len(tokens) == 64
        start = 0
        for fragment in fragments:
            data = b"".join(table[token] for token in tokens[start : fragment["end"]])
            start = int(fragment["end"])
            piece = (int(fragment["document_offset"]), data)
            pieces[fragment["origin"].tobytes().hex()].append(piece)
    pieces.pop("00" * 20)
    rebuilt = {origin: b"".join(d for _, d in sorted(p)) for origin, p in pieces.items()}
    expected = {
        r["origin"]: r["text"].encode() for r in documents(converted) if r["split"] == split
    }
    assert rebuilt == expected
    numbers = [number for number, _, _ in found]
    assert len(set(numbers)) == len(numbers)


def test_metadata_and_report_agree(converted: Path) -> None:
    report = json.loads((converted / "report.json").read_text())
    kept = sum(side["documents"] for side in report["splits"].values())
    assert report["files"] == kept + sum(report["dropped"].values())
    for split, side in report["splits"].items():
        metadata = DatasetMetadata.read(converted / split)
        assert metadata is not None
        assert metadata.split == split
        assert metadata.vocab_size == 512
        assert metadata.token_dtype == "uint16"
        assert metadata.languages == ["Python", "reStructuredText"]
        assert (metadata.eos_token_id, metadata.pad_token_id) == (0, 1)
        assert metadata.tokenizer_fingerprint == report["tokenizer"]["fingerprint"]
        found = samples(converted / split)
        assert metadata.num_samples == side["samples"] == len(found)
        assert metadata.num_documents == side["documents"]
        assert metadata.num_bytes == side["bytes"]
        assert metadata.num_bytes == sum(int(f["num_bytes"].sum()) for _, _, f in found)
        padding = sum(int((tokens == 1).sum()) for _, tokens, _ in found)
        assert metadata.num_tokens == side["tokens"] == 64 * len(found) - padding


def test_a_second_run_skips_and_says_so(
    convert: Convert, converted: Path, source_folder: Path, tree: Callable[[Path], dict[str, bytes]]
) -> None:
    before = tree(converted)
    done = convert(source_folder, converted, "variables.workers=1")
    assert done.stdout.count("already done") == 10
    assert "Nothing was left to do" in done.stdout
    assert tree(converted) == before


@pytest.fixture
def code(tmp_path: Path, source_folder: Path) -> Path:
    """A smaller folder of code, which a test may change."""
    for name in ("asyncio", "json"):
        shutil.copytree(source_folder / name, tmp_path / "code" / name)
    return tmp_path / "code"


def redone(done: subprocess.CompletedProcess[str]) -> set[str]:
    lines = [line for line in done.stdout.splitlines() if " in " in line and "part" in line]
    return {line.split(":")[0] for line in lines}


def test_changes_redo_what_they_affect(convert: Convert, code: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    convert(code, output)
    stale = output / "train/00000/shard.00000.mds"
    stale.write_bytes(b"a reader's decompressed copy")
    # A touched file is read again; its content is the same, so nothing follows.
    os.utime(code / "json/decoder.py")
    assert redone(convert(code, output)) == {"read and filter"}
    # Another sample length leaves documents and vocabulary as they are.
    done = convert(code, output, "variables.sequence_length=32")
    assert redone(done) == {"tokenize and pack", "index documents", "publish"}
    assert not stale.exists()
    # A changed file changes everything after it.
    (code / "json/decoder.py").write_text("# shorter\n" + "def decode(a, b):\n    return a\n" * 3)
    done = convert(code, output, "variables.sequence_length=32")
    assert {"read and filter", "shuffle", "tokenize and pack", "publish"} <= redone(done)
    texts = [record["text"] for record in documents(output)]
    assert any(text.startswith("# shorter") for text in texts)
    # A lost folder comes back without being computed again.
    shutil.rmtree(output / "train")
    assert redone(convert(code, output, "variables.sequence_length=32")) == {"publish"}
    # And the whole equals a run that never knew another state.
    convert(code, tmp_path / "fresh", "variables.sequence_length=32")
    for name in ("train", "validation", "documents", "tokenizer"):
        same = ["diff", "-r", output / name, tmp_path / "fresh" / name]
        assert subprocess.run(same, check=False).returncode == 0


def test_any_language_and_named_drops(convert: Convert, code: Path, tmp_path: Path) -> None:
    for name, text in {
        "src/Main.java": "class Main { int add(int a, int b) { return a + b; } } // sum of two\n",
        "src/main.c": "int main(int argc, char **argv) { return argc > 1 ? 1 : 0; } /* exit */\n",
        "Dockerfile": "FROM scratch\nCOPY one two\nRUN make all install clean && echo done now\n",
        "tiny.py": "x = 1\n",
        "made.py": "# Automatically generated by make.py\n" + "x = 1\ny = 2\n" * 9,
        "photo.png": "not a text",
        "copy.py": (code / "json/encoder.py").read_text(),
        "wide.js": "a = [" + "1234, " * 400 + "]\n",
        "art.py": "# ======== + ======= \n" * 9,
    }.items():
        (code / name).parent.mkdir(exist_ok=True)
        (code / name).write_text(text)
    (code / "latin.py").write_bytes(b"# caf\xe9\n")
    (code / "link.py").symlink_to("tiny.py")
    convert(code, tmp_path / "out")
    report = json.loads((tmp_path / "out/report.json").read_text())
    reasons = (
        *("near_empty", "autogenerated", "not_source", "exact_duplicate", "max_line_length"),
        *("alphanumeric_fraction", "not_utf8", "not_a_file"),
    )
    assert {reason: report["dropped"].get(reason) for reason in reasons} == dict.fromkeys(
        reasons, 1
    )
    assert set(report["languages"]) == {"C", "Dockerfile", "Java", "Python"}
    # copy.py comes first in reading order, so it stays and json/encoder.py goes.
    paths = {record["path"] for record in documents(tmp_path / "out")}
    assert "copy.py" in paths
    assert "json/encoder.py" not in paths


def test_output_inside_the_source_is_not_read(convert: Convert, code: Path) -> None:
    output = code / "runs/data"
    convert(code, output)
    assert redone(convert(code, output)) == set()
    assert "source folder itself" in convert(code, code, check=False).stderr


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The sentence on the standard error of a command that failed as it should."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith(".")
    return line


def test_refusals_about_the_source(convert: Convert, code: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    assert "does not exist" in refusal(convert(tmp_path / "absent", output, check=False))
    line = refusal(convert(tmp_path / "empty", output, check=False))
    assert "holds no file; set `variables.source`" in line
    assert "`variables.sorce` is not a variable" in refusal(
        convert(code, output, "variables.sorce=x", check=False)
    )
    assert not output.exists()
    (tmp_path / "empty/a.txt").write_text("text")
    (tmp_path / "empty/b.py").write_text("x = 1\n")
    line = refusal(convert(tmp_path / "empty", output, check=False))
    assert "None of the 2 files" in line
    assert "(1 near_empty, 1 not_source)" in line


def test_refusals_about_sizes(convert: Convert, code: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    line = refusal(convert(code, output, "variables.vocab_size=60000", check=False))
    assert "too large for this corpus" in line
    # It names a number that works, and the variable to set.
    setting = line.split("set `")[1].split("`")[0]
    assert setting.startswith("variables.vocab_size=")
    line = refusal(convert(code, output, "variables.validation_share=0.00001", check=False))
    assert "drawn for validation" in line
    share = line.split("set `")[1].split("`")[0]
    assert share.startswith("variables.validation_share=")
    for name in ("train", "validation", "tokenizer", "documents", "report.json"):
        assert not (output / name).exists()
    convert(code, output, setting, share)
    report = json.loads((output / "report.json").read_text())
    assert report["splits"]["validation"]["documents"] >= 1
    assert f"variables.vocab_size={report['tokenizer']['vocab_size']}" == setting


def test_one_document_is_not_enough(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/a.py").write_text("def add(a, b):\n    return a + b + 1 + 2 + 3 + 4 + 5\n")
    assert "Only one document" in refusal(convert(tmp_path / "code", tmp_path / "o", check=False))


def test_a_full_disk_is_one_sentence_and_resumes(
    convert: Convert,
    converted: Path,
    source_folder: Path,
    tmp_path: Path,
    tree: Callable[[Path], dict[str, bytes]],
) -> None:
    output = tmp_path / "out"
    for limit in (100, 15_000, 25_000):
        done = convert(
            source_folder,
            output,
            "variables.workers=2",
            check=False,
            preexec_fn=lambda size=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )
        line = refusal(done)
        assert "file too large; free some space or choose another folder" in line
        assert not list(output.rglob("*.partial"))
        assert not (output / "train").exists()
    convert(source_folder, output)
    assert tree(output) == tree(converted)


def test_an_output_that_cannot_be_written(convert: Convert, code: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refusal(convert(code, tmp_path / "file/out", check=False))
    assert "cannot be written: Not a directory; set `output`" in line


def test_help_is_light() -> None:
    program = (
        "import resource, sys; from data_prep.cli import app;"
        "app(['--help'], standalone_mode=False);"
        "heavy = {'torch', 'numpy', 'streaming', 'transformers', 'tokenizers', 'omegaconf'};"
        "sys.exit(f'imports {heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"run" in done.stdout


def test_files_that_differ_in_a_secret_only_are_one(
    convert: Convert, code: Path, tmp_path: Path
) -> None:
    text = (code / "json/decoder.py").read_text()
    for n in range(12):
        copy = f"# contact person{n}@mail.studio\n{text}"
        (code / f"copy{n}.py").write_text(copy)
    convert(code, tmp_path / "out", "redaction={}", "split.validation=0.4")
    texts = [record["text"] for record in documents(tmp_path / "out")]
    assert len(texts) == len(set(texts))
    assert sum(line.startswith("# contact <EMAIL>") for line in texts) == 1


def test_what_was_set_aside_goes_with_its_recipe(
    convert: Convert, code: Path, tmp_path: Path
) -> None:
    convert(code, tmp_path / "out", "keep_dropped=true", "filters=[{max_lines: {limit: 300}}]")
    dropped = [r for p in (tmp_path / "out/dropped").iterdir() for r in read_file(p)]
    assert {record["reason"] for record in dropped} == {"max_lines"}
    counts = collections.Counter(record["language"] for record in dropped)
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["dropped_by_language"] == {"max_lines": counts}
    convert(code, tmp_path / "out", "filters=[{max_lines: {limit: 300}}]")
    assert not (tmp_path / "out/dropped").exists()
