# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Who goes where: train or validation, which part, and in which order.

All three are hashes of (seed, path), so a document's place depends on no other document, on no
worker and on no order of reading. A file is never split across the two sides.
"""

from __future__ import annotations

from foundry_plugins.contract.stateless_hash import below, hash64, uniform

TRAIN = "train"
VALIDATION = "validation"
SPLITS = (TRAIN, VALIDATION)


def split_draw(seed: int, path: str) -> float:
    """A document's draw in [0, 1); below the validation share it is held out."""
    return uniform(seed, path, "split")


def split_of(draw: float, validation_share: float) -> str:
    """The side that a draw falls on."""
    return VALIDATION if draw < validation_share else TRAIN


def part_of(seed: int, path: str, num_parts: int) -> int:
    """The part, out of ``num_parts``, that a document is packed in."""
    return below(num_parts, seed, path, "part")


def order_in_part(seed: int, source: str, path: str) -> tuple[int, str, str]:
    """The sort key of a document within its part: shuffled, and total even if two hashes tie."""
    return hash64(seed, path, "order"), source, path


def part_name(split: str, part: int) -> str:
    """How files of a part are called, e.g. ``train-00003``."""
    return f"{split}-{part:05}"
