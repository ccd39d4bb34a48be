# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Fill-in-the-middle: a fragment is cut at two characters and its middle moved to the end.

Bavarian et al. 2022 (arXiv 2207.14255). Cut points are drawn over characters, before tokenization,
and the three pieces are encoded separately; ``p``, ``m``, ``s`` are prefix, middle, suffix:

    psm    <fim_prefix> p <fim_suffix> s <fim_middle> m <|endoftext|>
    spm1   <fim_suffix> s <fim_prefix> p <fim_middle> m <|endoftext|>      (Refact)
    spm2   <fim_prefix> <fim_suffix> s <fim_middle> p m <|endoftext|>      (the paper, StarCoder)

The transform is context-level (section 4.4: better than document-level): it works on the fragments
of a packed context of T tokens and returns exactly T tokens. Three sentinels, a missing
<|endoftext|> and the tokens that new cuts cost are paid for at the outer ends, the start of the
prefix and the end of the suffix, so that no middle and no <|endoftext|> is ever lost. A fragment
too short to pay stays as it is.

Every draw is a hash of (seed, epoch, sample id, fragment): nothing else can change it. Standard
library and numpy only.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from foundry_plugins.contract.stateless_hash import Key, below, uniform

NONE, PSM, SPM1, SPM2 = "none", "psm", "spm1", "spm2"
SPM_VARIANTS = (SPM1, SPM2)

Encode = Callable[[str], Sequence[int]]


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """What the transform knows of a tokenizer: ids of its sentinels, and text to ids and back."""

    prefix: int
    middle: int
    suffix: int
    eos: int
    pad: int
    token_bytes: Sequence[bytes]  # by token id, b"" for special tokens
    encode: Encode  # text -> ids, literal sentinel text staying text


@dataclasses.dataclass(frozen=True)
class FIMSettings:
    """How often and how to transform.

    Attributes:
        rate: Share of fragments that are transformed. Up to 0.9 costs nothing left to right
            (the paper, section 4.1).
        spm_rate: Share of those that get ``spm`` order instead of ``psm``. With ALiBi keep it at
            0.5 or more: psm puts a whole suffix between the prefix and its continuation.
        spm_variant: ``spm1`` or ``spm2``.
        max_middle_chars: Longest middle, in characters; None for no limit. Refact: 4000.
    """

    rate: float = 0.5
    spm_rate: float = 0.5
    spm_variant: str = SPM2
    max_middle_chars: int | None = None


def draw_cuts(length: int, max_middle: int | None, *key: Key) -> tuple[int, int]:
    """Start and end of the middle, uniform over all pairs 0 <= start <= end <= length.

    With a limit, uniform over the pairs whose distance is at most ``max_middle``.
    """
    limit = length if max_middle is None else min(max_middle, length)
    # Starts up to `length - limit` leave limit + 1 choices of the end; the last `limit` starts
    # leave limit, limit - 1, ..., 1. One draw indexes the pairs in that order.
    unhindered = (length - limit + 1) * (limit + 1)
    index = below(unhindered + limit * (limit + 1) // 2, *key)
    if index < unhindered:
        start, middle = divmod(index, limit + 1)
        return start, start + middle
    index = unhindered + limit * (limit + 1) // 2 - 1 - index
    # Counted from the end: start = length - k has k + 1 choices, k (k + 1) / 2 come before it.
    k = (math.isqrt(8 * index + 1) - 1) // 2
    return length - k, length - (index - k * (k + 1) // 2)


def choose_mode(settings: FIMSettings, *key: Key) -> str:
    """``none``, ``psm`` or the SPM variant, as ``key`` decides."""
    if uniform(*key, "rate") >= settings.rate:
        return NONE
    return settings.spm_variant if uniform(*key, "spm") < settings.spm_rate else PSM


def transform_context(
    tokens: np.ndarray,
    ends: Sequence[int],
    eligible: Sequence[bool],
    vocabulary: Vocabulary,
    settings: FIMSettings,
    *key: Key,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Transforms the fragments of one context.

    Args:
        tokens: Ids, shape (T,).
        ends: Offset one past each fragment, increasing, the last one T.
        eligible: Whether a fragment may be transformed (not padding, not another format).
        vocabulary: The tokenizer.
        settings: Rates and modes.
        key: (seed, epoch, sample id).

    Returns:
        Ids (T,), the fragment number of each position (T,), and the mode of each fragment. Room
        that shorter encodings free is filled with padding, as one more fragment number.
    """
    pieces: list[np.ndarray] = []
    modes: list[str] = []
    start = 0
    for number, end in enumerate(ends):
        fragment, mode = tokens[start:end], NONE
        if eligible[number]:
            mode = choose_mode(settings, *key, number)
        permuted = permute_tokens(fragment, mode, vocabulary, settings, *key, number)
        modes.append(NONE if permuted is None else mode)
        pieces.append(fragment if permuted is None else permuted)
        start = end
    freed = len(tokens) - sum(map(len, pieces))
    if freed:
        pieces.append(np.full(freed, vocabulary.pad))
    numbers = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    return np.concatenate(pieces).astype(np.int64), numbers, modes


def permute_tokens(
    fragment: np.ndarray,
    mode: str,
    vocabulary: Vocabulary,
    settings: FIMSettings,
    *key: Key,
) -> np.ndarray | None:
    """One fragment in FIM order, at most as long as it was; None where it stays as it is.

    It stays for mode ``none``, for an empty document, for special tokens inside or bytes that are
    not UTF-8, and where prefix and suffix are too short to make room.
    """
    if mode == NONE:
        return None
    ended = len(fragment) > 0 and fragment[-1] == vocabulary.eos
    body = fragment[:-1] if ended else fragment
    span = _whole_characters(body, vocabulary.token_bytes)
    if span is None:
        return None
    head, text, tail = body[: span[0]], span[1], body[span[2] :]
    start, end = draw_cuts(len(text), settings.max_middle_chars, *key, "cut")
    prefix = np.concatenate([head, _encode(text[:start], vocabulary)])
    middle = _encode(text[start:end], vocabulary)
    suffix = np.concatenate([_encode(text[end:], vocabulary), tail])
    excess = len(prefix) + len(middle) + len(suffix) + 4 - len(fragment)
    if excess > len(prefix) + len(suffix):
        return None
    prefix, suffix = _drop_outer(prefix, suffix, max(excess, 0), cut_at_end=not ended)
    return _arrange(prefix, middle, suffix, mode, vocabulary)


def _encode(text: str, vocabulary: Vocabulary) -> np.ndarray:
    return np.asarray(vocabulary.encode(text), dtype=np.int64)


def _drop_outer(
    prefix: np.ndarray, suffix: np.ndarray, excess: int, *, cut_at_end: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Takes ``excess`` tokens off the outer ends, first where the context edge cut already."""
    if cut_at_end:
        from_suffix = min(excess, len(suffix))
        from_prefix = excess - from_suffix
    else:
        from_prefix = min(excess, len(prefix))
        from_suffix = excess - from_prefix
    return prefix[from_prefix:], suffix[: len(suffix) - from_suffix]


def _arrange(
    prefix: np.ndarray, middle: np.ndarray, suffix: np.ndarray, mode: str, vocabulary: Vocabulary
) -> np.ndarray:
    pre, mid, suf = [vocabulary.prefix], [vocabulary.middle], [vocabulary.suffix]
    order = {
        PSM: [pre, prefix, suf, suffix, mid, middle],
        SPM1: [suf, suffix, pre, prefix, mid, middle],
        SPM2: [pre, suf, suffix, mid, prefix, middle],
    }[mode]
    return np.concatenate([*order, [vocabulary.eos]]).astype(np.int64)


def _whole_characters(
    body: np.ndarray, token_bytes: Sequence[bytes]
) -> tuple[int, str, int] | None:
    """The text that may be cut: (first token, text, one past the last token).

    A context edge may fall inside a UTF-8 character; the tokens at the ends that hold parts of one
    stay outside, as they are. None where nothing is left, the rest is not UTF-8, or special tokens
    stand inside.
    """
    pieces = [token_bytes[token] for token in body.tolist()]
    if not all(pieces):
        return None  # a special token inside would not survive being written as text
    first, last = 0, len(pieces)
    while first < last and _continues(pieces[first]):
        first += 1
    while True:
        if first >= last:
            return None
        try:
            return first, b"".join(pieces[first:last]).decode("utf-8"), last
        except UnicodeDecodeError as error:
            # Only a character cut off by the end can be mended by giving up tokens at the end.
            if "unexpected end of data" not in error.reason:
                return None
            last -= 1


def _continues(piece: bytes) -> bool:
    return bool(piece) and 0x80 <= piece[0] < 0xC0
