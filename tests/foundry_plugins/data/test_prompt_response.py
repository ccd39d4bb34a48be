# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foundry_plugins.contract.errors import UserError
from tests.foundry_plugins.data.written_shards import T, load_tokenizer, loader, rows, write_columns

TEXTS = {"prompt": "str", "response": "str"}


def encode(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


@pytest.mark.parametrize("name", ["response", "completion"])
def test_the_response_and_its_end_are_learned(root: Path, tmp_path: Path, name: str) -> None:
    tokenizer = load_tokenizer(root)
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    pairs = [("def f(x):", " return x"), ("", "<fim_middle>é"), ("# é\n", "")]
    write_columns(
        tmp_path / "train",
        {"prompt": "str", name: "str"},
        [{"prompt": prompt, name: response} for prompt, response in pairs],
    )
    # Not even asked for is it cut.
    spec = loader(
        tokenizer, local=str(tmp_path), split="train", fim={"rate": 1.0}, sequence_id=True
    )
    for row, (prompt, response) in zip(rows(spec), pairs, strict=True):
        given, learned = encode(tokenizer, prompt), [*encode(tokenizer, response), eos]
        rest = T - len(given) - len(learned)
        assert row["input_ids"] == [*given, *learned, *[pad] * rest]
        assert row["labels"] == [*[-100] * len(given), *learned, *[-100] * rest]
        assert row["sequence_id"] == [0] * (T - rest) + [1] * rest
        # The first position is never predicted.
        bytes_of_first = 0 if given else len("<")
        assert row["num_bytes"] == len(response.encode()) - bytes_of_first
        assert row["stored_tokens"] == T - rest
        assert row["cut_tokens"] == row["dropped_tokens"] == 0
    batch = next(iter(loader(tokenizer, local=str(tmp_path), split="train").dataloader))
    assert batch["total_tokens"] == (batch["input_ids"] != pad).sum(1).tolist()
    assert batch["loss_generating_tokens"] == (batch["labels"][:, 1:] != -100).sum(1).tolist()


def test_what_is_too_long_loses_the_start_of_what_is_given(root: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(root)
    eos = tokenizer.eos_token_id
    long, short = "x = 1\n" * 60, "return 7"
    pairs = [{"prompt": long, "response": short}, {"prompt": short, "response": long}]
    write_columns(tmp_path / "train", TEXTS, pairs)
    first, second = rows(loader(tokenizer, local=str(tmp_path), split="train"))
    long_ids, short_ids = encode(tokenizer, long), encode(tokenizer, short)
    expected = [*long_ids, *short_ids, eos]
    assert first["input_ids"] == expected[-T:]
    assert first["cut_tokens"] == len(expected) - T
    assert [label for label in first["labels"] if label >= 0] == [*short_ids, eos]
    assert second["input_ids"] == second["labels"] == long_ids[:T]
    assert second["cut_tokens"] == len(expected) - T


def test_turns_of_foundrys_converter(root: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(root)
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    turns = [
        {"input_ids": [100, 101], "labels": [102, eos]},
        {"input_ids": [103], "labels": [104, 105]},
    ]
    write_columns(tmp_path / "train", {"turns": "json"}, [{"turns": turns}])
    (row,) = rows(loader(tokenizer, local=str(tmp_path), split="train"))
    assert row["input_ids"] == [100, 101, 102, eos, 103, 104, 105, eos, *[pad] * (T - 8)]
    assert row["labels"] == [*[-100] * 5, 104, 105, eos, *[-100] * (T - 8)]
    turns[1]["labels"] = [9000]
    write_columns(tmp_path / "other", {"turns": "json"}, [{"turns": turns}])
    with pytest.raises(UserError, match="holds ids of 512 or more"):
        rows(loader(tokenizer, local=str(tmp_path), split="other"))


def test_all_kinds_stand_beside_each_other(root: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(root)
    write_columns(tmp_path / "pairs", TEXTS, [{"prompt": "a", "response": "b"}] * 8)
    ids = [100] * (T - 1) + [tokenizer.eos_token_id]
    packed = [{"tokens": np.array(ids, dtype=np.uint16)}] * 8
    write_columns(tmp_path / "packed", {"tokens": "ndarray:uint16"}, packed)
    spec = loader(
        tokenizer,
        streams={
            "pairs": {"local": str(tmp_path), "split": "pairs"},
            "packed": {"local": str(tmp_path), "split": "packed"},
            "own": {"local": str(root / "data"), "split": "train", "choose": 8},
        },
        shuffle=True,
        fim={"rate": 1.0},
        report=True,
    )
    assert {"Python", "prompt_response", "unknown"} <= {*spec.dataloader.dataset.report.languages}
    found = rows(spec)
    assert len(found) == 24
    groups = {group for row in found for group in row["report_group"] if group >= 0}
    names = {spec.dataloader.dataset.report.names[group] for group in groups}
    assert ("left_to_right", "prompt_response") in names
    assert {language for _, language in names} == {"Python", "prompt_response", "unknown"}
