# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Who goes where: train or validation, which part, and in which order.

All three are hashes of (seed, name), so a document's place depends on no other document, on no
worker and on no order of reading. A file is never split across the two sides; nor is a repository,
where the split is by repository.
"""

from __future__ import annotations

from data_prep.document import Document
from foundry_plugins.contract.stateless_hash import below, uniform

TRAIN = "train"
VALIDATION = "validation"
SPLITS = (TRAIN, VALIDATION)

DOCUMENT = "document"
REPOSITORY = "repository"


def unit_of(document: Document, by: str) -> str:
    """The name that is drawn for a document: its own, or its repository's where it has one."""
    return document.repository or document.name if by == REPOSITORY else document.name


def split_draw(seed: int, name: str) -> float:
    """A draw in [0, 1); below the validation share a document is held out."""
    return uniform(seed, name, "split")


def split_of(draw: float, validation_share: float) -> str:
    """The side that a draw falls on."""
    return VALIDATION if draw < validation_share else TRAIN


def part_of(seed: int, name: str, num_parts: int) -> int:
    """The part, out of ``num_parts``, that a document is packed in."""
    return below(num_parts, seed, name, "part")


def part_name(split: str, part: int) -> str:
    """How files of a part are called, e.g. ``train-00003``."""
    return f"{split}-{part:05}"
