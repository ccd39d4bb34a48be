# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""SentencePiece's kinds: against SentencePiece itself, and through ``transformers``."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_prep.tokenizers import files, sentencepiece_conversion
from data_prep.tokenizers import sentencepiece_models as trainer
from data_prep.tokenizers.encoder import Encoder
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.sentinels import SENTINELS

KINDS = ("sentencepiece_bpe", "sentencepiece_unigram")
CODE = "def f(x):\n\t\treturn x1234 <fim_middle> 'a' + \"é漢\U0001f600\" # \u2581 <0x41>\r\n\n   \n"


def text_entries(tokenizer_json: str) -> list[str]:
    content = json.loads(tokenizer_json)
    vocabulary = content["model"]["vocab"]
    names = {token["content"] for token in content["added_tokens"]}
    entries = [e[0] for e in vocabulary] if isinstance(vocabulary, list) else list(vocabulary)
    return [entry for entry in entries if entry not in names]


@pytest.mark.parametrize("name", KINDS)
def test_layout(made: Callable[[str], str], name: str) -> None:
    encoder = Encoder(made(name))
    assert encoder.vocab_size == 700
    assert [encoder.ids[token] for token in SENTINELS] == list(range(len(SENTINELS)))
    (ids,) = encoder.encode(["".join(SENTINELS) + "<unk><0x00>"], ["names"])
    # Bytes and names are never what their names spell out.
    assert ids.min() > len(SENTINELS) + 256
    entries = text_entries(made(name))[256:]
    assert not [entry for entry in entries if "\u2581" in entry or trainer.TAB_STAND_IN in entry]
    assert [entry for entry in entries if "\t\t" in entry]
    assert [entry for entry in entries if sum(c.isdigit() for c in entry) > 1] == []


def both(corpus: list[str], model_type: str) -> tuple[bytes, str]:
    """The trainer's own model beside ours."""
    model = trainer.train_model(corpus, 700, model_type, "vocab_size")
    parsed = sentencepiece_conversion.read(model, trainer.TAB_STAND_IN)
    assert parsed is not None
    return model, sentencepiece_conversion.convert(parsed, SENTINELS)


def sentencepiece_ids(model: bytes, text: str) -> list[int]:
    import sentencepiece

    processor: Any = sentencepiece.SentencePieceProcessor(model_proto=model)
    ids = processor.encode(text.replace("\t", trainer.TAB_STAND_IN))
    return [index + len(SENTINELS) for index in ids]


def test_bpe_gives_the_ids_of_sentencepiece(corpus: list[str]) -> None:
    model, ours = both(corpus, "bpe")
    encoder = Encoder(ours)
    for text in [*corpus, "aaaaaaa" * 9, "    " * 7 + "x", "))))))))", "漢字\U0001f600"]:
        (ids,) = encoder.encode([text], ["text"])
        assert ids.tolist() == sentencepiece_ids(model, text)


def test_unigram_differs_from_sentencepiece_only_where_two_ways_are_equally_likely(
    corpus: list[str],
) -> None:
    model, ours = both(corpus, "unigram")
    encoder = Encoder(ours)
    scores = [score for _, score in json.loads(ours)["model"]["vocab"]]
    lines = [line for text in corpus for line in text.splitlines(keepends=True)]
    for line, ids in zip(lines, encoder.encode(lines, lines), strict=True):
        theirs = sentencepiece_ids(model, line)
        likelihoods = [sum(scores[index] for index in way) for way in (ids.tolist(), theirs)]
        # Each score was rounded by at most half a unit.
        limit = sentencepiece_conversion.SCORE_UNIT * len(line)
        assert likelihoods[0] == pytest.approx(likelihoods[1], abs=limit)


def test_training_is_reproducible(made: Callable[[str], str], corpus: list[str]) -> None:
    program = (
        "import hashlib, json, sys; from data_prep.tokenizers import sentencepiece_models as s;"
        "made = s.train(json.load(sys.stdin), 700, 'unigram', '');"
        "print(hashlib.sha256(made.encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(corpus).encode(),
        capture_output=True,
        check=True,
    )
    here = hashlib.sha256(made("sentencepiece_unigram").encode()).hexdigest()
    assert done.stdout.decode().strip() == here


@pytest.mark.parametrize("name", KINDS)
def test_transformers_loads_the_same(made: Callable[[str], str], name: str, tmp_path: Path) -> None:
    from llmfoundry.utils.builders import build_tokenizer

    files.write(tmp_path / "tokenizer", made(name))
    loaded = build_tokenizer(str(tmp_path / "tokenizer"), {"model_max_length": 64})
    encoder = Encoder(made(name))
    (ids,) = encoder.encode([CODE], ["code"])
    loaded.save_pretrained(tmp_path / "again")
    again = build_tokenizer(str(tmp_path / "again"), {})
    # Composer keeps no other kind of file in a checkpoint.
    assert {path.suffix for path in (tmp_path / "again").iterdir()} == {".json"}
    for tokenizer in (loaded, again):
        assert tokenizer(CODE, split_special_tokens=True)["input_ids"] == ids.tolist()
        assert tokenizer.decode(ids) == CODE
        assert tokenizer("<fim_prefix>")["input_ids"] == [encoder.ids["<fim_prefix>"]]
        backend: Any = getattr(tokenizer, "backend_tokenizer", None)
        assert fingerprint(backend.to_str()) == encoder.fingerprint
        assert (tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 1)
        assert len(tokenizer) == 700


def test_chunks_end_behind_lines() -> None:
    lines = "".join(f"{'x' * (n % 90)}\n" for n in range(1000))
    text = lines + "y" * 10_000
    found = list(trainer.chunks(text))
    assert "".join(found) == text
    assert max(map(len, found)) <= trainer.CHUNK_CHARS
    assert all(chunk.endswith("\n") for chunk in found[: len(lines) // trainer.CHUNK_CHARS])


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
@pytest.mark.parametrize(
    ("size", "message"),
    [(320, r"too small for the \d+ characters.*`size=\d+`"), (90_000, r"too large.*`size=\d+`")],
)
def test_names_the_size_that_fits(model_type: str, size: int, message: str) -> None:
    texts = ["def f(x):\n\treturn '漢字'\n"] * 9
    with pytest.raises(UserError, match=message) as caught:
        trainer.train(texts, size, model_type, "size")
    fitting = int(str(caught.value).split("`size=")[1].split("`")[0])
    assert Encoder(trainer.train(texts, fitting, model_type, "size")).vocab_size == fitting
