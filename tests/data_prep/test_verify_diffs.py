# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What samples of diffs promise: where their targets begin, and go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from data_prep.pack import TokenDocument, pack
from data_prep.verify_samples import Block, Counts, check_block
from foundry_plugins.contract.sample import DatasetMetadata, sample_id

LENGTH, EOS, PAD, MARK, WORD = 8, 0, 1, 2, 10
METADATA = DatasetMetadata(
    split="train",
    sequence_length=LENGTH,
    token_dtype="uint16",
    vocab_size=20,
    eos_token_id=EOS,
    pad_token_id=PAD,
    sentinels={"<|endoftext|>": EOS, "<|pad|>": PAD, "<commit_after>": MARK},
    tokenizer_fingerprint="",
    languages=["Python"],
    sources=["commits"],
    formats=["text", "commit"],
    recipe_hash="",
    num_samples=0,
    num_documents=0,
    num_tokens=0,
    num_bytes=0,
)


def block(*targets: int) -> Block:
    """Diffs of ten tokens, whose targets begin at these; the token before is special."""
    documents = []
    for n, target in enumerate(targets):
        tokens = np.full(10, WORD, dtype=np.uint32)
        tokens[target - 1] = MARK
        documents.append(TokenDocument(tokens, bytes([n]) * 20, format=1, target=target))
    packed = pack(
        documents,
        sequence_length=LENGTH,
        eos=EOS,
        pad=PAD,
        byte_lengths=(np.arange(20) >= WORD).astype(np.int64),
        dtype="uint16",
    )
    count = len(packed.tokens)
    return Block.join(
        list(range(count)),
        [fragments.tobytes() for fragments in packed.fragments],
        [np.uint64(sample_id(0, n)).tobytes() for n in range(count)],
        [row.tobytes() for row in packed.tokens],
        METADATA,
    )


def faults(found: Block) -> list[str]:
    table = (np.arange(20) >= WORD).astype(np.int64)
    return [fault for _, fault in check_block(found, METADATA, table, Counts())]


@pytest.mark.parametrize("target", range(1, 11))
def test_targets_anywhere_are_right(target: int) -> None:
    assert faults(block(target, 5, target)) == []


def moved(number: int, by: int) -> Callable[[np.ndarray], None]:
    def change(fragments: np.ndarray) -> None:
        fragments["target"][number] += by

    return change


def as_text(fragments: np.ndarray) -> None:
    fragments["format"][0] = 0


def from_start(fragments: np.ndarray) -> None:
    fragments["target"][0] = 0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (moved(0, 1), "has a target that begins behind no special token"),
        (from_start, "has a diff that is a target from its start"),
        (as_text, "has plain text that is not a target from its start"),
        (moved(1, 2), "has a target that does not go on where it stopped"),
    ],
)
def test_wrong_targets_are_found(change: Callable[[np.ndarray], None], fault: str) -> None:
    right = block(4, 5)
    fragments = right.fragments.copy()
    change(fragments)
    assert fault in faults(dataclasses.replace(right, fragments=fragments))
