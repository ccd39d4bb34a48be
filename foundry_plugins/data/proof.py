# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Proof, for the tokenizer at hand, that cutting its tokens equals encoding the pieces.

The safe places of `foundry_plugins.data.boundaries` follow from how a tokenizer is built; this
checks them on texts made to be hard before a run relies on them: what stands next to a cut is
drawn from all that patterns and vocabularies treat in a way of their own, and every place of every
text is cut. It takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foundry_plugins.contract.fim_orders import PSM
from foundry_plugins.contract.stateless_hash import below
from foundry_plugins.data.fim import TEXT, Cut, permute_text, permute_tokens
from foundry_plugins.data.fim_settings import SEPARATE
from foundry_plugins.data.vocabulary import Vocabulary

_NUM_TEXTS = 100
_PARTS_A_TEXT = 24
_LOSS_STEP = 5  # characters between the pieces that are tried

# Words, contractions, symbols, digits and names of sentinels, parted by spaces.
_WORDS = (
    "def return self. x _y Value if ( ) { } }; -> == != // # ' \" 's 're 'LL n't '' ... [ ]: < > / "
    "@ 0 7 42 123 1234567 3.14 0xff 1e-5 _1 <|endoftext|> <fim_middle>"
)
# Letters, digits, symbols and spaces that are not ASCII; combined and joined characters.
_OTHERS = (
    "\u00e9 \u00df \u65e5\u672c \u4e2d\u6587\u3002 \u0627\u0644 \ud55c\uad6d \u044f \u2116 \u00bd "
    "\u0661\u0662 \u2026 \u2013 \u00a0 \u3000 \u2028 \u200b e\u0301 \U0001f642 "
    "\U0001f469\u200d\U0001f4bb \U0001d11e \x0c \x00"
)
_WHITE = ("", " ", "  ", "    ", "\t", "\t\t", "\n", "\n\n", "\r\n", " \n", "\n ", "\n    ")
_PARTS = (*_WORDS.split(" "), *_OTHERS.split(" "), *_WHITE)


def find_difference(vocabulary: Vocabulary) -> str | None:
    """A text and a cut where cutting tokens does not equal encoding the pieces; None for none."""
    for number in range(_NUM_TEXTS):
        # In the form that the tokenizer's normalizer gives a text, as documents are stored.
        text = _bytes(vocabulary.encode(_text(number)), vocabulary).decode("utf-8", "replace")
        tokens = np.append(vocabulary.ids(text), vocabulary.eos)
        for start in range(len(text) + 1):
            end = start + below(len(text) - start + 1, number, start, "end")
            cut = Cut(PSM, start, end)
            if _tokens(tokens, cut, vocabulary) != encoded(text, cut, vocabulary):
                return f"{text!r} cut at {start} and {end}"
    return None


def find_loss(vocabulary: Vocabulary) -> str | None:
    """A piece of a text and what its tokens stand for, where that is another; None for none."""
    for number in range(_NUM_TEXTS):
        text = _bytes(vocabulary.encode(_text(number)), vocabulary).decode("utf-8", "replace")
        for start in range(0, len(text), _LOSS_STEP):
            piece = text[start : start + 1 + below(len(text) - start, number, start, "piece")]
            found = _bytes(vocabulary.encode(piece), vocabulary)
            if found != piece.encode():
                return f"{piece!r} as {found.decode('utf-8', 'replace')!r}"
    return None


def encoded(text: str, cut: Cut, vocabulary: Vocabulary, encoding: str = SEPARATE) -> list[int]:
    """A document in FIM order by definition: every piece encoded as a whole."""
    ids: list[int] = []
    for kind, piece in permute_text(text, cut, encoding):
        ids += vocabulary.encode(piece) if kind == TEXT else [vocabulary.sentinels[kind]]
    return ids


def _tokens(tokens: np.ndarray, cut: Cut, vocabulary: Vocabulary) -> list[int] | None:
    found = permute_tokens(tokens, cut, vocabulary)
    return None if found is None else found.tolist()


def _bytes(ids: Sequence[int], vocabulary: Vocabulary) -> bytes:
    return b"".join(vocabulary.token_bytes[index] for index in ids)


def _text(number: int) -> str:
    draws = (below(len(_PARTS), number, n, "part") for n in range(_PARTS_A_TEXT))
    return "".join(_PARTS[draw] for draw in draws)
