# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""From git repositories to shards of diffs, and from the shards back to the commits' files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.document_file import read_file
from data_prep.provenance.lookup import lookup
from data_prep.tokenizers import byte_level, files
from foundry_plugins.contract import diffs
from foundry_plugins.contract.diffs import Piece, Sentinel
from foundry_plugins.contract.sample import ENDS_DOCUMENT, PADDING, DatasetMetadata
from foundry_plugins.contract.token_bytes import token_bytes
from tests.data_prep.git_repository import GitRepository, ordinary
from tests.data_prep.test_convert import samples

MIT = (
    "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n"
)
RECIPE = """
sources:
  commits:
    kind: git_commits
    paths: ["{repositories}/*"]
    format: {{commit: 1, contrast: 1, search_replace: 1, pr: 1, nme_bef_msg_dff: 1}}
  code: {{kind: directory, path: "{repositories}/shelf"}}
licenses: {{policy: permissive, unknown: drop}}
filters: [merge_commits, bot_commits, revert_commits, commit_messages: {{level: starcoder}},
          rename_commits, binary_commits, strip_data_literals: {{}}]
split: {{validation: 0.3}}
tokenizer: {{kind: byte_level_bpe, vocab_size: 420}}
shards: {{sequence_length: 64, part_bytes: 40000}}
output: {output}
workers: 1
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GitRepository]:
    """Two repositories in one folder: one without a licence, of which nothing is taken."""
    folder = tmp_path_factory.mktemp("repositories")
    repository, _ = ordinary(folder / "shelf", number=40, license_text=MIT)
    ordinary(folder / "private", number=3)
    return folder, repository


def convert(folder: Path, output: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    recipe = output.with_suffix(".yaml")
    recipe.write_text(RECIPE.format(repositories=folder, output=output))
    program = str(Path(sys.executable).parent / "convert_dataset")
    command = [program, "run", str(recipe), *overrides]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def shards(history: tuple[Path, GitRepository], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("diffs") / "data"
    done = convert(history[0], output)
    assert done.returncode == 0, done.stdout + done.stderr
    return output


def packed(output: Path, split: str) -> list[tuple[str, str, np.ndarray, int]]:
    """Origin, format, tokens and position of the target of every document in the shards."""
    metadata = DatasetMetadata.read(output / split)
    assert metadata is not None
    found: list[tuple[str, str, np.ndarray, int]] = []
    tokens: list[np.ndarray] = []
    target, length = -1, 0
    for _, sample, fragments in sorted(samples(output / split), key=lambda item: item[0]):
        start = 0
        for fragment in fragments:
            end = int(fragment["end"])
            if not fragment["flags"] & PADDING:
                tokens.append(sample[start:end])
                if target < 0 and fragment["target"] < end:
                    target = length + int(fragment["target"]) - start
                length += end - start
            if fragment["flags"] & ENDS_DOCUMENT:
                name = metadata.formats[fragment["format"]]
                origin = fragment["origin"].tobytes().hex()
                found.append((origin, name, np.concatenate(tokens)[:-1], target))
                tokens, target, length = [], -1, 0
            start = end
    return found


def test_the_shards_lead_from_old_files_to_new_ones(
    shards: Path, history: tuple[Path, GitRepository]
) -> None:
    _, repository = history
    records = [r for p in sorted((shards / "documents").iterdir()) for r in read_file(p)]
    by_text = {(r["origin"], r["text"]): r for r in records}
    table = token_bytes((shards / "tokenizer/tokenizer.json").read_text())
    checked: dict[str, int] = {}
    for split in ("train", "validation"):
        metadata = DatasetMetadata.read(shards / split)
        assert metadata is not None
        assert metadata.formats == ["text", *sorted(diffs.FORMATS)]
        names = {number: name for name, number in metadata.sentinels.items()}
        for origin, name, tokens, target in packed(shards, split):
            pieces = decoded(tokens.tolist(), names, table)
            text = "".join(piece for piece in pieces if isinstance(piece, str))
            record = by_text.pop((origin, text))
            if name == "text":
                assert target == 0
                assert "format" not in record
                continue
            assert record["format"] == name
            assert record["path"].startswith(f"commit/{origin}")
            marks = np.flatnonzero(np.isin(tokens, list(names)))
            assert target == marks[record.get("target", 0)] + 1
            check(repository, record, pieces)
            checked[name] = checked.get(name, 0) + 1
    assert not by_text
    assert set(checked) == set(diffs.FORMATS)


def decoded(tokens: list[int], names: dict[int, str], table: list[bytes]) -> list[Piece]:
    pieces: list[Piece] = []
    data = b""
    for token in tokens:
        if token in names:
            pieces += [data.decode(), Sentinel(names[token])]
            data = b""
        else:
            data += table[token]
    return [piece for piece in (*pieces, data.decode()) if piece]


def check(repository: GitRepository, record: dict[str, Any], pieces: list[Piece]) -> None:
    """Applying a document to the files before gives the files after."""
    commit = record["origin"]
    _, _, path = record["path"].split("/", 2) if record["path"].count("/") > 1 else ("", "", "")
    names = repository.git("diff-tree", "-r", "--root", "--no-commit-id", "--name-only", commit)
    wanted = [path] if path else [name for name in names.decode().split() if name != "LICENSE"]
    is_root = not repository.git("rev-list", "--parents", "-1", commit).split()[1:]
    old = {} if is_root else {n: repository.show(f"{commit}^", n).decode() for n in wanted}
    new = {name: repository.show(commit, name).decode() for name in wanted}
    applied = diffs.get(record["format"]).apply(pieces, old)
    assert applied == new or (record["format"] == "contrast" and not applied)


def test_workers_change_nothing(
    shards: Path,
    history: tuple[Path, GitRepository],
    tmp_path: Path,
    tree: Callable[[Path], dict[str, bytes]],
) -> None:
    done = convert(history[0], tmp_path / "data", "workers=2")
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = tree(shards), tree(tmp_path / "data")
    # The report and the ledger say where and by how many.
    first, second = (json.loads(files.pop("report.json")) for files in (one, two))
    assert first["splits"] == second["splits"]
    published = [
        {name: data for name, data in files.items() if not name.startswith(".work")}
        for files in (one, two)
    ]
    assert published[0] == published[1]


def test_the_report_says_what_was_dropped(shards: Path) -> None:
    report = json.loads((shards / "report.json").read_text())
    assert report["bad_rows"] == {}
    # The other repository has no licence.
    assert report["dropped"]["license_unknown"] >= 3
    assert set(report["sources"]) == {"commits", "code"}


def test_the_dataset_verifies(shards: Path, tmp_path: Path) -> None:
    program = str(Path(sys.executable).parent / "convert_dataset")
    copy = Path(shutil.copytree(shards, tmp_path / "data", ignore=shutil.ignore_patterns(".work")))
    command = [program, "verify", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_documents_are_found_by_their_commit(shards: Path) -> None:
    records = [r for p in sorted((shards / "documents").iterdir()) for r in read_file(p)]
    commit = next(r["origin"] for r in records if "format" in r)
    found = lookup(shards, f"swh:1:rev:{commit}")
    assert found["num_documents"] == sum(r["origin"] == commit for r in records)
    assert {row["swhid"] for row in found["documents"]} == {f"swh:1:rev:{commit}"}


def test_foundrys_text_dataloader(shards: Path, tmp_path: Path) -> None:
    from llmfoundry.data.text_data import build_text_dataloader
    from llmfoundry.utils.builders import build_tokenizer
    from streaming.base.util import clean_stale_shared_memory

    folder = Path(
        shutil.copytree(shards, tmp_path / "data", ignore=shutil.ignore_patterns(".work"))
    )
    tokenizer = build_tokenizer(str(folder / "tokenizer"), {"model_max_length": 64})
    clean_stale_shared_memory()
    spec = build_text_dataloader(
        tokenizer=tokenizer,
        device_batch_size=4,
        dataset={
            "local": str(folder),
            "split": "train",
            "shuffle": False,
            "max_seq_len": 64,
            "num_canonical_nodes": 1,
            "eos_token_id": tokenizer.eos_token_id,
        },
        drop_last=False,
        num_workers=0,
        pin_memory=False,
        prefetch_factor=None,
        persistent_workers=False,
    )
    batches = list(spec.dataloader)
    text = "".join(tokenizer.decode(row) for batch in batches for row in batch["input_ids"])
    assert "<commit_after>" in text
    assert "<pr_diff_hunk>" in text


def test_a_tokenizer_without_the_special_tokens_is_refused(
    history: tuple[Path, GitRepository], tmp_path: Path
) -> None:
    made = json.loads(byte_level.train(["def f(x):\n    return x\n"] * 9, 400))
    dropped = [t for t in made["added_tokens"] if t["content"] == "<commit_after>"]
    made["added_tokens"] = [t for t in made["added_tokens"] if t not in dropped]
    vocabulary = made["model"]["vocab"]
    vocabulary["not special"] = vocabulary.pop("<commit_after>", dropped[0]["id"])
    files.write(tmp_path / "tokenizer", json.dumps(made), files.TRAINED_ROLES, {})
    output = tmp_path / "data"
    done = convert(
        history[0],
        output,
        "tokenizer.kind=pretrained",
        f"tokenizer.path={tmp_path / 'tokenizer'}",
        "tokenizer.vocab_size=null",
    )
    assert done.returncode == 1
    shown = " ".join((done.stdout + done.stderr).split())
    assert "`sources.commits` writes the special token <commit_after>, which" in shown
    assert "set `tokenizer.add_sentinels: true`" in shown
    assert not output.exists()
