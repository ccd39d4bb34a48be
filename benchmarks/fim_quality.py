# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What share of the transformed fragments is whole, told by a parser of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from foundry_plugins.data.vocabulary import Vocabulary


class Packed(NamedTuple):
    """A context, and one past the end of each of its fragments."""

    tokens: np.ndarray
    ends: list[int]


class Transformed(NamedTuple):
    """Its tokens, and each fragment's order and first position."""

    tokens: np.ndarray
    orders: list[str]
    starts: list[int]


def quality(
    contexts: Sequence[Packed], found: Sequence[Transformed], vocabulary: Vocabulary
) -> dict[str, Any]:
    """What share of the transformed fragments is whole."""
    counts = {"transformed": 0, "middle": 0, "end": 0, "bytes": 0, "exact_samples": 0}
    for context, out in zip(contexts, found, strict=True):
        is_exact = len(out.tokens) == len(context.tokens)
        bounds = [*out.starts, len(out.tokens)]
        limits = itertools.pairwise([0, *context.ends])
        for number, (order, (first, last)) in enumerate(zip(out.orders, limits, strict=False)):
            if order == "none":
                continue
            piece = out.tokens[bounds[number] : bounds[number + 1]]
            original = context.tokens[first:last]
            middle, end, same = _whole(piece, original, vocabulary)
            counts["transformed"] += 1
            counts["middle"] += middle
            counts["end"] += end
            counts["bytes"] += same
            is_exact &= middle and end and same
        counts["exact_samples"] += is_exact
    total = max(counts["transformed"], 1)
    return {
        "transformed_fragments": counts["transformed"],
        "share_with_the_whole_middle": round(counts["middle"] / total, 5),
        "share_with_an_end_token": round(counts["end"] / total, 5),
        "share_that_reassembles": round(counts["bytes"] / total, 5),
        "share_of_samples_exact": round(counts["exact_samples"] / len(contexts), 5),
    }


def _whole(
    piece: np.ndarray, original: np.ndarray, vocabulary: Vocabulary
) -> tuple[bool, bool, bool]:
    """Whether all the middle is there, the end token is, and the bytes are the document's."""
    ids = piece.tolist()
    end = bool(ids) and ids[-1] == vocabulary.end
    ids = ids[:-1] if end else ids
    if vocabulary.middle not in ids:
        return False, end, False
    position = ids.index(vocabulary.middle)
    before, middle = ids[:position], ids[position + 1 :]
    at = before.index(vocabulary.suffix)
    prefix, suffix = before[:at], before[at + 1 :]
    text = b"".join(vocabulary.token_bytes[t] for t in (*prefix[1:], *middle, *suffix))
    whole = b"".join(vocabulary.token_bytes[t] for t in original.tolist())
    joined = text in whole
    # A middle that was cut short does not reach its suffix, or else the fragment's end.
    reaches = end or bool(suffix) or whole.endswith(text)
    return joined and reaches, end, joined
