# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The vocabulary: lossless, reproducible, and the same through ``transformers``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep import tokenizer
from data_prep.tokenizer import Encoder
from foundry_plugins.contract.errors import UserError
from foundry_plugins.contract.fingerprint import fingerprint
from foundry_plugins.contract.sentinels import SENTINELS

CODE = "def f(x):\n\treturn x1234 <fim_middle> 'it''s' + \"é漢\U0001f600\"\r\n\n   \n"


def test_sentinels_come_first_and_their_text_is_text(vocabulary: str) -> None:
    encoder = Encoder(vocabulary)
    assert [encoder.ids[token] for token in SENTINELS] == list(range(len(SENTINELS)))
    (ids,) = encoder.encode(["".join(SENTINELS)], ["all"])
    assert ids.min() >= len(SENTINELS)
    assert encoder.vocab_size == 400
    assert (encoder.byte_lengths[: len(SENTINELS)] == 0).all()
    assert (encoder.byte_lengths[len(SENTINELS) :] > 0).all()


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back(vocabulary: str, text: str) -> None:
    encoder = Encoder(vocabulary)
    (ids,) = encoder.encode([text], ["drawn"])  # raises if it does not
    assert encoder.byte_lengths[ids].sum() == len(text.encode())


def test_a_lossy_tokenizer_is_refused(vocabulary: str) -> None:
    content = json.loads(vocabulary)
    content["normalizer"] = {"type": "NFKC"}
    with pytest.raises(UserError, match=r"a/b\.py does not come back"):
        Encoder(json.dumps(content)).encode(["ﬁ"], ["a/b.py"])


def test_split_pattern(vocabulary: str) -> None:
    encoder = Encoder(vocabulary)
    # Digits stay single, and no token crosses from a word into a symbol.
    entries = json.loads(vocabulary)["model"]["vocab"]
    assert not [entry for entry in entries if re.search(r"\d\d", entry)]
    words = ["x", " 1", "2", "foo", "(", "bar"]
    pieces = [ids.tolist() for ids in encoder.encode(words, words)]
    (joined,) = encoder.encode(["".join(words)], ["joined"])
    # " 1" is a space and a digit: the pattern's digit takes no leading space.
    assert joined.tolist() == [token for piece in pieces for token in piece]


def test_training_is_reproducible(vocabulary: str) -> None:
    # Another process has other hash seeds, and here other threads.
    program = (
        "import sys, sysconfig; from pathlib import Path; from data_prep import tokenizer;"
        "folder = Path(sysconfig.get_paths()['stdlib']) / 'json';"
        "texts = [p.read_text(encoding='utf-8') for p in sorted(folder.glob('*.py'))];"
        "sys.stdout.write(tokenizer.train(texts, 400))"
    )
    for threads in ("1", "3"):
        environment = {"RAYON_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "true"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True
        )
        assert done.stdout.decode() == vocabulary


def test_a_small_corpus_yields_fewer_entries() -> None:
    found = Encoder(tokenizer.train(["abab abab\n"], 1000))
    assert 256 + len(SENTINELS) < found.vocab_size < 1000


def test_transformers_loads_the_same(vocabulary: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer.write(tmp_path, vocabulary)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert fingerprint(loaded.backend_tokenizer.to_str()) == Encoder(vocabulary).fingerprint
    assert (loaded.eos_token, loaded.pad_token) == ("<|endoftext|>", "<|pad|>")
    assert (loaded.eos_token_id, loaded.pad_token_id, loaded.bos_token) == (0, 1, None)
    assert loaded.clean_up_tokenization_spaces is False
    assert len(loaded) == 400
    (ids,) = Encoder(vocabulary).encode([CODE], ["code"])
    assert loaded(CODE, split_special_tokens=True)["input_ids"] == ids.tolist()
    assert loaded.decode(ids) == CODE
    # A sentinel that a prompt spells out is the sentinel.
    assert loaded("<fim_prefix>")["input_ids"] == [2]
    loaded.save_pretrained(tmp_path / "again")
    again = AutoTokenizer.from_pretrained(tmp_path / "again")
    assert again(CODE)["input_ids"] == loaded(CODE)["input_ids"]
    assert fingerprint(again.backend_tokenizer.to_str()) == Encoder(vocabulary).fingerprint
    assert again.all_special_tokens == loaded.all_special_tokens == list(SENTINELS)
