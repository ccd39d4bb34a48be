# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The byte-level vocabulary: reproducible, and the same through ``transformers``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from data_prep.tokenizers import byte_level, files
from data_prep.tokenizers.encoder import Encoder
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
        "import sys, sysconfig; from pathlib import Path;"
        "from data_prep.tokenizers import byte_level;"
        "folder = Path(sysconfig.get_paths()['stdlib']) / 'json';"
        "texts = [p.read_text(encoding='utf-8') for p in sorted(folder.glob('*.py'))];"
        "sys.stdout.write(byte_level.train(texts, 400))"
    )
    for threads in ("1", "3"):
        environment = {"RAYON_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "true"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True
        )
        assert done.stdout.decode() == vocabulary


def test_ids_stay_those_of_earlier_releases() -> None:
    """A corpus that was converted before gets the vocabulary that it got then."""
    texts = ["def f(x):\n    return x + 10\n"] * 3 + ["for i in range(10):\n\tprint(i, 'é')\n"] * 2
    assert (
        Encoder(byte_level.train(texts, 340)).fingerprint
        == "685baae109b2e6cc412e84e3765af8419f2fbb4e536bd65e919be8f07944deb4"
    )


def test_a_small_corpus_yields_fewer_entries() -> None:
    found = Encoder(byte_level.train(["abab abab\n"], 1000))
    assert 256 + len(SENTINELS) < found.vocab_size < 1000


def test_transformers_loads_the_same(vocabulary: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    files.write(tmp_path, vocabulary)
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
