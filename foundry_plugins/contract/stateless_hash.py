# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The hash that replaces random generators.

A draw is a function of its keys, e.g. ``uniform(seed, epoch, sample_id, fragment, "rate")``, and of
nothing else: no draw depends on how many came before it, so worker count, batch size, world size
and resumption cannot change a sample.

``hash64`` is BLAKE2b (RFC 7693) with an 8-byte digest over the keys, each written as a type byte
and a length-prefixed value, so that ``("ab", "c")`` and ``("a", "bc")`` differ.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

Key = int | str | bytes


def hash64(*keys: Key) -> int:
    """A uniform integer in [0, 2**64) decided by ``keys`` (integers of at most 72 signed bits)."""
    digest = blake2b(digest_size=8)
    for key in keys:
        if isinstance(key, int):
            digest.update(b"i" + key.to_bytes(9, "little", signed=True))
        else:
            tag, data = (b"s", key.encode()) if isinstance(key, str) else (b"b", key)
            digest.update(tag + struct.pack("<Q", len(data)) + data)
    return int.from_bytes(digest.digest(), "little")


def uniform(*keys: Key) -> float:
    """A uniform float in [0, 1) with 53 random bits."""
    return (hash64(*keys) >> 11) * 2.0**-53


def below(bound: int, *keys: Key) -> int:
    """A uniform integer in [0, bound); the bias is below bound / 2**64."""
    return (hash64(*keys) * bound) >> 64
