# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What fill-in-the-middle knows of a tokenizer: numpy and the standard library only."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

from foundry_plugins.contract import fim_orders

Encode = Callable[[str], Sequence[int]]


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Ids of the sentinels, text to ids and back, and where text may be cut in two.

    Attributes:
        prefix: Id of the sentinel before the prefix; likewise ``middle`` and ``suffix``.
        end: Id that ends a transformed fragment: ``eos``, or a token of the model family's own.
        eos: Id that ends a document.
        pad: Id that fills a context.
        token_bytes: Bytes of a document by token id; ``b""`` for special tokens.
        encode: Text to ids, one piece by itself, literal sentinel text staying text.
        safe: Shape (256, 256), or None where nothing is known: whether text may be cut between a
            token that ends in byte i and one that begins with byte j without changing any other
            token (`foundry_plugins.data.boundaries`).
        bos: Id that begins a document where a packer writes one, other than ``eos``, or None.
    """

    prefix: int
    middle: int
    suffix: int
    end: int
    eos: int
    pad: int
    token_bytes: Sequence[bytes]
    encode: Encode
    safe: np.ndarray | None = None
    bos: int | None = None

    @property
    def sentinels(self) -> dict[str, int]:
        """Ids by the names that `foundry_plugins.contract.fim_orders.ORDERS` uses."""
        ids = (self.prefix, self.middle, self.suffix, self.end)
        return dict(zip((*fim_orders.SENTINELS, fim_orders.END), ids, strict=True))

    @functools.cached_property
    def byte_lengths(self) -> np.ndarray:
        """Bytes of a document by token id, int64."""
        return np.array([len(piece) for piece in self.token_bytes], dtype=np.int64)

    @functools.cached_property
    def character_counts(self) -> np.ndarray:
        """How many characters begin in a token, by id, int64."""
        counts = [sum(byte & 0xC0 != 0x80 for byte in piece) for piece in self.token_bytes]
        return np.array(counts, dtype=np.int64)

    def text_of(self, fragment: np.ndarray) -> slice:
        """Where the text of a fragment lies: without the ids that begin and end a document."""
        start, stop = 0, len(fragment)
        if start < stop and fragment[stop - 1] == self.eos:
            stop -= 1
        if start < stop and self.bos is not None and fragment[start] == self.bos:
            start += 1
        return slice(start, stop)

    def is_safe(self, left: int, right: int) -> bool:
        """Whether text may be cut between two tokens."""
        before, after = self.token_bytes[left], self.token_bytes[right]
        return self.safe is not None and bool(self.safe[before[-1], after[0]])

    def ids(self, text: str) -> np.ndarray:
        """Token ids of a piece of text, int64."""
        return np.asarray(self.encode(text), dtype=np.int64)
