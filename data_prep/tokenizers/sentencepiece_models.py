# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""SentencePiece vocabularies (Kudo and Richardson 2018, arXiv 1808.06226), trained without loss.

SentencePiece's defaults lose text. These do not: identity normalisation, no dummy prefix, extra
white space kept, bytes to fall back on, digits apart, pieces of white space alone. Three more
things that a trainer of code must know:

- A line at a time loses the line end, and a whole file ends the process, so it is fed
  `CHUNK_CHARS` of neighbouring lines.
- No piece may hold a tab, which the trainer keeps for itself; another character stands in for it.
- A space is written as U+2581, so a text's own U+2581 would come back as a space.

The result is a ``tokenizer.json`` whose entries are the text itself, spaces and tabs included, so
U+2581 is a character like any other. For BPE its ids are those of SentencePiece; see
`data_prep.tokenizers.sentencepiece_conversion`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

from data_prep.tokenizers.sentencepiece_conversion import SPACE, convert, read
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.sentinels import SENTINELS

CHUNK_CHARS = 3000
# Stands for the tab while training: a visible sign for one, which text hardly ever holds.
TAB_STAND_IN = "␉"
# What the trainer keeps for itself (it skips a text with one), and the stand-in's own occurrences.
_RESERVED = re.compile(f"[{SPACE}{TAB_STAND_IN}\u2585\\0]")
# All of printable ASCII is in the alphabet, so that no text is likelier as the name of an entry
# (`<0x41>`, `<fim_prefix>`) than as its characters.
_ASCII = "".join(map(chr, range(0x21, 0x7F)))
# Fixed, because sums over several threads depend on their number.
_THREADS = 16


def train(texts: Iterable[str], vocab_size: int, model_type: str, key: str) -> str:
    """Fits a vocabulary; the text of its ``tokenizer.json``. Arguments are `train_model`'s."""
    model = read(train_model(texts, vocab_size, model_type, key), TAB_STAND_IN)
    assert model is not None
    return convert(model, SENTINELS)


def train_model(texts: Iterable[str], vocab_size: int, model_type: str, key: str) -> bytes:
    """Fits a vocabulary; SentencePiece's own file, without our special tokens.

    Args:
        texts: Documents.
        vocab_size: Entries, special tokens and the 256 bytes included.
        model_type: ``bpe`` or ``unigram``.
        key: What the user sets to change ``vocab_size``.

    Raises:
        UserError: if the texts do not yield so many entries, or need more.
    """
    import sentencepiece

    model = io.BytesIO()
    options: dict[str, Any] = {
        "model_type": model_type,
        "vocab_size": vocab_size - len(SENTINELS),
        "normalization_rule_name": "identity",
        "add_dummy_prefix": False,
        "remove_extra_whitespaces": False,
        "byte_fallback": True,
        "split_digits": True,
        "allow_whitespace_only_pieces": True,
        "required_chars": _ASCII,
        "max_sentence_length": 16 * CHUNK_CHARS,
        "num_threads": _THREADS,
        "unk_id": 0,
        "bos_id": -1,
        "eos_id": -1,
        "pad_id": -1,
        "minloglevel": 2,
    }
    try:
        # Any: the trainer's methods are made at run time.
        trainer: Any = sentencepiece.SentencePieceTrainer
        trainer.train(sentence_iterator=_prepared(texts), model_writer=model, **options)
    except RuntimeError as error:
        raise _explain(str(error), vocab_size, key) from error
    return model.getvalue()


def chunks(text: str) -> Iterator[str]:
    """Cuts a text behind line ends into pieces of about `CHUNK_CHARS`; longer lines anywhere."""
    start = 0
    while start < len(text):
        end = start + CHUNK_CHARS
        if end < len(text):
            line_end = text.rfind("\n", start, end)
            end = line_end + 1 if line_end >= 0 else end
        yield text[start:end]
        start = end


def _prepared(texts: Iterable[str]) -> Iterator[str]:
    # The BPE trainer aborts the process over a required character that it has not seen.
    yield from _ASCII
    for text in texts:
        for chunk in chunks(text):
            for part in _RESERVED.split(chunk):
                if part:
                    yield part.replace("\t", TAB_STAND_IN)


def _explain(message: str, vocab_size: int, key: str) -> Exception:
    """The trainer's complaint in the user's terms; its own numbers leave out the sentinels."""
    if found := re.search(r"too high .*<= (\d+)", message):
        most = int(found[1]) + len(SENTINELS)
        return UserError(
            f"A vocabulary of {vocab_size} entries is too large for this corpus, which yields "
            f"{most}; set `{key}={most}` or lower, or add code."
        )
    if found := re.search(r"required_chars\. \d+ vs (\d+)", message):
        least = int(found[1]) + len(SENTINELS)
        return UserError(
            f"A vocabulary of {vocab_size} entries is too small for the {int(found[1]) - 257} "
            f"characters of this corpus beside 256 bytes and {len(SENTINELS)} special tokens; set "
            f"`{key}={least}` or higher."
        )
    return RuntimeError(message)
