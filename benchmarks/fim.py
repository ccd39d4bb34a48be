# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Fill-in-the-middle: tokens per second of one worker, and what comes out whole.

    python -m benchmarks.fim [--mb 12]

The peer is the method of the Megatron-LM fork that trained SantaCoder and StarCoder (context-level,
``spm2``): decode every fragment, cut its text at two uniform characters, encode the three pieces,
and cut the lengthened context off at T. `_peer` is that method, on the library that decodes and
encodes fastest. Both transform the same contexts at the same rates.

Of every transformed fragment it is asked, by an independent parser, whether the middle is all
there and its end token with it, and whether the pieces put together are a run of the document's
bytes. Then the registered dataloader itself, with worker processes, by the clock, with and without
``fim:``. Writes ``results/fim.json``.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure
from benchmarks.fim_quality import Packed, Transformed, quality
from data_prep.tokenizers import byte_level, files, sentencepiece_models
from foundry_plugins.contract.fim_orders import ORDERS, PSM, SPM2
from foundry_plugins.contract.sentinels import END_OF_TEXT, PAD
from foundry_plugins.data import fim
from foundry_plugins.data.fim_settings import FIMSettings
from foundry_plugins.data.tokenizer import vocabulary_of
from foundry_plugins.data.vocabulary import Vocabulary

_LENGTHS = (2048, 4096, 8192)
_RATE = 0.9
# What one host of eight GPUs takes in a run on 256 of them, in tokens per second.
_NEED = 63_000
_VOCABULARY = 32_768
_SENTENCEPIECE_BYTES = 4_000_000
_QUICKSTART = {"vocabulary": 4096, "length": 512}


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=float, default=12.0, help="size of the corpus")
    size = int(parser.parse_args().mb * 1e6)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    texts = [text for _, text in measure.corpus(size)]
    results: dict[str, Any] = {"corpus_mb": size / 1e6, "documents": len(texts), "rate": _RATE}
    head = list(_head(texts, _SENTENCEPIECE_BYTES))
    makers: dict[str, Callable[[], str]] = {
        "byte_level_cl100k": lambda: byte_level.train(texts, _VOCABULARY, "cl100k"),
        "byte_level_gpt2": lambda: byte_level.train(texts, _VOCABULARY, "gpt2"),
        "sentencepiece_bpe": lambda: _sentencepiece(head, "bpe"),
        "sentencepiece_unigram": lambda: _sentencepiece(head, "unigram"),
    }
    for name, make in makers.items():
        made = make()
        results[name] = {f"T={length}": compare(made, texts, length) for length in _LENGTHS}
    quickstart = byte_level.train(texts, _QUICKSTART["vocabulary"])
    results["quickstart"] = compare(quickstart, texts, _QUICKSTART["length"])
    with tempfile.TemporaryDirectory() as scratch:
        results["dataloader"] = dataloader(Path(scratch), texts)
    path = measure.write("fim", results, "tokenizers", "mosaicml-streaming", "torch")
    print(json.dumps(results, indent=2))
    print(f"Written to {path}")


def compare(tokenizer_json: str, texts: Sequence[str], length: int) -> dict[str, Any]:
    """Both methods on the same contexts."""
    vocabulary = loaded(tokenizer_json)
    contexts = packed(texts, vocabulary, length)
    num_tokens = len(contexts) * length
    decode = _decoder(tokenizer_json)
    dropped = 0

    def ours() -> list[Transformed]:
        nonlocal dropped
        found = []
        dropped = 0
        settings = FIMSettings(rate=_RATE)
        for n, context in enumerate(contexts):
            fragments = [fim.Fragment(end) for end in context.ends]
            out = fim.transform_context(context.tokens, fragments, vocabulary, settings, n)
            starts = np.flatnonzero(np.diff(out.numbers, prepend=-1)).tolist()
            found.append(Transformed(out.tokens, out.modes, starts))
            dropped += out.num_dropped
        return found

    def theirs() -> list[Transformed]:
        generator = np.random.RandomState(0)
        return [_peer(context, vocabulary, decode, generator) for context in contexts]

    results: dict[str, Any] = {
        "cuts": "whole pieces" if vocabulary.safe is None else "neighbourhood of the cut",
        "contexts": len(contexts),
        "fragments": sum(len(context.ends) for context in contexts),
        # 1 where whole pieces are encoded because no place is known to be safe.
        "share_that_falls_back": float(vocabulary.safe is None),
        "share_of_bytes_encoded_anew": encoded_share(contexts, vocabulary),
    }
    for name, method in (("ours", ours), ("decode and encode", theirs)):
        method_result, cost = measure.cost_of(method, 2)
        results[name] = {
            "tokens_per_cpu_second": round(num_tokens / cost.cpu_seconds),
            **quality(contexts, method_result, vocabulary),
        }
    rate = results["ours"]["tokens_per_cpu_second"]
    results["times_faster"] = round(rate / results["decode and encode"]["tokens_per_cpu_second"], 1)
    results["share_of_one_core_at_63k_tokens_per_second"] = round(_NEED / rate, 4)
    results["dropped_token_share"] = round(dropped / num_tokens, 5)
    return results


def encoded_share(contexts: Sequence[Packed], vocabulary: Vocabulary) -> float:
    """Bytes of the pieces that ours encodes, of all bytes."""
    seen = 0

    def watched(text: str) -> Sequence[int]:
        nonlocal seen
        seen += len(text.encode())
        return vocabulary.encode(text)

    watching = dataclasses.replace(vocabulary, encode=watched)
    settings = FIMSettings(rate=_RATE)
    for n, context in enumerate(contexts):
        fragments = [fim.Fragment(end) for end in context.ends]
        fim.transform_context(context.tokens, fragments, watching, settings, n)
    whole = sum(int(vocabulary.byte_lengths[context.tokens].sum()) for context in contexts)
    return round(seen / whole, 5)


def _peer(
    context: Packed,
    vocabulary: Vocabulary,
    decode: Callable[[list[int]], str],
    generator: np.random.RandomState,
) -> Transformed:
    """The fork's method: a stateful generator, whole pieces, what is too long is cut off."""
    pieces: list[np.ndarray] = []
    orders: list[str] = []
    for start, end in itertools.pairwise([0, *context.ends]):
        fragment = context.tokens[start:end]
        ended = fragment[-1] == vocabulary.eos
        body = fragment[:-1] if ended else fragment
        order = "none"
        if len(body) and generator.binomial(1, _RATE):
            text = decode(body.tolist())
            cuts = sorted(generator.randint(0, len(text) + 1, size=2).tolist())
            order = SPM2 if generator.binomial(1, 0.5) else PSM
            p, m, s = text[: cuts[0]], text[cuts[0] : cuts[1]], text[cuts[1] :]
            sections = {"p": vocabulary.ids(p), "m": vocabulary.ids(m), "s": vocabulary.ids(s)}
            names = [
                sections[name] if name in sections else [vocabulary.sentinels[name]]
                for name in ORDERS[order]
            ]
            fragment = np.concatenate([*names, fragment[len(body) :]])
        pieces.append(fragment)
        orders.append(order)
    starts = np.cumsum([0, *map(len, pieces)])[:-1].tolist()
    return Transformed(np.concatenate(pieces)[: len(context.tokens)], orders, starts)


def packed(texts: Sequence[str], vocabulary: Vocabulary, length: int) -> list[Packed]:
    """Contexts of exactly ``length`` tokens, documents one behind another."""
    documents = [np.append(vocabulary.ids(text), vocabulary.eos) for text in texts]
    stream = np.concatenate(documents)
    stream = stream[: len(stream) // length * length].reshape(-1, length)
    contexts = []
    for row in stream:
        ends = (np.flatnonzero(row == vocabulary.eos) + 1).tolist()
        contexts.append(Packed(row, ends if ends and ends[-1] == length else [*ends, length]))
    return contexts


def loaded(tokenizer_json: str) -> Vocabulary:
    """As the loader makes it."""
    from tokenizers import Tokenizer
    from transformers.tokenization_utils_fast import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(tokenizer_json)
    return vocabulary_of(
        PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END_OF_TEXT, pad_token=PAD)
    )


def dataloader(scratch: Path, texts: Sequence[str]) -> dict[str, Any]:
    """Tokens per second of the registered dataloader, by the clock."""
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    length = 2048
    made = byte_level.train(texts, _VOCABULARY)
    files.write(scratch / "tokenizer", made)
    source = scratch / "source.jsonl"
    with source.open("w", encoding="utf-8") as handle:
        for n, text in enumerate(texts):
            handle.write(json.dumps({"text": text, "path": f"{n}.py"}) + "\n")
    recipe = scratch / "recipe.yaml"
    recipe.write_text(_RECIPE.format(scratch=scratch, length=length), encoding="utf-8")
    program = Path(sys.executable).parent / "convert_dataset"
    measure.cost_of_command([str(program), "run", str(recipe)], scratch)
    tokenizer = AutoTokenizer.from_pretrained(scratch / "data/tokenizer")
    found: dict[str, Any] = {"T": length, "need_tokens_per_second": _NEED}
    for workers in (1, 2):
        for name, rate in (("without fim", 0.0), ("with fim", _RATE)):
            speed = _speed(tokenizer, scratch / "data", length, workers, rate)
            found.setdefault(f"{workers} workers", {})[name] = round(speed)
    return found


def _speed(tokenizer: Any, data: Path, length: int, workers: int, rate: float) -> float:
    """Tokens per second over one epoch, the start of the workers left out."""
    from foundry_plugins.data.dataloader import build_code_text_dataloader

    spec = build_code_text_dataloader(
        tokenizer,
        8,
        {
            "local": str(data),
            "split": "train",
            "shuffle": True,
            "max_seq_len": length,
            "num_canonical_nodes": 1,
            "fim": {"rate": rate},
        },
        num_workers=workers,
        prefetch_factor=8,
    )
    tokens, start = 0, 0.0
    for batch in spec.dataloader:
        if not start:
            start = time.perf_counter()
            continue
        tokens += batch["input_ids"].numel()
    return tokens / (time.perf_counter() - start)


_RECIPE = """
sources:
  code:
    kind: jsonl
    paths: [{scratch}/source.jsonl]
    columns: {{text: text, path: path}}
    language: Python
split: {{validation: 0.05}}
tokenizer: {{kind: pretrained, path: {scratch}/tokenizer}}
shards: {{sequence_length: {length}}}
output: {scratch}/data
"""


def _decoder(tokenizer_json: str) -> Callable[[list[int]], str]:
    from tokenizers import Tokenizer

    library = Tokenizer.from_str(tokenizer_json)
    return lambda ids: library.decode(ids, skip_special_tokens=False)


def _sentencepiece(texts: Sequence[str], kind: str) -> str:
    return sentencepiece_models.train(texts, _VOCABULARY // 2, kind, "vocab_size")


def _head(texts: Sequence[str], num_bytes: int) -> Sequence[str]:
    sizes = itertools.accumulate(len(text) for text in texts)
    return [text for text, size in zip(texts, sizes, strict=True) if size <= num_bytes]


if __name__ == "__main__":
    main()
