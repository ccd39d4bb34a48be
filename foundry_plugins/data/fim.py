# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Fill-in-the-middle: a fragment is cut at two characters and its middle moved to the end.

Bavarian et al. 2022 (arXiv 2207.14255). Cuts are drawn over characters, before tokenization, and
the three pieces are encoded separately; `foundry_plugins.contract.fim_orders` has the orders.
`permute_text` does it to a text and `permute_tokens` to its tokens, with equal results:

    encode(permute_text(text)) == permute_tokens(encode(text))

`transform_context` is context-level (section 4.4: better than document-level): it works on the
fragments of a packed context of T tokens and returns exactly T tokens. Three sentinels, a missing
end token and the tokens that new cuts cost are paid for at the outer ends, the start of the prefix
and the end of the suffix, so that no middle and no end token is ever lost. A fragment too short to
pay stays as it is.

Every draw is a hash of (seed, epoch, sample, fragment): nothing else can change it. Standard
library and numpy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from foundry_plugins.contract.fim_orders import (
    END,
    MIDDLE,
    NONE,
    ORDERS,
    PREFIX,
    PSM,
    SPM2,
    SUFFIX,
)
from foundry_plugins.contract.stateless_hash import Key, uniform
from foundry_plugins.data import spans
from foundry_plugins.data.fim_settings import CONTEXT, JOINT, SEPARATE, FIMSettings
from foundry_plugins.data.pieces import Body
from foundry_plugins.data.vocabulary import Vocabulary

_NUM_SENTINELS = 3

TEXT = "text"
# (kind, text): a sentinel's name and "", or `TEXT` and the text.
Piece = tuple[str, str]


class Fragment(NamedTuple):
    """A run of tokens of one document in a context.

    Attributes:
        end: Offset one past its last token.
        eligible: Whether it may be transformed (no padding, no other format).
        is_whole: Whether it is a whole document.
        language: For ``syntax`` spans.
    """

    end: int
    eligible: bool = True
    is_whole: bool = True
    language: str = ""


class Cut(NamedTuple):
    """How a fragment is cut: the order, and the characters of its middle."""

    order: str
    start: int
    end: int


class Context(NamedTuple):
    """A transformed context.

    Attributes:
        tokens: Ids, shape (T,), int64.
        numbers: The fragment of each position, shape (T,). Room that shorter encodings free is
            filled with padding, as one more fragment.
        modes: ``none`` or the order of every fragment, that of padding included.
        num_dropped: Tokens of documents that made room for sentinels.
    """

    tokens: np.ndarray
    numbers: np.ndarray
    modes: list[str]
    num_dropped: int


def choose_order(settings: FIMSettings, *key: Key) -> str:
    """``none``, ``psm`` or the SPM variant, as ``key`` decides."""
    if uniform(*key, "rate") >= settings.rate:
        return NONE
    return settings.spm_variant if uniform(*key, "spm") < settings.spm_rate else PSM


def permute_text(text: str, cut: Cut, encoding: str = SEPARATE) -> list[Piece]:
    """A document in FIM order, as pieces that are to be encoded one by one.

    >>> permute_text("abcdef", Cut("psm", 2, 4))[:4]
    [('PRE', ''), ('text', 'ab'), ('SUF', ''), ('text', 'ef')]

    Raises:
        UnicodeEncodeError: for a text with lone surrogates, which has no bytes.
    """
    text.encode()
    sections = {PREFIX: text[: cut.start], MIDDLE: text[cut.start : cut.end]}
    sections[SUFFIX] = text[cut.end :]
    order = ORDERS[cut.order]
    if cut.order == SPM2 and encoding == JOINT:
        sections[MIDDLE] = sections[PREFIX] + sections[MIDDLE]
        order = tuple(section for section in order if section != PREFIX)
    pieces = [(TEXT, sections[name]) if name in sections else (name, "") for name in order]
    return [*pieces, (END, "")]


def permute_tokens(
    fragment: np.ndarray,
    cut: Cut,
    vocabulary: Vocabulary,
    encoding: str = SEPARATE,
    room: int | None = None,
) -> np.ndarray | None:
    """A fragment in FIM order; None where it cannot be cut, or has no room.

    Args:
        fragment: Ids; the last may be the end of the document, and the first its beginning, which
            stays in front.
        cut: The order and the middle, in characters that are whole in the fragment.
        vocabulary: The tokenizer.
        encoding: ``separate`` or ``joint``, as `FIMSettings.spm_encoding`.
        room: Most tokens that it may have; None for no limit.
    """
    text = vocabulary.text_of(fragment)
    body = Body.of(fragment[text], vocabulary)
    if body is None:
        return None
    left = None if room is None else room - text.start
    found = _permute(body, cut, vocabulary, encoding, left, cut_at_end=text.stop == len(fragment))
    return None if found is None else np.concatenate([fragment[: text.start], found[0]])


def transform_context(
    tokens: np.ndarray,
    fragments: Sequence[Fragment],
    vocabulary: Vocabulary,
    settings: FIMSettings,
    *key: Key,
) -> Context:
    """Transforms the fragments of one context.

    Args:
        tokens: Ids, shape (T,).
        fragments: With increasing ends, the last one T.
        vocabulary: The tokenizer.
        settings: Rates and kinds.
        key: (seed, epoch, sample id, ...).
    """
    pieces: list[np.ndarray] = []
    modes: list[str] = []
    start, lost = 0, 0
    for number, fragment in enumerate(fragments):
        piece, order = tokens[start : fragment.end], NONE
        if fragment.eligible and (fragment.is_whole or settings.level == CONTEXT):
            order = choose_order(settings, *key, number)
        if order != NONE:
            found = _transform(piece, order, fragment, vocabulary, settings, *key, number)
            if found is None:
                order = NONE
            else:
                piece, dropped = found
                lost += dropped
        modes.append(order)
        pieces.append(piece)
        start = fragment.end
    freed = len(tokens) - sum(map(len, pieces))
    if freed:
        pieces.append(np.full(freed, vocabulary.pad))
        modes.append(NONE)
    numbers = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    return Context(np.concatenate(pieces).astype(np.int64), numbers, modes, lost)


def _transform(
    piece: np.ndarray,
    order: str,
    fragment: Fragment,
    vocabulary: Vocabulary,
    settings: FIMSettings,
    *key: Key,
) -> tuple[np.ndarray, int] | None:
    """One fragment in FIM order, at most as long as it was, and how many tokens it lost."""
    text = vocabulary.text_of(piece)
    body = Body.of(piece[text], vocabulary)
    if body is None:
        return None
    kind = spans.choose_kind(settings.spans, *key)
    limit = settings.max_middle_chars
    try:
        if kind == spans.RANDOM:
            start, end = spans.draw_random(body.length, limit, *key, "cut")
        else:
            start, end = spans.draw(kind, body.text, fragment.language, limit, *key, "cut")
        cut = Cut(order, start, end)
        encoding, room = settings.spm_encoding, len(piece) - text.start
        found = _permute(body, cut, vocabulary, encoding, room, cut_at_end=text.stop == len(piece))
    except UnicodeDecodeError:
        return None  # not from a text in UTF-8
    return found and (np.concatenate([piece[: text.start], found[0]]), found[1])


def _permute(
    body: Body,
    cut: Cut,
    vocabulary: Vocabulary,
    encoding: str,
    room: int | None,
    *,
    cut_at_end: bool,
) -> tuple[np.ndarray, int] | None:
    start, end = body.place(cut.start), body.place(cut.end)
    suffix = body.after(end)
    if cut.order == SPM2 and encoding == JOINT:
        # One piece; what counts as its prefix, from which room is taken, ends before the cut.
        joint = body.before(end)
        kept = min(start.token, body.safe_before(end))
        prefix, middle = joint[:kept], joint[kept:]
    else:
        prefix, middle = body.before(start), body.between(start, end)
    excess = 0
    if room is not None:
        length = len(prefix) + len(middle) + len(suffix) + _NUM_SENTINELS + 1
        excess = max(length - room, 0)
        if excess > len(prefix) + len(suffix):
            return None
        prefix, suffix = _drop_outer(prefix, suffix, excess, cut_at_end=cut_at_end)
    sections = {PREFIX: prefix, MIDDLE: middle, SUFFIX: suffix}
    ids = vocabulary.sentinels
    parts = [sections[name] if name in sections else [ids[name]] for name in ORDERS[cut.order]]
    return np.concatenate([*parts, [vocabulary.end]]).astype(np.int64), excess


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
