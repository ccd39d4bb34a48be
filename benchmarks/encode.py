# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Encoding alone: MB of text per CPU second, beside those who do it with the same vocabulary.

    python -m benchmarks.encode [--mb 20]

One vocabulary of each kind is trained on the corpus; every encoder gets the same texts in one
thread, and all but SentencePiece's Unigram (which breaks ties otherwise) must give the same ids.
Ours includes the check that every document comes back byte for byte. Twice: whole files, and
their lines as documents of their own. Writes ``results/encode.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure
from data_prep.tokenizers import byte_level, files, sentencepiece_conversion
from data_prep.tokenizers import sentencepiece_models as trainer
from data_prep.tokenizers.encoder import Encoder
from foundry_plugins.contract.sentinels import SENTINELS
from foundry_plugins.contract.token_bytes import token_bytes

_VOCABULARY = 32_768
_REPEATS = 3
_BATCH = 64
# SentencePiece takes minutes to train on much.
_SENTENCEPIECE_BYTES = 6_000_000
_SENTENCEPIECE_VOCABULARY = 16_384
_MOST_LINES = 200_000

Encode = Callable[[Sequence[str]], Sequence[Any]]


def main() -> None:
    """Runs everything and writes the results."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mb", type=float, default=20.0, help="size of the corpus")
    size = int(arguments.parse_args().mb * 1e6)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    texts = [text for _, text in measure.corpus(size)]
    results: dict[str, Any] = {}
    made = byte_level.train(texts, _VOCABULARY)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with tempfile.TemporaryDirectory() as scratch:
        files.write(Path(scratch), made)
        results["byte_level_bpe"] = {
            "vocabulary": _VOCABULARY,
            **_compare(_byte_level(made, scratch), texts),
        }
    for kind in ("bpe", "unigram"):
        made, model = _sentencepiece(_head(texts, _SENTENCEPIECE_BYTES), kind)
        results[f"sentencepiece_{kind}"] = {
            "vocabulary": _SENTENCEPIECE_VOCABULARY,
            **_compare(_literal(made, model), texts),
        }
    path = measure.write(
        "encode", results, "tokenizers", "tiktoken", "transformers", "sentencepiece", "numba"
    )
    print(json.dumps(results, indent=2))
    print(f"Written to {path}")


def _compare(encoders: dict[str, Encode], texts: Sequence[str]) -> dict[str, Any]:
    """Rates of all encoders on files and on lines, and their ratios to the first peer's."""
    lines = [line for text in texts for line in text.splitlines(keepends=True)][:_MOST_LINES]
    found: dict[str, Any] = {}
    for name, documents in (("files", texts), ("lines", lines)):
        num_bytes = sum(len(text.encode()) for text in documents)
        rates: dict[str, float] = {}
        expected: list[list[int]] | None = None
        differing: dict[str, int] = {}
        for encoder, encode in encoders.items():
            encode(documents[:10])  # compiles, loads
            ids, cost = measure.cost_of(lambda e=encode, d=documents: e(d), _REPEATS)
            rates[encoder] = round(num_bytes / 1e6 / cost.cpu_seconds, 2)
            as_lists = [np.asarray(row).tolist() for row in ids]
            expected = expected or as_lists
            differing[encoder] = sum(a != b for a, b in zip(as_lists, expected, strict=True))
        found[name] = {
            "documents": len(documents),
            "bytes": num_bytes,
            "tokens": sum(map(len, expected or ())),
            "mb_per_cpu_second": rates,
            "documents_with_other_ids": differing,
            "ours_is_faster_by": {
                peer: round(rates["ours"] / rate, 1) for peer, rate in rates.items()
            },
        }
    return found


def _ours(made: str) -> Encode:
    encoder = Encoder(made)
    assert encoder.is_compiled

    def encode(texts: Sequence[str]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            found += encoder.encode(batch, [""] * len(batch))
        return found

    return encode


def _library(made: str) -> Encode:
    from tokenizers import Tokenizer

    library: Any = Tokenizer.from_str(made)
    library.encode_special_tokens = True

    def encode(texts: Sequence[str]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(texts), _BATCH):
            encoded = library.encode_batch_fast(
                texts[start : start + _BATCH], add_special_tokens=False
            )
            found += [encoding.ids for encoding in encoded]
        return found

    return encode


def _byte_level(made: str, folder: str) -> dict[str, Encode]:
    """Ours, and three peers: the one that Foundry's converter uses first."""
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    loaded: Any = AutoTokenizer.from_pretrained(folder, split_special_tokens=True)

    def per_document(texts: Sequence[str]) -> list[Any]:
        return [loaded(text, truncation=False, padding=False)["input_ids"] for text in texts]

    return {
        "AutoTokenizer, a document at a time (Foundry's converter)": per_document,
        "tokenizers, encode_batch_fast": _library(made),
        "tiktoken": _tiktoken(made),
        "ours": _ours(made),
    }


def _tiktoken(made: str) -> Encode:
    """The same merges as ranks; ids by an array, because ranks must count from 0."""
    import tiktoken

    content = json.loads(made)
    table = token_bytes(made)
    vocabulary = content["model"]["vocab"]
    order = sorted((i for i, data in enumerate(table) if len(data) == 1), key=lambda i: table[i])
    order += [vocabulary[a + b] for a, b in content["model"]["merges"]]
    order = list(dict.fromkeys(order))
    encoding = tiktoken.Encoding(
        "same",
        pat_str=content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"],
        mergeable_ranks={table[index]: rank for rank, index in enumerate(order)},
        special_tokens={},
    )
    ids = np.array(order)
    return lambda texts: [ids[encoding.encode_ordinary(text)] for text in texts]


def _sentencepiece(texts: Sequence[str], kind: str) -> tuple[str, bytes]:
    """Our ``tokenizer.json`` and the model that it was made from."""
    model = trainer.train_model(texts, _SENTENCEPIECE_VOCABULARY, kind, "vocab_size")
    parsed = sentencepiece_conversion.read(model, trainer.TAB_STAND_IN)
    assert parsed is not None
    return sentencepiece_conversion.convert(parsed, SENTINELS), model


def _literal(made: str, model: bytes) -> dict[str, Encode]:
    import sentencepiece

    # Any: the library's methods are made at run time.
    library: Any = sentencepiece
    processor = library.SentencePieceProcessor(model_proto=model)
    offset = len(SENTINELS)

    def slow(texts: Sequence[str]) -> list[Any]:
        prepared = [text.replace("\t", trainer.TAB_STAND_IN) for text in texts]
        return [np.array(processor.encode(text), dtype=np.int64) + offset for text in prepared]

    return {
        "tokenizers, encode_batch_fast": _library(made),
        "sentencepiece": slow,
        "ours": _ours(made),
    }


def _head(texts: Sequence[str], limit: int) -> list[str]:
    found, size = [], 0
    for text in texts:
        if size >= limit:
            break
        found.append(text)
        size += len(text)
    return found


if __name__ == "__main__":
    main()
