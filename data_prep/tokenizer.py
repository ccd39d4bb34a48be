# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A byte-level BPE vocabulary: trained, saved, loaded for encoding.

Bytes as symbols (Radford et al. 2019, section 2.2) and merges by frequency (Sennrich et al. 2016,
arXiv 1508.07909), within the pieces of one split pattern. The pattern is the one that llama.cpp
knows as ``qwen2``: contractions, words with one leading symbol, single digits, runs of symbols,
line ends, spaces. Single digits keep numbers alike whatever their length; the pattern being known
there lets an exported model tokenize identically.

No normaliser and no template: what is encoded comes back byte for byte. Special tokens hold the
first ids; their text inside a document is ordinary text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD, SENTINELS
from foundry_plugins.contract.token_bytes import token_bytes

SPLIT_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# A pair seen once is chance: its merge would be an entry that training hardly ever sees.
_MIN_FREQUENCY = 2

TOKENIZER_FILE = "tokenizer.json"


def train(texts: Iterable[str], vocab_size: int) -> str:
    """Fits a vocabulary; the text of its ``tokenizer.json``.

    It may hold fewer than ``vocab_size`` entries: as many as the texts have repeated pairs for.
    """
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    # Any: the library's type stubs lack the setters and the trainer's parameters.
    tokenizer: Any = tokenizers.Tokenizer(models.BPE())
    pieces = pre_tokenizers.Split(tokenizers.Regex(SPLIT_PATTERN), behavior="isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pieces, as_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    options: dict[str, Any] = {
        "vocab_size": vocab_size,
        "min_frequency": _MIN_FREQUENCY,
        "special_tokens": [
            tokenizers.AddedToken(token, special=True, normalized=False) for token in SENTINELS
        ],
        "initial_alphabet": pre_tokenizers.ByteLevel.alphabet(),
        "show_progress": False,
    }
    trainer = trainers.BpeTrainer(**options)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str(pretty=True)


def write(folder: Path, tokenizer_json: str) -> None:
    """Writes the three files that ``transformers`` loads a tokenizer from.

    Written by hand, because ``transformers`` takes seconds to import; its ``AutoTokenizer`` loads
    them, and what it then saves loads as the same tokenizer.
    """
    content = json.loads(tokenizer_json)
    special = {"eos_token": END_OF_TEXT, "pad_token": PAD}
    others = [t for t in SENTINELS if t not in special.values()]
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "additional_special_tokens": others,
        "added_tokens_decoder": {
            str(token["id"]): {k: v for k, v in token.items() if k != "id"}
            for token in content["added_tokens"]
        },
        **special,
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        TOKENIZER_FILE: tokenizer_json,
        "tokenizer_config.json": json.dumps(config, indent=2),
        "special_tokens_map.json": json.dumps(
            {**special, "additional_special_tokens": others}, indent=2
        ),
    }
    for name, text in files.items():
        (folder / name).write_text(text + "\n", encoding="utf-8")


class Encoder:
    """A saved tokenizer, ready to encode documents and to prove that nothing is lost.

    Attributes:
        ids: Token id of every special token.
        vocab_size: Number of ids.
        fingerprint: `foundry_plugins.contract.fingerprint` of the vocabulary.
        byte_lengths: For every id, how many bytes of a document it stands for.
    """

    def __init__(self, tokenizer_json: str) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        # A sentinel's text in a document is text; only the packer emits the real ids.
        self._tokenizer.encode_special_tokens = True
        self._bytes = token_bytes(tokenizer_json)
        added: list[dict[str, Any]] = json.loads(tokenizer_json)["added_tokens"]
        self.ids: dict[str, int] = {token["content"]: token["id"] for token in added}
        self.vocab_size = len(self._bytes)
        self.fingerprint = fingerprint(tokenizer_json)
        self.byte_lengths = np.array([len(token) for token in self._bytes], dtype=np.int64)

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """The tokenizer of a folder."""
        return cls((folder / TOKENIZER_FILE).read_text(encoding="utf-8"))

    def encode(self, texts: Sequence[str], names: Sequence[str]) -> list[np.ndarray]:
        """Token ids of every text, without any special token.

        Args:
            texts: The documents.
            names: What to call them in a message.

        Raises:
            UserError: if a text does not come back byte for byte.
        """
        # Parallelism is over parts; threads on top would only compete for the same cores.
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        encoded = [encoding.ids for encoding in encodings]
        for name, text, ids in zip(names, texts, encoded, strict=True):
            if b"".join([self._bytes[index] for index in ids]) != text.encode():
                raise UserError(
                    f"{name} does not come back from the tokenizer byte for byte; use a byte-level "
                    "tokenizer without normaliser, such as `convert_dataset` trains."
                )
        return [np.array(ids, dtype=np.uint32) for ids in encoded]
