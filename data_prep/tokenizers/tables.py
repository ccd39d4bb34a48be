# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A ``tokenizer.json`` as arrays for the compiled encoder, or why that is not possible."""

from __future__ import annotations

import functools
import itertools
from typing import Any, NamedTuple

import numpy as np

from data_prep.tokenizers.merging import Merges
from data_prep.tokenizers.merging import fill as fill_merges
from data_prep.tokenizers.patterns import GPT2, JOINED, SPACED, WHOLE, Splitter, recognise
from data_prep.tokenizers.scanners import ALONE, LETTER, NEWLINE, NUMBER, OTHER, SPACE
from data_prep.tokenizers.sentencepiece_conversion import exact_score
from data_prep.tokenizers.viterbi import Entries
from data_prep.tokenizers.viterbi import fill as fill_entries
from foundry_plugins.contract.token_bytes import byte_level_alphabet, byte_token, is_byte_level

_NUM_CODE_POINTS = 0x110000
# Where no letter, number or space is or ever will be: surrogates, planes without a character or a
# plan for one (Unicode's roadmaps), and those for private use.
_EMPTY = ((0xD800, 0xE000), (0x40000, 0xE0000), (0xF0000, _NUM_CODE_POINTS))
# As in the tokenizers library: how much less likely an unknown character is than any entry.
_UNKNOWN_PENALTY = 10.0
# Empty places for each full one, so that a search ends soon.
_ROOM = 4


class Tables(NamedTuple):
    """Everything that `data_prep.tokenizers.kernels` works with."""

    splitter: Splitter
    classes: np.ndarray
    merges: Merges
    entries: Entries


class Unsupported(Exception):
    """A tokenizer that only the tokenizers library can apply; the message says why."""


def build(content: dict[str, Any]) -> Tables:
    """The tables of a parsed ``tokenizer.json``.

    Raises:
        Unsupported: if the compiled encoder would give other ids.
    """
    model = content["model"]
    byte_level = is_byte_level(content)
    _require_plain(content, byte_level)
    splitter = recognise(content.get("pre_tokenizer"), byte_level=byte_level)
    if splitter is None:
        raise Unsupported("its pre_tokenizer is not one of the known patterns")
    if model["type"] == "Unigram":
        merges, entries = _no_merges(), _entries(model)
    else:
        merges, entries = _merges(model, byte_level), _no_entries()
    if splitter.scanner == SPACED and _sums_are_exact(model):
        return Tables(Splitter(JOINED), _joined(model), merges, entries)
    return Tables(splitter, _classes_for(splitter), merges, entries)


def _classes_for(splitter: Splitter) -> np.ndarray:
    if splitter.scanner in (SPACED, WHOLE):
        return np.zeros(0, dtype=np.uint8)
    return classes(splitter.scanner == GPT2 and splitter.digits == 1)


def _sums_are_exact(model: dict[str, Any]) -> bool:
    """Whether the likelihood of a piece's parts adds up to that of the whole without rounding."""
    return model["type"] == "BPE" or all(score == exact_score(score) for _, score in model["vocab"])


def _joined(model: dict[str, Any]) -> np.ndarray:
    """By ``first << 7 | second``: whether some entry holds these two ASCII characters in a row."""
    joined = np.zeros(1 << 14, dtype=np.uint8)
    vocabulary = model["vocab"]
    for entry in vocabulary if model["type"] == "BPE" else [entry for entry, _ in vocabulary]:
        for first, second in itertools.pairwise(entry):
            if first < "\x80" and second < "\x80":
                joined[ord(first) << 7 | ord(second)] = 1
    # Where the library cuts: before spaces.
    joined[[first << 7 | ord(" ") for first in range(128) if first != ord(" ")]] = 0
    return joined


def _require_plain(content: dict[str, Any], byte_level: bool) -> None:
    model = content["model"]
    if content.get("normalizer") is not None:
        raise Unsupported(f"it normalizes text ({content['normalizer'].get('type')})")
    if any(not token["special"] for token in content.get("added_tokens", [])):
        raise Unsupported("it has added tokens that are matched in text")
    if model["type"] not in ("BPE", "Unigram"):
        raise Unsupported(f"its model is {model['type']}")
    for key in ("continuing_subword_prefix", "end_of_word_suffix", "dropout", "ignore_merges"):
        if model.get(key):
            raise Unsupported(f"its model sets {key}")
    if not byte_level and not model.get("byte_fallback"):
        raise Unsupported("it has neither bytes as symbols nor bytes to fall back on")


def _byte_ids(vocabulary: dict[str, int], byte_level: bool) -> np.ndarray:
    if byte_level:
        names = {byte: name for name, byte in byte_level_alphabet().items()}
    else:
        names = {byte: byte_token(byte) for byte in range(256)}
    if any(name not in vocabulary for name in names.values()):
        raise Unsupported("its vocabulary lacks some of the 256 bytes")
    return np.array([vocabulary[names[byte]] for byte in range(256)], dtype=np.int32)


def _merges(model: dict[str, Any], byte_level: bool) -> Merges:
    vocabulary: dict[str, int] = model["vocab"]
    # tokenizers < 0.20 wrote merges as "a b", later versions as ["a", "b"].
    pairs = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    rows = [(vocabulary[a], vocabulary[b], vocabulary[a + b]) for a, b in pairs]
    characters = np.zeros(0, dtype=np.int32)
    if not byte_level:
        characters = np.full(_NUM_CODE_POINTS, -1, dtype=np.int32)
        for token, index in vocabulary.items():
            if len(token) == 1:
                characters[ord(token)] = index
    size = _table_size(len(rows))
    merges = Merges(
        byte_ids=_byte_ids(vocabulary, byte_level),
        character_ids=characters,
        pairs=np.zeros(size, dtype=np.uint64),
        ranks=np.zeros(size, dtype=np.int32),
        results=np.zeros(size, dtype=np.int32),
    )
    array = np.array(rows, dtype=np.int64).reshape(-1, 3)
    fill_merges(array, merges.pairs, merges.ranks, merges.results)
    return merges


def _entries(model: dict[str, Any]) -> Entries:
    tokens = [token.encode() for token, _ in model["vocab"]]
    scores = np.array([score for _, score in model["vocab"]], dtype=np.float64)
    ends = np.cumsum([len(token) for token in tokens])
    num_nodes = int(ends[-1]) + 1
    size = _table_size(num_nodes)
    vocabulary = {token: index for index, (token, _) in enumerate(model["vocab"])}
    entries = Entries(
        byte_ids=_byte_ids(vocabulary, byte_level=False),
        edges=np.zeros(size, dtype=np.uint64),
        children=np.zeros(size, dtype=np.int32),
        node_ids=np.full(num_nodes, -1, dtype=np.int32),
        node_scores=np.zeros(num_nodes, dtype=np.float64),
        unknown_score=float(scores.min()) - _UNKNOWN_PENALTY,
    )
    blob = np.frombuffer(b"".join(tokens), dtype=np.uint8)
    fill_entries(
        *(blob, ends, scores),
        *(entries.edges, entries.children, entries.node_ids, entries.node_scores),
    )
    return entries


def _table_size(entries: int) -> int:
    """A power of two with room to spare."""
    return 1 << max(4, (_ROOM * entries - 1).bit_length())


def _no_merges() -> Merges:
    ids = np.zeros(0, dtype=np.int32)
    return Merges(ids, ids, np.zeros(0, dtype=np.uint64), ids, ids)


def _no_entries() -> Entries:
    ids = np.zeros(0, dtype=np.int32)
    scores = np.zeros(0, dtype=np.float64)
    return Entries(ids, np.zeros(0, dtype=np.uint64), ids, ids, scores, 0.0)


@functools.cache
def classes(digits_alone: bool) -> np.ndarray:
    r"""The class of every code point, as the tokenizers library's engines see it.

    Every character is put through the library once: what it replaces for ``\p{L}`` is a letter.

    Args:
        digits_alone: Whether the library's splitter of digits comes first; its digits are those
            of another engine.
    """
    from tokenizers import Regex, normalizers, pre_tokenizers

    points = np.delete(
        np.arange(_NUM_CODE_POINTS, dtype="<u4"), np.concatenate([np.r_[slice(*e)] for e in _EMPTY])
    )
    text = points.tobytes().decode("utf-32-le")
    table = np.full(_NUM_CODE_POINTS, OTHER, dtype=np.uint8)
    for pattern, kind in ((r"\p{L}", LETTER), (r"\p{N}", NUMBER), (r"\s", SPACE)):
        # A code point that is no character and never matches stands for what did.
        replaced = normalizers.Replace(Regex(pattern), "\ufffe").normalize_str(text)
        after = np.frombuffer(replaced.encode("utf-32-le"), dtype="<u4")
        table[points[points != after]] = kind
    table[[ord("\r"), ord("\n")]] = NEWLINE
    if digits_alone:
        # Runs of digits and runs of others take turns; the first code point is no digit.
        runs = pre_tokenizers.Digits(individual_digits=False).pre_tokenize_str(text)
        table[[ord(digit) for run, _ in runs[1::2] for digit in run]] = ALONE
    return table
