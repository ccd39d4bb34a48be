# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The recipe's section ``tokenizer``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from data_prep.tokenizers.patterns import DEFAULT, PATTERNS
from foundry_plugins.contract.errors import did_you_mean, require
from foundry_plugins.contract.sentinels import SENTINELS

BYTE_LEVEL_BPE = "byte_level_bpe"
SENTENCEPIECE_BPE = "sentencepiece_bpe"
SENTENCEPIECE_UNIGRAM = "sentencepiece_unigram"
PRETRAINED = "pretrained"
KINDS = (BYTE_LEVEL_BPE, SENTENCEPIECE_BPE, SENTENCEPIECE_UNIGRAM, PRETRAINED)


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """The vocabulary to train, or one to take.

    Attributes:
        vocab_size: Entries, special tokens and the 256 bytes included; not for ``pretrained``.
        training_bytes: How much of the training documents' text it is fitted on, at most.
            SentencePiece's trainers hold it in memory, about 30 bytes for each byte, and take some
            seconds for each megabyte.
        kind: ``byte_level_bpe``, ``sentencepiece_bpe``, ``sentencepiece_unigram``, or
            ``pretrained`` for one that exists.
        pattern: How ``byte_level_bpe`` splits text before merging: ``qwen2`` (the default: single
            digits), ``cl100k`` (up to three digits), ``gpt2``, or ``starcoder`` (single digits,
            then as GPT-2).
        path: For ``pretrained``: a folder as ``transformers`` saves them, a ``tokenizer.json``, or
            a SentencePiece ``.model``.
        add_sentinels: For ``pretrained``: append the special tokens that it lacks.
        drop_normalizer: For ``pretrained``: leave out its normalizer, dummy prefix and removal of
            spaces, which lose text. Ids of text that they do not change stay.
        proof_bytes: Text that must come back, and on which the compiled encoder must give the
            ids of the tokenizers library, before a part is encoded: the first documents of every
            part that holds ``training_bytes``. Where the library has to encode, all of these parts
            must come back.
    """

    vocab_size: int | None = None
    training_bytes: int = 100_000_000
    kind: str = BYTE_LEVEL_BPE
    pattern: str | None = None
    path: str | None = None
    add_sentinels: bool = False
    drop_normalizer: bool = False
    proof_bytes: int = 2_000_000

    def __post_init__(self) -> None:
        require(
            self.kind in KINDS,
            f"`tokenizer.kind` must be one of {', '.join(KINDS)}, got "
            f"{self.kind!r}{did_you_mean(self.kind, KINDS)}.",
        )
        for key in ("training_bytes", "proof_bytes"):
            value = getattr(self, key)
            require(value >= 1, f"`tokenizer.{key}` must be at least 1, got {value}.")
        if self.kind == PRETRAINED:
            self._check_pretrained()
        else:
            self._check_trained()

    @property
    def split_pattern(self) -> str:
        """The pattern's name, the default filled in."""
        return self.pattern or DEFAULT

    def _check_pretrained(self) -> None:
        require(
            self.path is not None,
            "`tokenizer.path` is missing; `kind: pretrained` needs a folder, a tokenizer.json or "
            "a SentencePiece .model.",
        )
        require(
            self.path is None or Path(self.path).expanduser().exists(),
            f"`tokenizer.path`: there is nothing at {self.path}; name a folder with a "
            "tokenizer.json, a tokenizer.json or a SentencePiece .model.",
        )
        for key in ("vocab_size", "pattern"):
            require(
                getattr(self, key) is None,
                f"`tokenizer.{key}` does not go with `kind: pretrained`, whose vocabulary is "
                f"fixed; remove it (on the command line: `tokenizer.{key}=null`).",
            )

    def _check_trained(self) -> None:
        smallest = 256 + len(SENTINELS)
        size = self.vocab_size
        require(
            size is not None,
            "`tokenizer.vocab_size` is missing; give a whole number, e.g. 32768.",
        )
        require(
            size is None or size >= smallest,
            f"`tokenizer.vocab_size` must be at least {smallest} (256 bytes and {len(SENTINELS)} "
            f"special tokens), got {size}.",
        )
        require(
            self.path is None,
            f"`tokenizer.path` goes with `kind: pretrained` alone, not with `kind: {self.kind}`; "
            "remove one.",
        )
        for key in ("add_sentinels", "drop_normalizer"):
            require(
                not getattr(self, key),
                f"`tokenizer.{key}` goes with `kind: pretrained` alone: a trained vocabulary "
                "needs nothing mended; remove it.",
            )
        require(
            self.pattern is None or self.kind == BYTE_LEVEL_BPE,
            f"`tokenizer.pattern` goes with `kind: {BYTE_LEVEL_BPE}` alone: SentencePiece has "
            "rules of its own; remove it.",
        )
        require(
            self.split_pattern in PATTERNS,
            f"`tokenizer.pattern` must be one of {', '.join(PATTERNS)}, got "
            f"{self.pattern!r}{did_you_mean(self.split_pattern, PATTERNS)}.",
        )
