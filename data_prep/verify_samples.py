# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What `foundry_plugins.contract.sample` promises of samples, checked for many at a time.

Shapes: N samples of T tokens; F fragments of all of them, in order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from foundry_plugins.contract.sample import (
    ENDS_DOCUMENT,
    FRAGMENT,
    PADDING,
    REMOVED,
    STARTS_DOCUMENT,
    DatasetMetadata,
)

Fault = tuple[int, str]
_ALL_FLAGS = STARTS_DOCUMENT | ENDS_DOCUMENT | PADDING | REMOVED


@dataclasses.dataclass
class Counts:
    """What samples hold, without padding and what was removed."""

    samples: int = 0
    documents: int = 0
    ends: int = 0
    tokens: int = 0
    bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Block:
    """Some consecutive samples of a shard.

    Attributes:
        places: Their places in the shard, shape N.
        ids: Their ids, shape N.
        tokens: Shape N x T.
        fragments: Shape F.
        owners: Of every fragment the row of its sample in the block, shape F.
    """

    places: np.ndarray
    ids: np.ndarray
    tokens: np.ndarray
    fragments: np.ndarray
    owners: np.ndarray

    @classmethod
    def join(
        cls,
        places: Sequence[int],
        fragments: Sequence[bytes],
        ids: Sequence[bytes],
        tokens: Sequence[bytes],
        metadata: DatasetMetadata,
    ) -> Block:
        """A block from the samples' columns."""
        counts = [len(data) // FRAGMENT.itemsize for data in fragments]
        flat = np.frombuffer(b"".join(tokens), metadata.token_dtype)
        return cls(
            places=np.array(places),
            ids=np.frombuffer(b"".join(ids), "<u8"),
            tokens=flat.reshape(len(places), metadata.sequence_length),
            fragments=np.frombuffer(b"".join(fragments), FRAGMENT),
            owners=np.repeat(np.arange(len(places)), counts),
        )

    def select(self, rows: np.ndarray) -> Block:
        """Some of the samples, by a mask of shape N."""
        if rows.all():
            return self
        kept = rows[self.owners]
        return Block(
            places=self.places[rows],
            ids=self.ids[rows],
            tokens=self.tokens[rows],
            fragments=self.fragments[kept],
            owners=(np.cumsum(rows) - 1)[self.owners[kept]],
        )


def check_block(
    block: Block, metadata: DatasetMetadata, byte_lengths: np.ndarray | None, counts: Counts
) -> Iterator[Fault]:
    """Yields every fault as the sample's place in the shard and a sentence; adds to ``counts``.

    Args:
        block: The samples.
        metadata: Of their split.
        byte_lengths: Of every token id the bytes of a document that it stands for, if known.
        counts: Of the shard.
    """
    length = metadata.sequence_length
    starts, covered = _starts(block, length)
    for place in block.places[~covered]:
        yield int(place), f"has fragments that do not cover its {length} tokens in ascending order"
    starts = starts[covered[block.owners]]
    block = block.select(covered)
    if len(block.places):
        yield from _tokens(block, metadata)
        yield from _fragments(block, starts, metadata)
        yield from _contents(block, starts, metadata, byte_lengths)
        yield from _order(block, starts)
        _count(block, starts, counts)


def _starts(block: Block, length: int) -> tuple[np.ndarray, np.ndarray]:
    """First token of every fragment (F), and which samples are covered without gap (N)."""
    ends = block.fragments["end"].astype(np.int64)
    is_first = np.diff(block.owners, prepend=-1) != 0
    is_last = np.diff(block.owners, append=block.owners[-1] + 1) != 0
    starts = np.where(is_first, 0, np.roll(ends, 1))
    wrong = (ends <= starts) | (ends > length) | (is_last & (ends != length))
    covered = np.ones(len(block.places), dtype=bool)
    covered[block.owners[wrong]] = False
    return starts, covered


def _tokens(block: Block, metadata: DatasetMetadata) -> Iterator[Fault]:
    largest = block.tokens.max(axis=1)
    for row in np.flatnonzero(largest >= metadata.vocab_size):
        yield (
            int(block.places[row]),
            f"holds the token id {largest[row]}, and the vocabulary has {metadata.vocab_size}",
        )


def _fragments(block: Block, starts: np.ndarray, metadata: DatasetMetadata) -> Iterator[Fault]:
    """Each record on its own."""
    fragments = block.fragments
    limits = {
        "language": len(metadata.languages),
        "source": len(metadata.sources),
        "format": len(metadata.formats),
        "flags": _ALL_FLAGS + 1,
    }
    unused = (fragments["flags"] & (PADDING | REMOVED)) != 0
    for field, limit in limits.items():
        wrong = (fragments[field] >= limit) & ~(unused & (field != "flags"))
        yield from _at(block, wrong, f"has a fragment whose {field} is not below {limit}")
    targets = fragments["target"]
    outside = (targets < starts) | (targets > fragments["end"])
    yield from _at(block, outside, "has a fragment whose target is outside of it")
    wrong = ~unused & ~outside & (fragments["format"] == 0) & (targets != starts)
    yield from _at(block, wrong, "has plain text that is not a target from its start")
    begins = (fragments["flags"] & STARTS_DOCUMENT) != 0
    wrong = begins & (fragments["document_offset"] != 0)
    yield from _at(block, wrong, "has a document's start that is not at byte 0 of it")


def _contents(
    block: Block, starts: np.ndarray, metadata: DatasetMetadata, byte_lengths: np.ndarray | None
) -> Iterator[Fault]:
    """Records against tokens."""
    fragments = block.fragments
    length = metadata.sequence_length
    flat = block.tokens.reshape(-1)
    first = block.owners * length + starts
    last = block.owners * length + fragments["end"].astype(np.int64) - 1
    flags = fragments["flags"]
    ends = (flags & ENDS_DOCUMENT) != 0
    wrong = ends & (flat[last] != metadata.eos_token_id)
    yield from _at(block, wrong, "has a document's end without the end-of-text token")
    unused = (flags & (PADDING | REMOVED)) != 0
    yield from _targets(block, starts, flat, metadata)
    other = np.add.reduceat((flat != metadata.pad_token_id).astype(np.int32), first)
    yield from _at(block, unused & (other != 0), "has padding of other tokens than padding")
    if byte_lengths is not None and flat.max() < len(byte_lengths):
        # Fragments cover all tokens, so each reaches to the next one's first.
        sizes = np.add.reduceat(byte_lengths[flat], first)
        wrong = np.where(unused, 0, sizes) != fragments["num_bytes"]
        yield from _at(block, wrong, "has a fragment whose bytes are not those of its tokens")


def _targets(
    block: Block, starts: np.ndarray, flat: np.ndarray, metadata: DatasetMetadata
) -> Iterator[Fault]:
    """Diffs: their targets begin behind a special token."""
    fragments = block.fragments
    targets = fragments["target"].astype(np.int64)
    is_diff = (fragments["format"] != 0) & ((fragments["flags"] & (PADDING | REMOVED)) == 0)
    # At a fragment's start, the token before is in another one.
    inside = is_diff & (starts < targets) & (targets < fragments["end"])
    before = flat[block.owners * metadata.sequence_length + np.where(inside, targets, 1) - 1]
    marks = np.array(sorted({*metadata.sentinels.values()} - {metadata.eos_token_id}), dtype=int)
    yield from _at(
        block, inside & ~np.isin(before, marks), "has a target that begins behind no special token"
    )
    begins = (fragments["flags"] & STARTS_DOCUMENT) != 0
    wrong = is_diff & begins & (targets == starts)
    yield from _at(block, wrong, "has a diff that is a target from its start")


def _order(block: Block, starts: np.ndarray) -> Iterator[Fault]:
    """Each record against the next: a document goes on where it stopped, or ends."""
    targets = block.fragments["target"]
    here, there = block.fragments[:-1], block.fragments[1:]
    unused = PADDING | REMOVED
    ids = block.ids[block.owners].astype(np.int64)
    # A sample that could not be read leaves a gap between the ids.
    joined = np.isin(np.diff(ids), (0, 1)) & ((here["flags"] | there["flags"]) & unused == 0)
    ends = (here["flags"] & ENDS_DOCUMENT) != 0
    begins = (there["flags"] & STARTS_DOCUMENT) != 0
    wrong = np.append(False, joined & (ends != begins))
    yield from _at(block, wrong, "has a document that starts before the last one ended")
    goes_on = joined & ~ends & ~begins
    offset = here["document_offset"].astype(np.int64) + here["num_bytes"]
    same = (here["origin"] == there["origin"]).all(axis=1) & (offset == there["document_offset"])
    same &= here["format"] == there["format"]
    wrong = np.append(False, goes_on & ~same)
    yield from _at(block, wrong, "has a document that does not go on where it stopped")
    begun = goes_on & (here["format"] != 0) & (here["target"] < here["end"])
    wrong = np.append(False, begun & (targets != starts)[1:])
    yield from _at(block, wrong, "has a target that does not go on where it stopped")


def _count(block: Block, starts: np.ndarray, counts: Counts) -> None:
    flags = block.fragments["flags"]
    used = (flags & (PADDING | REMOVED)) == 0
    counts.documents += int((used & ((flags & STARTS_DOCUMENT) != 0)).sum())
    counts.ends += int((used & ((flags & ENDS_DOCUMENT) != 0)).sum())
    counts.tokens += int((block.fragments["end"].astype(np.int64) - starts)[used].sum())
    counts.bytes += int(block.fragments["num_bytes"][used].astype(np.int64).sum())


def _at(block: Block, wrong: np.ndarray, fault: str) -> Iterator[Fault]:
    """The samples of some fragments, each once."""
    for row in np.unique(block.owners[wrong]):
        yield int(block.places[row]), fault
