# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""``diff:`` and per-stream ``fim:``, on shards that hold files and commits."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.pack import TokenDocument
from foundry_plugins.contract.errors import UserError
from tests.foundry_plugins.data.written_shards import T, load_tokenizer, loader, rows, write_own

MARKERS = ("<commit_before>", "<commit_msg>", "<commit_after>")


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: Any) -> Path:
    """A file, a commit, a file, ... so that many contexts cut a commit somewhere."""
    tokenizer = load_tokenizer(root)
    before, message, after = tokenizer.convert_tokens_to_ids(list(MARKERS))

    def encode(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    documents = []
    for n in range(40):
        origin = hashlib.sha1(str(n).encode()).digest()
        file = encode(f"def f{n}(x):\n    return x + {n}\n" * (n % 3 + 1))
        documents.append(TokenDocument(np.array(file), origin))
        given = [before, *encode(f"old = {n}\n"), message, *encode("Change it"), after]
        commit = [*given, *encode(f"new = {n + 1}\n" * (n % 5 + 1))]
        documents.append(TokenDocument(np.array(commit), origin, format=1, target=len(given)))
    out = tmp_path_factory.mktemp("diffs")
    write_own(out / "train", tokenizer, documents, formats=["text", "commit"])
    return out


def read(root: Path, folder: Path, **section: Any) -> list[dict[str, Any]]:
    section = {"split": "train", **section}
    return rows(loader(load_tokenizer(root), local=str(folder), **section))


def expected_labels(ids: list[int], marks: list[int], eos: int, pad: int, open_: bool) -> Any:
    """Slowly, from the tokens alone: which are learned, and whether a commit's input goes on."""
    labels = []
    given = open_
    for token in ids:
        given = given or token == marks[0]
        labels.append(-100 if given or token == pad else token)
        given = given and token not in (marks[2], eos)
    return labels, given


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_target_only_learns_files_and_what_follows_the_last_marker(
    root: Path, folder: Path, rate: float
) -> None:
    tokenizer = load_tokenizer(root)
    marks = tokenizer.convert_tokens_to_ids(list(MARKERS))
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    plain = read(root, folder)
    found = read(root, folder, diff={"loss": "target_only"}, fim={"rate": rate})
    going_on = False
    masked = 0
    for before, row in zip(plain, found, strict=True):
        # Cutting files moves commits in the row, but changes none of them.
        labels, _ = expected_labels(row["input_ids"], marks, eos, pad, going_on)
        _, going_on = expected_labels(before["input_ids"], marks, eos, pad, going_on)
        assert row["labels"] == labels
        assert before["labels"] == [-100 if t == pad else t for t in before["input_ids"]]
        masked += labels.count(-100)
    assert masked > 200


def test_commits_are_cut_only_when_asked(root: Path, folder: Path) -> None:
    tokenizer = load_tokenizer(root)
    marks = tokenizer.convert_tokens_to_ids(list(MARKERS))
    middle = tokenizer.convert_tokens_to_ids("<fim_middle>")
    eos = tokenizer.eos_token_id

    def commits(found: list[dict[str, Any]]) -> list[list[int]]:
        stream = [token for row in found for token in row["input_ids"]]
        parts, part = [], []
        for token in stream:
            part.append(token)
            if token == eos:
                parts.append(part)
                part = []
        return [part for part in parts if marks[0] in part]

    plain = commits(read(root, folder))
    assert len(plain) == 40
    left_alone = commits(read(root, folder, fim={"rate": 1.0}))
    whole = [part for part in left_alone if part in plain]
    # A commit behind a context edge may have a fragment in front of it that was cut.
    assert len(whole) >= 30
    assert not any(middle in part for part in whole)
    # Their markers are special tokens, which no cut may tear: they stay even when asked for.
    asked = commits(read(root, folder, fim={"rate": 1.0}, diff={"fim": True}))
    assert sum(middle in part for part in asked) >= sum(middle in part for part in left_alone)


@pytest.mark.parametrize(
    ("diff", "message"),
    [
        ({"los": "full"}, r"`dataset.diff.los` is not a known key .did you mean 'loss'"),
        ({"loss": "target"}, r"`dataset.diff.loss` must be full or target_only, got 'target'"),
        (True, r"`dataset.diff` must be keys with values, got True"),
        ({"fim": 1}, r"`dataset.diff.fim` must be true or false, got 1"),
        ({"fim": True, "loss": "target_only"}, r"`dataset.diff.fim` mixes"),
    ],
)
def test_mistakes_in_diff(root: Path, folder: Path, diff: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(root, folder, diff=diff)


def test_a_stream_overrides_key_by_key(root: Path, folder: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(root)
    (tmp_path / "again").symlink_to(root / "data")
    streams = {
        "whole": {"local": str(root / "data"), "split": "validation", "fim": {"rate": 0.0}},
        "suffix_first": {
            "local": str(tmp_path / "again"),
            "split": "train",
            "choose": 40,
            "fim": {"spm_rate": 1.0, "spm_variant": "spm1"},
        },
        "default": {"local": str(folder), "split": "train"},
    }
    spec = loader(tokenizer, streams=streams, fim={"rate": 1.0, "spm_rate": 0.0})
    dataset = spec.dataloader.dataset
    prefix, suffix, middle = tokenizer.convert_tokens_to_ids(
        ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"]
    )
    orders: dict[int, set[tuple[int, ...]]] = {0: set(), 1: set(), 2: set()}
    for row in dataset:
        special = [t for t in row["input_ids"].tolist() if t in (prefix, suffix, middle)]
        threes = [tuple(special[i : i + 3]) for i in range(0, len(special), 3)]
        orders[dataset.place(row["number"]).stream] |= set(threes)
    assert orders == {
        0: set(),
        1: {(suffix, prefix, middle)},
        2: {(prefix, suffix, middle)},
    }


@pytest.mark.parametrize(
    ("fim", "message"),
    [
        ({"rat": 1}, r"`dataset.streams.a.fim.rat` is not a known key .did you mean 'rate'"),
        ({"rate": 2}, r"`dataset.streams.a.fim.rate` must be in \[0, 1\], got 2"),
        ({"level": "file"}, r"`dataset.streams.a.fim.level` must be one of context, document"),
        ({"spans": {"word": 1}}, r"`dataset.streams.a.fim.spans` knows the kinds"),
        ({"spans": ["line"]}, r"`dataset.streams.a.fim.spans` must give kinds weights, as in"),
        ({"spans": {"line": float("nan")}}, r"`dataset.streams.a.fim.spans.line` must be a weight"),
        (0.5, r"`dataset.streams.a.fim` must be keys with values, got 0.5"),
        ({"seed": 1 << 80}, r"`dataset.streams.a.fim.seed` must be below 2\*\*63"),
        ({"sentinels": 5}, r"`dataset.streams.a.fim.sentinels` must be a name, got 5"),
        ({"seed": 1.5}, r"`dataset.streams.a.fim.seed` must be a whole number, got 1.5"),
        ({"reseed_each_epoch": "no"}, r"fim.reseed_each_epoch` must be true or false, got 'no'"),
        ({"sentinels": "santacoder"}, r"has no token '<fim-prefix>'"),
        ({"sentinels": "santa"}, r"`fim.sentinels` must be one of"),
    ],
)
def test_mistakes_in_a_streams_fim(
    root: Path, folder: Path, fim: dict[str, Any], message: str
) -> None:
    streams = {"a": {"local": str(folder), "split": "train", "fim": fim}}
    with pytest.raises(UserError, match=message):
        loader(load_tokenizer(root), streams=streams, fim={"seed": 1})


def test_other_mistakes(root: Path) -> None:
    common = {"local": str(root / "data"), "split": "train"}
    with pytest.raises(UserError, match=r"`dataset.report` must be true or false, got 'yes'"):
        loader(load_tokenizer(root), report="yes", **common)
    with pytest.raises(UserError, match=r"`dataset.streams` names no stream"):
        loader(load_tokenizer(root), streams={})
    for section, name in (([common], "streams"), ({"a": "x"}, "streams.a")):
        with pytest.raises(UserError, match=f"`dataset.{name}` must be keys with values"):
            loader(load_tokenizer(root), streams=section)
    with pytest.raises(UserError, match=r"`dataset.fim` must be keys with values, got True"):
        loader(load_tokenizer(root), fim=True, **common)


def test_rows_say_what_was_dropped(root: Path) -> None:
    tokenizer = load_tokenizer(root)
    found = read(root, root / "data", split="validation", fim={"rate": 1.0})
    plain = read(root, root / "data", split="validation")
    stored = sum(row["stored_tokens"] for row in found)
    assert stored == sum(token != tokenizer.pad_token_id for r in plain for token in r["input_ids"])
    dropped = [row["dropped_tokens"] for row in found]
    # Three sentinels, an end, and a few tokens that two cuts cost, for each fragment.
    assert 0 < max(dropped) < T / 2
    assert all(row["cut_tokens"] == 0 for row in found)


def test_a_batch_of_inputs_alone_trains_as_nothing() -> None:
    """Composer divides the loss of a batch by its learned tokens, as they are counted here."""
    from foundry_plugins.data.dataloader import _count_tokens

    counts = _count_tokens({"total_tokens": [7, 5], "loss_generating_tokens": [0, 0]})
    assert counts["total"] == 12
    assert 0 < counts["loss_generating"] < 1e-6
    counts = _count_tokens({"total_tokens": [7, 5], "loss_generating_tokens": [3, 1]})
    assert counts["loss_generating"] == 4
    # Ranks add them up: all floats, or all integers.
    assert isinstance(counts["loss_generating"], float)
