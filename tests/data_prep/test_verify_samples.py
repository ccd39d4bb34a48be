# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Damage inside a shard whose hashes are right is named by sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foundry_plugins.contract.sample import (
    ENDS_DOCUMENT,
    FRAGMENT,
    PADDING,
    REMOVED,
    STARTS_DOCUMENT,
)
from tests.data_prep.damaged_dataset import (
    INDEX,
    SHARD,
    edit_json,
    faults,
    rewrite,
    sample_editor,
    set_field,
)
from tests.data_prep.small_dataset import EOS, LENGTH, NO_TOKEN, VOCAB


def swap_first(fragments: np.ndarray, tokens: np.ndarray) -> None:
    fragments["end"][0] = LENGTH + 1


def not_to_the_end(fragments: np.ndarray, tokens: np.ndarray) -> None:
    fragments["end"][-1] -= 1


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
def test_a_wrong_sample_is_named(dataset: Path, change: Any, fault: str) -> None:
    rewrite(dataset, SHARD, sample_editor(4, change))
    found = faults(dataset)
    assert (SHARD, 4, fault) in found
    assert {sample for file, sample, _ in found if file == SHARD} <= {4, 5}


def test_a_document_that_was_removed_is_no_fault(dataset: Path) -> None:
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

    rewrite(dataset, SHARD, sample_editor(_sample_with_whole_document(dataset), blank))
    assert {file for file, _, _ in faults(dataset)} == {INDEX, "report.json"}

    def subtract(content: dict[str, Any], prefix: str = "num_") -> None:
        for name, number in gone.items():
            content[prefix + name] -= number

    edit_json(dataset / INDEX, lambda index: subtract(index["metadata"]))
    edit_json(dataset / "train/metadata.json", subtract)
    edit_json(dataset / "report.json", lambda report: subtract(report["splits"]["train"], ""))
    assert faults(dataset) == []


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


def test_repeated_sample_ids(dataset: Path) -> None:
    def repeat(raw: bytearray, offsets: np.ndarray) -> None:
        place, other = (int(offsets[n + 1]) - 2 * LENGTH - 8 for n in (3, 2))
        raw[place : place + 8] = raw[other : other + 8]

    rewrite(dataset, SHARD, repeat)
    (found,) = [f for f in faults(dataset) if "repeats" in f[2]]
    assert found[0] == SHARD
    assert found[2].startswith("repeats 1 sample ids of the split, from 4294967")


def test_samples_whose_columns_do_not_fit(dataset: Path) -> None:
    def grow(raw: bytearray, offsets: np.ndarray) -> None:
        raw[int(offsets[2])] += 1

    rewrite(dataset, SHARD, grow)
    assert (SHARD, 2, "has columns that do not add up to its size") in faults(dataset)


@pytest.mark.parametrize("place", [0, 3, 1])
def test_offsets_out_of_order(dataset: Path, place: int) -> None:
    def change(raw: bytearray, offsets: np.ndarray) -> None:
        raw[4 + 4 * place : 8 + 4 * place] = (5).to_bytes(4, "little")

    rewrite(dataset, SHARD, change)
    assert faults(dataset) == [
        (SHARD, None, "has offsets that do not lead through its samples in order")
    ]
