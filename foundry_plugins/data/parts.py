# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A transformed context taken apart again, for people to look at: what each run of tokens is."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from foundry_plugins.contract.fim_orders import (
    MIDDLE_SENTINEL,
    NONE,
    PREFIX_SENTINEL,
    SPM2,
    SUFFIX_SENTINEL,
)
from foundry_plugins.contract.stateless_hash import Key
from foundry_plugins.data import fim, spans
from foundry_plugins.data.options import FIMOptions
from foundry_plugins.data.pieces import Body
from foundry_plugins.data.shards.sample import PADDING, Sample
from foundry_plugins.data.vocabulary import Vocabulary

PLAIN, INPUT, TARGET, SENTINEL = "plain", "input", "target", "sentinel"
PREFIX, MIDDLE, SUFFIX = "prefix", "middle", "suffix"


@dataclasses.dataclass(frozen=True)
class Part:
    """Tokens ``start`` to ``stop`` of a context, which are one thing."""

    name: str
    start: int
    stop: int


@dataclasses.dataclass(frozen=True)
class Cutting:
    """How a fragment was cut.

    Attributes:
        kind: Of the middle, of `foundry_plugins.data.spans.KINDS`.
        middle: Its text.
    """

    kind: str
    middle: str


def cutting_of(
    sample: Sample, number: int, order: str, vocabulary: Vocabulary, options: FIMOptions, *key: Key
) -> Cutting:
    """Draws once more how a transformed fragment was cut.

    Args:
        sample: As it was stored.
        number: Of the fragment.
        order: What it was transformed to.
        vocabulary: The tokenizer.
        options: Of the stream.
        key: All keys of the sample but the seed.
    """
    start = sample.fragments[number - 1].end if number else 0
    fragment, settings = sample.fragments[number], options.settings
    tokens = sample.tokens[start : fragment.end]
    body = Body.of(tokens[vocabulary.text_of(tokens)], vocabulary)
    assert body is not None, f"a fragment in order {order} has text"
    keys = (options.seed, *key, number)
    kind = spans.choose_kind(settings.spans, *keys)
    limit = settings.max_middle_chars
    first, last = spans.draw(kind, body.text, fragment.language, limit, *keys, "cut")
    return Cutting(kind, body.text[first:last])


def parts_of(
    context: fim.Context,
    number: int,
    *,
    vocabulary: Vocabulary | None,
    byte_lengths: np.ndarray,
    num_inputs: int = 0,
    cutting: Cutting | None = None,
    is_padding: bool = False,
) -> Iterator[Part]:
    """The parts of one fragment, in order, without gaps.

    Args:
        context: The transformed context.
        number: Of the fragment.
        vocabulary: Of its stream; only for a fragment that was cut.
        byte_lengths: Document bytes by token id; special tokens have none.
        num_inputs: Tokens at its start that are given.
        cutting: How it was cut, or None.
        is_padding: Whether it is padding.
    """
    start, stop = np.searchsorted(context.numbers, [number, number + 1]).tolist()
    if is_padding or number >= len(context.modes) or start == stop:
        yield from _runs(start, [PADDING] * (stop - start))
        return
    tokens = context.tokens[start:stop]
    mode = context.modes[number]
    if mode == NONE or vocabulary is None or cutting is None:
        names = [INPUT] * num_inputs + [TARGET if num_inputs else PLAIN] * (
            len(tokens) - num_inputs
        )
    else:
        names = _names(tokens, mode, vocabulary, byte_lengths, cutting)
    special = byte_lengths[tokens] == 0
    yield from _runs(start, [SENTINEL if s else n for s, n in zip(special, names, strict=True)])


def _names(
    tokens: np.ndarray, mode: str, vocabulary: Vocabulary, lengths: np.ndarray, cutting: Cutting
) -> list[str]:
    """The part of every token of a fragment that was cut."""
    ids = vocabulary.sentinels
    follows = {
        ids[PREFIX_SENTINEL]: PREFIX,
        ids[SUFFIX_SENTINEL]: SUFFIX,
        ids[MIDDLE_SENTINEL]: PREFIX if mode == SPM2 else MIDDLE,
    }
    names: list[str] = []
    current = PLAIN
    for token in tokens.tolist():
        current = follows.get(token, current)
        names.append(current)
    if mode == SPM2:
        # No sentinel stands between prefix and middle; the middle is known by its length. Encoded
        # jointly, one token may hold bytes of both and counts as prefix.
        behind = np.cumsum(lengths[tokens][::-1])[::-1]
        num_bytes = len(cutting.middle.encode("utf-8"))
        is_middle = behind <= num_bytes
        names = [MIDDLE if middle else n for middle, n in zip(is_middle, names, strict=True)]
    return names


def _runs(start: int, names: list[str]) -> Iterator[Part]:
    edges = [i for i in range(1, len(names)) if names[i] != names[i - 1]]
    bounds = [0, *edges, len(names)] if names else []
    for first, last in itertools.pairwise(bounds):
        yield Part(names[first], start + first, start + last)
