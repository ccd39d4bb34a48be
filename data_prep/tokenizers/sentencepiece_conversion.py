# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A SentencePiece model as a literal ``tokenizer.json``.

BPE converts exactly. SentencePiece merges any neighbours whose union is a piece, in the order of
the pieces' scores, leftmost first. Where a text ends up holding a piece, nothing was merged across
that piece's ends, so the piece came about as it does when it is encoded alone; hence every merge
that is ever done is the last merge of some piece encoded alone. A list of these merges, one a
piece, gives the same ids for every text.

A Unigram converts up to ties: two segmentations of equal likelihood, told apart by the rounding of
SentencePiece's single precision sums, which depends on all that stands before. Here scores are
multiples of `SCORE_UNIT`, whose sums are exact in double precision, so that a word is cut alike
wherever it stands. The ``tokenizer.json`` is the tokenizer; it needs no slow class and loses no
character.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Sequence
from typing import Any

from data_prep.tokenizers.files import added_token
from data_prep.tokenizers.patterns import SPACED_PATTERN, split

SPACE = "\u2581"  # SentencePiece's
# Log probability of names (special tokens, bytes): below that of any of them spelt out.
_NEVER = -10_000.0
# Of 13 decimals, which the tokenizers library still reads exactly; of longer ones each saving would
# change some.
SCORE_UNIT = 2.0**-13
_UNIGRAM, _BPE = 1, 2  # SentencePiece's numbers of model types
_NORMAL, _UNKNOWN, _CONTROL, _MATCHED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6  # and of pieces


@dataclasses.dataclass(frozen=True)
class Model:
    """What a ``.model`` file says.

    Attributes:
        is_unigram: Unigram, else BPE.
        pieces: By id: text with spaces and tabs as themselves, score, type.
        losses: What its normalizer does that a text does not come back from.
        byte_fallback: Whether it has bytes for characters without a piece.
    """

    is_unigram: bool
    pieces: list[tuple[str, float, int]]
    losses: list[str]
    byte_fallback: bool


def read(model: bytes, tab: str | None = None) -> Model | None:
    """Reads a ``.model`` file; None if it holds no BPE or Unigram.

    Args:
        model: The file's content.
        tab: The character that stands for a tab in the pieces.
    """
    from sentencepiece import sentencepiece_model_pb2 as protocol

    # Any: the generated module makes its classes at run time.
    content: Any = vars(protocol)["ModelProto"].FromString(model)
    trainer, normalizer = content.trainer_spec, content.normalizer_spec
    if trainer.model_type not in (_UNIGRAM, _BPE):
        return None
    losses = {
        f"a normalizer ({normalizer.name})": bool(normalizer.precompiled_charsmap),
        "a space put before every text (add_dummy_prefix)": normalizer.add_dummy_prefix,
        "extra spaces taken away": normalizer.remove_extra_whitespaces,
    }
    pieces = [
        (piece.piece.replace(SPACE, " ").replace(tab or "\t", "\t"), piece.score, piece.type)
        for piece in content.pieces
    ]
    return Model(
        is_unigram=trainer.model_type == _UNIGRAM,
        pieces=pieces,
        losses=[name for name, applies in losses.items() if applies],
        byte_fallback=trainer.byte_fallback,
    )


def convert(model: Model, sentinels: Sequence[str] = ()) -> str:
    """The text of a ``tokenizer.json`` with the model's pieces.

    Args:
        model: With byte_fallback.
        sentinels: Special tokens that take the first ids; the model's own follow.
    """
    added = [added_token(index, name) for index, name in enumerate(sentinels)]
    entries = [(name, _NEVER) for name in sentinels]
    normal: list[tuple[str, float]] = []
    for text, score, kind in model.pieces:
        if kind in (_UNKNOWN, _CONTROL, _MATCHED):
            token = added_token(len(entries), text)
            added.append(token | {"special": kind != _MATCHED})
        if kind == _NORMAL:
            normal.append((text, score))
        entries.append((text, score if kind == _NORMAL else _NEVER))
    # A piece with a space behind another character could not be cut before spaces.
    spaces_lead = all(" " not in text.lstrip(" ") for text, _ in normal)
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": split(SPACED_PATTERN) if spaces_lead else None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": _unigram(model, entries, len(sentinels))
        if model.is_unigram
        else _bpe(entries, normal),
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _unigram(model: Model, entries: list[tuple[str, float]], first: int) -> dict[str, Any]:
    unknown = next(i for i, (_, _, kind) in enumerate(model.pieces) if kind == _UNKNOWN)
    return {
        "type": "Unigram",
        "unk_id": first + unknown,
        "vocab": [[name, exact_score(score)] for name, score in entries],
        "byte_fallback": True,
    }


def exact_score(score: float) -> float:
    """The nearest multiple of `SCORE_UNIT`."""
    return round(score / SCORE_UNIT) * SCORE_UNIT


def _bpe(entries: list[tuple[str, float]], normal: list[tuple[str, float]]) -> dict[str, Any]:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": True,
        "ignore_merges": False,
        "vocab": {name: index for index, (name, _) in enumerate(entries)},
        "merges": _last_merges(normal),
    }


def _last_merges(pieces: list[tuple[str, float]]) -> list[list[str]]:
    """The last merge of every piece encoded alone, in the order of the scores."""
    scores = dict(pieces)
    merges = []
    for text, _ in sorted(pieces, key=lambda piece: -piece[1]):
        symbols = list(text)
        while len(symbols) > 2:
            unions = [scores.get(a + b) for a, b in itertools.pairwise(symbols)]
            known = [score for score in unions if score is not None]
            if not known:
                break  # no text ever holds this piece
            at = unions.index(max(known))
            symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
        if len(symbols) == 2:
            merges.append(symbols)
    return merges
